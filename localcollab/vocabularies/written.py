"""What a growing sequence of tokens writes, in bytes."""

from bisect import bisect_right
from collections.abc import Sequence

from localcollab.vocabulary import Vocabulary


class WrittenText:
    """The bytes of a growing sequence of tokens. Control tokens write nothing and break words."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._tokens: list[int] = []
        self._ends = [0]
        self._breaks: list[int] = []
        self._text = b""

    def of(self, tokens: Sequence[int]) -> tuple[bytes, tuple[int, ...]]:
        """(text, offsets of breaks)."""
        n = common_start(self._tokens, tokens)
        if n < len(self._tokens):
            end = self._ends[n]
            del self._tokens[n:], self._ends[n + 1 :]
            self._text = self._text[:end]
            controls = [k for k, t in enumerate(self._tokens) if t in self._vocabulary.control]
            self._breaks = sorted({self._ends[k] for k in controls})
        parts, control = [], self._vocabulary.control
        for token in tokens[n:]:
            piece = b"" if token in control else self._vocabulary.piece(token)
            if token in control and self._breaks[-1:] != [self._ends[-1]]:
                self._breaks.append(self._ends[-1])
            parts.append(piece)
            self._ends.append(self._ends[-1] + len(piece))
        self._tokens += tokens[n:]
        self._text += b"".join(parts)
        return self._text, tuple(self._breaks)

    @property
    def ends(self) -> Sequence[int]:
        """`ends[n]`: the bytes that are written before token `n`, of the tokens that `of` saw last."""
        return self._ends

    def boundary(self, offset: int) -> int | None:
        """How many tokens, of those that `of` saw last, write the first `offset` bytes, control tokens
        there included; None where one crosses it."""
        n = bisect_right(self._ends, offset) - 1
        return n if self._ends[n] == offset else None


def common_start(one: Sequence[int], other: Sequence[int]) -> int:
    """The number of tokens until they part."""
    n = min(len(one), len(other))
    if list(one[:n]) == list(other[:n]):
        return n
    return next(k for k in range(n) if one[k] != other[k])
