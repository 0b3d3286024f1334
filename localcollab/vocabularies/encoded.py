"""A growing text as the tokens that a vocabulary gives it, encoded again near its end only.

The tokens are a function of the text alone, however it grew: it is cut into units of some 128 bytes, each
of which ends before a word that begins a token, and units are encoded one by one.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from localcollab.vocabularies.words import characters, n_bytes, word_starts
from localcollab.vocabulary import Vocabulary

_UNIT = 128
"""Bytes, at least."""


class _Unit(NamedTuple):
    start: int
    n_tokens: int
    """Before it."""
    seen: int
    """The bytes on which its start depends."""


class EncodedText:
    """`tokens` write `text`, and token `n` ends with byte `ends[n]`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.text, self.breaks = b"", tuple[int, ...]()
        self.tokens: list[int] = []
        self.ends: list[int] = []
        self._units = [_Unit(0, 0, 0)]

    def update(self, text: bytes, breaks: Sequence[int] = ()) -> None:
        """`breaks`: offsets, ascending, that no token may cross: control tokens stood there.

        Raises `UnknownCharacter` where the vocabulary cannot write the text; nothing is encoded then.
        """
        n_same = _common(self.text, text)
        old, new = self.breaks, tuple(breaks)
        n_breaks = _common_breaks(old, new)
        n_same = min([n_same, *old[n_breaks:][:1], *new[n_breaks:][:1]])
        if n_same == len(text) == len(self.text):
            return
        while self._units[-1].seen > n_same or self._units[-1].start > len(text):
            self._units.pop()
        self.text, self.breaks = text, new
        self._truncate()
        try:
            self._extend()
        except Exception:
            self.text, self.breaks, self._units = b"", (), [_Unit(0, 0, 0)]
            self._truncate()
            raise

    @property
    def last_start(self) -> int:
        """Of the last unit: a word begins there, or the text."""
        return self._units[-1].start

    def boundary(self, offset: int) -> int | None:
        """How many tokens write the first `offset` bytes; None where one crosses it."""
        n = bisect_right(self.ends, offset)
        return n if (self.ends[n - 1] if n else 0) == offset else None

    def _truncate(self) -> None:
        n = self._units[-1].n_tokens
        del self.tokens[n:], self.ends[n:]

    def _extend(self) -> None:
        """Encode from the last unit on."""
        while True:
            start = self._units[-1].start
            stop = next((b for b in self.breaks if b > start), len(self.text))
            unit = self._next_unit(start, stop)
            if unit is None:
                self._add(self.text[start:stop], start)
                if stop == len(self.text):
                    return
                unit = stop, stop + 1  # without the break it would start elsewhere
            self._units.append(_Unit(unit[0], len(self.tokens), unit[1]))

    def _next_unit(self, start: int, stop: int) -> tuple[int, int] | None:
        """Encodes one unit: (where the next starts, the bytes that this depends on)."""
        if stop - start <= _UNIT:
            return None
        size = 2 * _UNIT
        while True:
            end = min(stop, start + size)
            starts = word_starts(self.text[start:end])
            for at, after in pairwise(starts):
                if at >= _UNIT and self._add(self.text[start : start + after], start, at):
                    character = characters(self.text[start + after : start + after + 4])[0]
                    return start + at, start + after + n_bytes(character)
            if end == stop:
                return None
            size *= 2

    def _add(self, part: bytes, offset: int, n_wanted: int | None = None) -> bool:
        """The tokens of `part`, or of its first `n_wanted` bytes if that is a token boundary."""
        tokens, ends, at = self._vocabulary.encode_bytes(part), [], 0
        for token in tokens:
            at += len(self._vocabulary.piece(token))
            ends.append(at)
        if n_wanted is not None:
            if n_wanted not in ends:
                return False
            n = ends.index(n_wanted) + 1
            tokens, ends = tokens[:n], ends[:n]
        self.tokens += tokens
        self.ends += [offset + end for end in ends]
        return True


def _common(one: bytes, other: bytes) -> int:
    """The length of the common start."""
    if other.startswith(one):
        return len(one)
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_breaks(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
