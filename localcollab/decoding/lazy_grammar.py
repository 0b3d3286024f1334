"""A grammar that begins within a text: anything may be written until then.

Where a form has begun that the grammar cannot follow, the rest of the text is free as well.
"""

from collections.abc import Callable, Sequence

import numpy as np

from localcollab.decoding.constrained import Grammar
from localcollab.errors import BadOption
from localcollab.vocabulary import Vocabulary

Begins = Callable[[bytes], int | None]
"""The text so far -> where in it, in bytes, the form has begun; None: it has not."""
OpenAfter = Callable[[str], Grammar]
"""Opens the grammar of a text that begins with these characters and goes on with the form."""


class LazyGrammar:
    """See `constrained.Grammar`."""

    def __init__(self, vocabulary: Vocabulary, begins: Begins, open_after: OpenAfter) -> None:
        self._piece, self._begins, self._open_after = vocabulary.piece, begins, open_after
        self._anything = np.ones(vocabulary.n_tokens, bool)
        self._grammar: Grammar | None = None
        self._begun: tuple[int, ...] = ()
        """The tokens with which the form began, those before it included; empty: it has not."""
        self._n_before = 0
        """Tokens before the grammar's first."""

    def allowed(self, tokens: Sequence[int]) -> np.ndarray:
        """(n_vocab,) bool."""
        written = tuple(tokens)
        if not self._begun or written[: len(self._begun)] != self._begun:
            self._look(written)
        if self._grammar is None:
            return self._anything
        return self._grammar.allowed(written[self._n_before :])

    def close(self) -> None:
        if self._grammar is not None:
            self._grammar.close()
        self._grammar = None

    def _look(self, written: tuple[int, ...]) -> None:
        """For the form in a text that has changed or grown."""
        self.close()
        self._begun = ()
        pieces = [self._piece(token) for token in written]
        at = self._begins(b"".join(pieces))
        if at is None:
            return
        self._begun = written
        n_before, n_bytes = 0, 0
        while n_bytes + len(pieces[n_before]) <= at:
            n_bytes += len(pieces[n_before])
            n_before += 1
        self._n_before = n_before
        # A token may hold the end of what stands before, too.
        before = pieces[n_before][: at - n_bytes]
        try:
            self._grammar = self._open_after(before.decode("utf-8"))
            if not self._can_follow(self._grammar, written[n_before:]):
                self.close()
        except (UnicodeDecodeError, BadOption):
            self.close()

    def _can_follow(self, grammar: Grammar, written: tuple[int, ...]) -> bool:
        """A token that completes the beginning may go on as the grammar does not."""
        return all(grammar.allowed(written[:n])[token] for n, token in enumerate(written))
