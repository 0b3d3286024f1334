"""How one vocabulary writes the tokens of another.

A token of `inner` that `outer` has, too, is that token; any other is what the outer tokenizer makes of
its text, or the longest pieces that fit. An end is the outer end; what neither writes is left out. Built
once for two vocabularies: a quarter of a million tokens are encoded many at a time: one call takes 50
microseconds.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from localcollab.errors import UnknownCharacter
from localcollab.vocabulary import Vocabulary

IntArray = npt.NDArray[np.int64]

_LINES = 4096
"""Tokens encoded at once, one a line."""


@dataclass(frozen=True)
class Spelling:
    """`flat[offsets[t] : offsets[t + 1]]` are the outer tokens of inner token `t`."""

    offsets: IntArray
    """(n_inner + 1,)"""
    flat: IntArray
    ends: IntArray
    """Like `flat`: where each ends, in bytes of its inner token."""
    n_outer: int
    first: IntArray
    """(n_inner,): the first outer token; `n_outer` where there is none."""
    order: IntArray
    """Inner tokens that write something, by their bytes."""
    sorted_pieces: tuple[bytes, ...]

    @cached_property
    def longest(self) -> bytes:
        """Of the inner pieces."""
        return max(self.sorted_pieces, key=len, default=b"")

    def of(self, token: int) -> tuple[int, ...]:
        return tuple(self.flat[self.offsets[token] : self.offsets[token + 1]].tolist())

    def longer_than(self, start: bytes) -> IntArray:
        """The inner tokens that begin with `start` and go on."""
        first = bisect_left(self.sorted_pieces, start + b"\0")
        return self.order[first : bisect_left(self.sorted_pieces, _after(start), first)]

    def following(self, tokens: IntArray, written: Sequence[int]) -> IntArray:
        """The outer token after `written` in each spelling; `n_outer` where that begins otherwise."""
        start, n = self.offsets[tokens], len(written)
        fits = self.offsets[tokens + 1] - start > n
        found = np.full(len(tokens), self.n_outer, np.int64)
        start = start[fits]
        same = np.ones(len(start), np.bool_)
        for k, token in enumerate(written):
            same &= self.flat[start + k] == token
        found[np.flatnonzero(fits)[same]] = self.flat[start[same] + n]
        return found

    def following_bytes(self, tokens: IntArray, n: int) -> IntArray:
        """The outer token after the first `n` bytes of each; `n_outer` where none begins there."""
        found = np.full(len(tokens), self.n_outer, np.int64)
        at, last = self.offsets[tokens], self.offsets[tokens + 1] - 1
        for _ in range(n):
            some = np.flatnonzero(at < last)
            ends = self.ends[at[some]]
            hit = some[ends == n]
            found[hit] = self.flat[at[hit] + 1]
            at[some] += 1
            if not len(some):
                break
        return found


def _after(start: bytes) -> bytes:
    """The least bytes above all that begin with `start`."""
    kept = start.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\xff" * 256


def spell(inner: Vocabulary, outer: Vocabulary) -> Spelling:
    """Takes seconds for large vocabularies."""
    spelled: list[Sequence[int]] = [()] * inner.n_tokens
    others: list[int] = []
    for token, piece in enumerate(inner.pieces):
        same = outer.token_of.get(piece) if piece else None
        if same is not None:
            spelled[token] = (same,)
        elif piece:
            others.append(token)
    end = outer.eos if outer.eos is not None else min(outer.end, default=None)
    for token in inner.end:
        spelled[token] = () if end is None else (end,)
    for token, tokens in _encoded(others, inner.pieces, outer):
        spelled[token] = tokens
    lengths = np.array(list(map(len, spelled)), np.int64)
    flat = np.array([token for tokens in spelled for token in tokens], np.int64)
    order = sorted((t for t, p in enumerate(inner.pieces) if p), key=inner.pieces.__getitem__)
    return arranged(lengths, flat, np.array(order, np.int64), inner, outer)


def arranged(
    lengths: IntArray, flat: IntArray, order: IntArray, inner: Vocabulary, outer: Vocabulary
) -> Spelling:
    """`lengths` (n_inner,): of each token's spelling; `flat`: all of them; `order`: as in `Spelling`."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    first = np.full(inner.n_tokens, outer.n_tokens, np.int64)
    written = np.flatnonzero(lengths)
    first[written] = flat[offsets[written]]
    pieces = tuple(map(inner.pieces.__getitem__, order.tolist()))
    ends = _ends(lengths, offsets, flat, outer)
    return Spelling(offsets, flat, ends, outer.n_tokens, first, order, pieces)


def _ends(lengths: IntArray, offsets: IntArray, flat: IntArray, outer: Vocabulary) -> IntArray:
    """Where each of `flat` ends, in bytes of its inner token."""
    n_bytes = np.array(list(map(len, outer.pieces)), np.int64)
    total = np.concatenate([[0], np.cumsum(n_bytes[flat])])
    found: IntArray = total[1:] - np.repeat(total[offsets[:-1]], lengths)
    return found


def _encoded(
    tokens: Sequence[int], pieces: Sequence[bytes], outer: Vocabulary
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(token, how `outer` encodes its text)."""
    lines = [token for token in tokens if _is_line(pieces[token])]
    for at in range(0, len(lines), _LINES):
        some = lines[at : at + _LINES]
        yield from zip(some, _encode_lines([pieces[t] for t in some], outer), strict=True)
    for token in sorted(set(tokens).difference(lines)):
        yield token, _encode_one(pieces[token], outer)


def _is_line(piece: bytes) -> bool:
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return False
    return not text.isspace() and text.splitlines() == [text]


def _encode_lines(pieces: Sequence[bytes], outer: Vocabulary) -> Iterator[tuple[int, ...]]:
    """Each one's part of the tokens of all lines; alone where it has none of its own."""
    try:
        tokens = outer.encode_bytes(b"\n" + b"\n".join(pieces) + b"\n")
    except UnknownCharacter:
        tokens = []
    ends = [0, *accumulate(len(outer.piece(token)) for token in tokens)]
    place = {end: n for n, end in enumerate(ends)}
    at = 1
    for piece in pieces:
        first, last = place.get(at), place.get(at + len(piece))
        at += len(piece) + 1
        if first is None or last is None:
            yield _encode_one(piece, outer)
        else:
            yield tuple(tokens[first:last])


def _encode_one(piece: bytes, outer: Vocabulary) -> tuple[int, ...]:
    try:
        return tuple(outer.encode_bytes(piece))
    except UnknownCharacter:
        return ()
