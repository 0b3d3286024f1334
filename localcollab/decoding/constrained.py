"""A model whose next token a grammar allows: one grammar state over the model's own distribution.

Being a `LanguageModel` around another, it works for a model alone and for a team of any method, with and
without a draft. What the grammar is written in is left to `llama.grammar`.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from localcollab.errors import BadOption
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading, Wrapper


class Grammar(Protocol):
    """The state of one grammar, at its start when it is opened."""

    def allowed(self, tokens: Sequence[int]) -> np.ndarray:
        """(n_vocab,) bool: what may follow `tokens`, each of which was allowed. End tokens are allowed
        where the text may end. Raises `BadOption` where the grammar cannot be followed."""
        ...

    def close(self) -> None: ...


class Constrained(Wrapper):
    """`inner` with -inf for every token that the grammar does not allow after `n_prompt` tokens."""

    def __init__(self, inner: LanguageModel, grammar: Grammar, n_prompt: int) -> None:
        super().__init__(inner)
        self._grammar, self._n_prompt = grammar, n_prompt

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """Rows after a token that was not allowed stay as they are: nothing is sampled from them."""
        reading = self.inner.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)
        logits = reading.logits.copy()
        for row, n_read in enumerate(range(len(tokens) - last + 1, len(tokens) + 1)):
            if n_read < self._n_prompt:
                continue
            allowed = self._grammar.allowed(tokens[self._n_prompt : n_read])
            logits[row, ~allowed] = -np.inf
            _require_any(logits[row])
            if n_read < len(tokens) and not allowed[tokens[n_read]]:
                break
        return reading._replace(logits=logits)


def _require_any(logits: Float32Array) -> None:
    if np.isneginf(logits.max()):
        raise BadOption(
            "`grammar` allows no token of this model's vocabulary here: allow another text, or use "
            "another model"
        )
