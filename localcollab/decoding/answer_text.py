"""From tokens to the text of an answer: complete characters only, stop strings found and removed.

A token is held back while its bytes are part of an incomplete character, or its text may be the start of
a stop string. What was yielded is withdrawn by `take_back` alone.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from localcollab.decoding.encoding import TextStream
from localcollab.errors import BadOption
from localcollab.events import Retracted, Token


@dataclass(frozen=True, slots=True)
class Limits:
    """When an answer ends. Raises `BadOption`."""

    max_tokens: int | None = None
    """Maximum number of tokens to generate; None: as many as the context holds."""
    stop: tuple[str, ...] = ()
    """Strings that end the answer; they are not part of it."""
    ends_loops: bool = True
    """End an answer that repeats itself: see `repetition`."""
    allowed_loops: tuple[tuple[int, ...], ...] = ()
    """Units of tokens that may be repeated, because somebody asked for more of them."""

    def __post_init__(self) -> None:
        if self.max_tokens is not None and self.max_tokens < 1:
            raise BadOption(f"`max_tokens` is {self.max_tokens}: give 1 or more")
        if any(not s for s in self.stop):
            raise BadOption("`stop` holds an empty string: give at least one character")


class Answer:
    """What was written so far. `tokens` are all ids, those of a stop string too."""

    def __init__(self, stop: tuple[str, ...], piece: Callable[[int], bytes]) -> None:
        self.tokens: list[int] = []
        self.text = ""
        self.hit_stop = False
        self._stop, self._piece = stop, piece
        self._stream = TextStream()
        self._held: list[Token] = []
        self._n_yielded = 0
        self._authors: list[str] = []

    @property
    def authors(self) -> Counter[str]:
        """Tokens by author."""
        return Counter(self._authors)

    def add(self, token: Token) -> Iterator[Token]:
        """Yields the tokens whose text is now certain."""
        self.tokens.append(token.id)
        self._authors.append(token.author)
        text = self._stream.add(self._piece(token.id))
        # As `replace` does, in half the time: every token comes this way.
        self._held.append(
            Token(token.id, text, token.author, token.probability, token.p_defer, token.unsure)
        )
        held = "".join([t.text for t in self._held])
        ends = [held.index(s) for s in self._stop if s in held]
        if ends:
            self.hit_stop = True
            yield from self._release(min(ends))
            self._held.clear()
        elif self._stream.is_complete:
            yield from self._release(len(held) - self._may_be_stop(held))

    def flush(self) -> Iterator[Token]:
        """Yields the rest. Incomplete characters become U+FFFD."""
        rest = self._stream.flush()
        if self._held and not self.hit_stop:
            self._held[-1] = replace(self._held[-1], text=self._held[-1].text + rest)
            yield from self._release(sum(len(t.text) for t in self._held))

    def cut(self, n_tokens: int) -> None:
        """Keep the first `n_tokens` only, and what the last character of them needs beyond.

        What was yielded of the others is no longer a part of the answer.
        """
        stream, text, n = TextStream(), "", 0
        for n, token in enumerate(self.tokens, start=1):
            text += stream.add(self._piece(token))
            if n >= n_tokens and stream.is_complete:
                break
        del self.tokens[n:], self._authors[n:]
        self.text = text + stream.flush()

    def take_back(self, n_tokens: int, why: str = "repeated itself", author: str = "") -> Retracted:
        """As `cut`; the answer goes on from there."""
        before, n_yielded = self.text, self._n_yielded
        self.cut(n_tokens)
        self._stream, self._held = TextStream(), []
        self._n_yielded = min(n_yielded, len(self.tokens))
        taken = before[len(self.text) :]
        return Retracted(n_yielded - self._n_yielded, taken, why, author)

    def is_whole(self, n_tokens: int) -> bool:
        """Whether the first `n_tokens` end with a character."""
        stream = TextStream()
        for token in self.tokens[:n_tokens]:
            stream.add(self._piece(token))
        return stream.is_complete

    def _may_be_stop(self, held: str) -> int:
        """How many characters at the end may be the start of a stop string."""
        lengths = (n for s in self._stop for n in range(1, len(s)) if held.endswith(s[:n]))
        return max(lengths, default=0)

    def _release(self, n_characters: int) -> Iterator[Token]:
        """The held tokens whose text lies within the first `n_characters`; cut at a stop string."""
        while self._held:
            token = self._held[0]
            if len(token.text) > n_characters:
                if self.hit_stop and n_characters:
                    self.text += token.text[:n_characters]
                    yield replace(token, text=token.text[:n_characters])
                return
            if self.hit_stop and not n_characters:
                return
            del self._held[0]
            n_characters -= len(token.text)
            self.text += token.text
            self._n_yielded += 1
            yield token
