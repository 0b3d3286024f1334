r"""Words: the segments at which models of different vocabularies can take turns.

A segment is `\s*(\w+|[^\w\s]+)`, leading white space included, with two additions: in scripts that
write no spaces between words (Chinese, Japanese, Thai, ..) every character is one, and marks (accents,
vowel signs, joiners) belong to what they stand on. All is said of bytes: a part of a character, and a
byte that is none, continue the segment they stand in.
"""

import unicodedata
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from localcollab.vocabulary import Vocabulary

BoolArray = npt.NDArray[np.bool_]


class Kind(IntEnum):
    """Of a character, and of the end of a text: that of its last character but marks."""

    NOTHING = 0
    """No text: a control token, or the start."""
    WHITE = 1
    WORD = 2
    SIGN = 3
    SINGLE = 4
    """A word by itself."""
    MARK = 5
    """Continues whatever it follows; so does a part of a character."""


_BEGINS = np.zeros((6, 6), np.bool_)
"""[kind of the text so far, kind of the next character]: does the next begin a segment?"""
_BEGINS[Kind.NOTHING] = True
_BEGINS[:, Kind.NOTHING] = True
_BEGINS[Kind.WORD, [Kind.WHITE, Kind.SIGN, Kind.SINGLE]] = True
_BEGINS[Kind.SIGN, [Kind.WHITE, Kind.WORD, Kind.SINGLE]] = True
_BEGINS[Kind.SINGLE, [Kind.WHITE, Kind.WORD, Kind.SIGN, Kind.SINGLE]] = True

_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x31F0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x323AF),
)  # fmt: skip
"""Thai and Lao, Burmese, Khmer, kana, Han."""
_JOINERS = ("\u200c", "\u200d")


@lru_cache(maxsize=65536)
def kind_of(character: str) -> Kind:
    """A surrogate stands for a byte that is no character, or not yet."""
    if character.isspace():
        return Kind.WHITE
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cs" or character in _JOINERS:
        return Kind.MARK
    if any(first <= ord(character) <= last for first, last in _UNSPACED):
        return Kind.SINGLE
    return Kind.WORD if character.isalnum() or character == "_" else Kind.SIGN


def characters(data: bytes) -> str:
    """Characters, and one surrogate for each byte that is none or not yet."""
    return data.decode("utf-8", "surrogateescape")


def n_bytes(character: str) -> int:
    """In the data that `characters` read."""
    code = ord(character)
    return (
        1 if code < 0x80 or 0xDC80 <= code <= 0xDCFF else 2 if code < 0x800 else 3 + (code > 0xFFFF)
    )


def word_starts(data: bytes, first: int = 0) -> list[int]:
    """Byte offsets at which a segment begins. `first`: look from this start on, which is the first."""
    starts, kind, at = [], Kind.NOTHING, first
    for character in characters(data[first:]):
        found = kind_of(character)
        if _BEGINS[kind, found]:
            starts.append(at)
        if found is not Kind.MARK:
            kind = found
        at += n_bytes(character)
    return starts


def last_starts(data: bytes, least: int = 0) -> list[int]:
    """Of the last few segments; all that begin at `least`, itself one, or later, if these are few."""
    size = 64
    while True:
        cut = max(least, len(data) - size)
        while cut > least and data[cut] & 0xC0 == 0x80:
            cut -= 1
        starts = word_starts(data, cut)
        if cut == least:
            return starts
        if len(starts) > 4:
            return starts[1:]  # the first is where the look back ended
        size *= 4


def kind_at_end(data: bytes) -> Kind:
    """MARK where the text ends within a character: whatever comes continues it."""
    text = characters(data[-256:])
    if text and "\udc80" <= text[-1] <= "\udcff":
        return Kind.MARK
    kinds = (kind_of(character) for character in reversed(text))
    return next((kind for kind in kinds if kind is not Kind.MARK), Kind.NOTHING)


class Beginners:
    """Which tokens of a vocabulary begin another segment."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._kinds = first_kinds(vocabulary.pieces)
        self._silent = np.array(sorted(vocabulary.end | vocabulary.control), np.int64)
        self._kinds[self._silent] = Kind.NOTHING
        self._known: dict[Kind, BoolArray] = {}

    def after(self, kind: Kind) -> BoolArray:
        """(n_vocab,), True for a token that begins a segment after a text that ends so. The end, and
        every control token, begins one wherever it stands."""
        if kind not in self._known:
            self._known[kind] = _BEGINS[kind][self._kinds]
        return self._known[kind]


def first_kinds(pieces: Sequence[bytes]) -> npt.NDArray[np.int8]:
    """Of the first character of each."""
    ascii_kinds = [kind_of(chr(code)) for code in range(128)]
    return np.array(
        [
            (ascii_kinds[piece[0]] if piece[0] < 128 else kind_of(characters(piece[:4])[0]))
            if piece
            else Kind.NOTHING
            for piece in pieces
        ],
        np.int8,
    )
