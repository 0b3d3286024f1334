"""A model's next-token distribution in the tokens of another: for arithmetic on logits.

`translated` gives an inner token's probability to the base token that its spelling begins with, which is
right for writing and wrong beside the base's own distribution: where inner writes `a`, `b` and the base
`ab`, everything would stand at `a`. Here a base token has the probability that inner's text, tokenized by
the base, goes on with it:

    P(t | text) = sum of P_inner(continuation), over those whose first token, to the base, is t

A continuation is known as far as one token of inner goes: so every string of bytes that such a token
begins with has its exact probability. Where a longer base token may begin with the same bytes, it is
open. An open token of which more than `unread` is at stake is read on; the rest is divided among the
base's tokens that begin so and that inner writes so, in the proportions of `guide`, which is the base
itself: a difference of two models then takes nothing from where neither was read.

With equal vocabularies no token is open, and the distribution is inner's own. With `unread` 0 it is
exact. The covering trees of arXiv:2506.14123 and the beams of arXiv:2412.03719 calculate next bytes; here
the unit is the base's token, so that the methods and the decoder stay what they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from localcollab.errors import UnknownCharacter
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading
from localcollab.vocabularies.encoded import EncodedText
from localcollab.vocabularies.prompts import OwnPrompts
from localcollab.vocabularies.spelling import IntArray, Spelling
from localcollab.vocabularies.stored import stored_spelling
from localcollab.vocabularies.translated import (
    NEGLIGIBLE,
    Float64Array,
    TranslatedModel,
    softmax,
    stays_boundary,
    summed,
)

UNREAD = 0.1
"""Probability that may be divided as the base would."""
_CHECKED = 0.01
"""Probability from which on the base's tokenizer itself says what its tokens of a text are."""
_KEPT = 8
"""Rows that were read ahead."""


class _Longer(NamedTuple):
    """Base tokens that inner writes with several of its own, by the next of these."""

    tokens: IntArray
    """Base tokens, .."""
    steps: IntArray
    """.. and inner's next token in each; ascending."""
    firsts: IntArray
    """Where each of its steps begins."""
    counts: IntArray

    def with_step(self, step: int) -> IntArray:
        first, last = np.searchsorted(self.steps, [step, step + 1])
        return self.tokens[first:last]


def _by_step(tokens: IntArray, steps: IntArray) -> _Longer:
    order = np.argsort(steps, kind="stable")
    firsts = np.flatnonzero(np.diff(steps[order], prepend=-1))
    counts = np.diff(firsts, append=len(tokens))
    return _Longer(tokens[order], steps[order], firsts, counts)


_NONE = _by_step(np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True)
class _Node:
    """A position of inner: behind the pending text, or within it."""

    path: tuple[int, ...]
    """Inner's tokens since the last word start."""
    text: bytes
    """What they write beyond the pending text."""
    weight: float
    cut: int
    """So many bytes of the next token are pending still."""
    closed: IntArray
    """The base token that begins a continuation with each inner token, if no longer one does."""
    longer: _Longer
    depth: int = 0
    """Of `longer.steps`, in the spelling of its tokens."""
    tokens: IntArray | None = None
    """Inner tokens, those of `closed`. None: all."""


@dataclass(frozen=True)
class _Position:
    """One reading in the making."""

    stable: tuple[int, ...]
    """Inner's tokens before the last word."""
    pending: bytes
    starts: tuple[int, ...]
    """Where the base's tokens of `pending` begin, and its end."""
    likely: Float32Array
    """(n_outer + 1,): the guide's probabilities, 0 for none."""
    on_chunk: OnChunk | None
    first_token: dict[bytes, int | None] = field(default_factory=dict)
    """Of a continuation, to the base; None: it does not begin where the pending text ends."""


class LiftedModel(TranslatedModel):
    """`inner` as a distribution over the tokens of `guide`, which reads beside it.

    Raises what `TranslatedModel` raises.
    """

    def __init__(
        self,
        inner: LanguageModel,
        guide: LanguageModel,
        *,
        unread: float = UNREAD,
        spelling: Spelling | None = None,
        back: Spelling | None = None,
        prompts: OwnPrompts | None = None,
    ) -> None:
        """`spelling`: of inner's tokens in the guide's vocabulary; `back`: the other way round."""
        super().__init__(inner, guide.vocabulary, spelling, prompts)
        self.guide, self._unread = guide, unread
        self._checked, self._negligible = min(_CHECKED, unread), min(NEGLIGIBLE, unread)
        self._back = back or stored_spelling(guide.vocabulary, inner.vocabulary)
        self._own = EncodedText(guide.vocabulary)
        """The text in the base's own tokens, whatever it was written with."""
        several = np.flatnonzero(np.diff(self._back.offsets) > 1)
        self._longer = _by_step(several, self._back.first[several])
        self._guides: dict[int, Float32Array] = {}
        self._ahead: dict[tuple[int, ...], Float32Array] = {}

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`."""
        self._check(tokens, last, hidden)
        if last:
            rows = self.guide.read(tokens, last=last, on_chunk=on_chunk).logits
            self._guides = dict(enumerate(rows, len(tokens) - last + 1))
        return super().read(tokens, last=last, on_chunk=on_chunk)

    def _context(self, tokens: Sequence[int]) -> tuple[list[int], int, bytes]:
        n_prompt, _ = self.prompts.at_start_of(tokens)
        text, breaks = self._written.of(tokens[n_prompt:])
        self._own.update(text, breaks)
        return super()._context(tokens)

    def _stays(self, start: int, least: int) -> bool:
        """As for inner, so for the base."""
        if self._own.boundary(start) is None:
            return False
        return super()._stays(start, least) and stays_boundary(self._own, start, least, self._back)

    def _row(self, tokens: Sequence[int], on_chunk: OnChunk | None) -> Float32Array:
        self._likely = np.append(softmax(self._guides[len(tokens)]), np.float32(0))
        return super()._row(tokens, on_chunk)

    def _mass(
        self, context: list[int], n_stable: int, pending: bytes, on_chunk: OnChunk | None
    ) -> Float64Array:
        path = tuple(context[n_stable:])
        first, left = self._steps_left(path, pending)
        written = self._vocabulary.encode_bytes(pending) if path else []
        starts = tuple(accumulate(map(len, map(self._vocabulary.piece, written)), initial=0))
        at = _Position(tuple(context[:n_stable]), pending, starts, self._likely, on_chunk)
        mass, weight = np.zeros(self.spelling.n_outer + 1), 1.0
        self._catch_up(context, n_stable + first, on_chunk)
        for n in range(first, len(path)):
            p = self._probabilities(context, n_stable + n, n_stable + first, on_chunk)
            tokens, following = self._beyond(path[:n], left[n], written)
            node = _Node(path[:n], b"", weight, len(left[n]), following, _NONE, tokens=tokens)
            mass += self._spread(at, node, p[tokens])
            weight *= float(p[path[n]])
            scale = max(weight, mass[:-1].sum())  # long words would underflow
            mass, weight = mass / scale, weight / scale
        if weight >= self._negligible * mass[:-1].sum():
            p = self._probabilities(context, len(context), n_stable + first, on_chunk)
            node = _Node(path, b"", weight, 0, self.spelling.first, self._longer)
            mass += self._spread(at, node, p)
        return mass[:-1]

    def _spread(self, at: _Position, node: _Node, p: Float32Array) -> Float64Array:
        """(n_vocab + 1,): `p` of inner's next token as the base's, times the weight."""
        mass, rest = np.zeros(self.spelling.n_outer + 1), p * np.float32(node.weight)
        heavy = np.flatnonzero((rest > 0) & (rest >= self._checked))
        for n in heavy.tolist():
            step = n if node.tokens is None else int(node.tokens[n])
            self._add(at, node, step, int(node.closed[n]), float(rest[n]), mass)
        rest[heavy] = 0
        mass += summed(node.closed, rest, len(mass))
        _divide(mass, node, rest, at.likely)
        return np.maximum(mass, 0, out=mass)

    def _add(
        self,
        at: _Position,
        node: _Node,
        step: int,
        closed: int,
        weight: float,
        mass: Float64Array,
    ) -> None:
        """Inner's token `step`, of probability `weight`, to `mass`."""
        text = node.text + self.inner.vocabulary.piece(step)[node.cut :]
        if text != node.text and (at.pending or node.text):
            first = self._first_token(at, text)
            if first is None:
                return  # the base would have written other tokens before
            closed = first
        group = node.longer.with_step(step)
        if text != node.text and self._is_worth_reading(at, node, closed, group, text, weight):
            child = self._child(node, step, text, closed, group, weight)
            row = self._row_after(at, child.path)
            if row is not None:
                mass += self._spread(at, child, row)
                return
        tokens = np.array([closed, *(group[group != closed])], np.int64)
        share = at.likely[tokens]
        if not share.sum():
            mass[closed] += weight
        else:
            mass[tokens] += weight * share / share.sum()

    def _is_worth_reading(
        self,
        at: _Position,
        node: _Node,
        closed: int,
        group: IntArray,
        text: bytes,
        weight: float,
    ) -> bool:
        if weight < self._unread:
            return False
        if not self._unread:
            return any(len(self._back.longer_than((at.pending + text)[n:])) for n in at.starts)
        if node.longer is _NONE:
            group = self._back.longer_than(text)
        share = np.array([at.likely[closed], *at.likely[group]])
        return bool(weight * (1 - share.max() / (share.sum() or 1)) >= self._unread)

    def _child(
        self, node: _Node, step: int, text: bytes, closed: int, group: IntArray, weight: float
    ) -> _Node:
        follows = np.full(self.inner.vocabulary.n_tokens, closed, np.int64)
        depth, longer = node.depth + 1, _NONE
        if len(group):
            offset = self._back.offsets[group] + depth
            group, offset = (x[offset < self._back.offsets[group + 1]] for x in (group, offset))
            steps = self._back.flat[offset]
            ends = offset + 1 == self._back.offsets[group + 1]
            follows[steps[ends]] = group[ends]
            longer = _by_step(group[~ends], steps[~ends])
        return _Node((*node.path, step), text, weight, 0, follows, longer, depth)

    def _first_token(self, at: _Position, text: bytes) -> int | None:
        if text not in at.first_token:
            at.first_token[text] = self._encoded_after(at.pending, text)
        return at.first_token[text]

    def _encoded_after(self, pending: bytes, text: bytes) -> int | None:
        try:
            tokens = self._vocabulary.encode_bytes(pending + text)
        except UnknownCharacter:
            return None
        n = 0
        for token in tokens:
            if n >= len(pending):
                return token if n == len(pending) else None
            n += len(self._vocabulary.piece(token))
        return None

    def _row_after(self, at: _Position, path: Sequence[int]) -> Float32Array | None:
        """Inner's probabilities after other tokens than those of the text; None without room for them."""
        tokens = (*at.stable, *path)
        if not tokens or len(tokens) > self.inner.n_ctx:
            return None
        if tokens not in self._ahead:
            row = softmax(self.inner.read(tokens, on_chunk=at.on_chunk).logits[-1])
            if len(self._ahead) >= _KEPT:
                del self._ahead[next(iter(self._ahead))]
            self._ahead[tokens] = row
        return self._ahead[tokens]

    def _probabilities(
        self, context: list[int], at: int, first: int, on_chunk: OnChunk | None
    ) -> Float32Array:
        if at not in self._rows and self._ahead:
            known = self._ahead.get(tuple(context[:at]))
            if known is not None:
                self._rows[at] = known
        return super()._probabilities(context, at, first, on_chunk)


def _divide(mass: Float64Array, node: _Node, p: Float32Array, likely: Float32Array) -> None:
    """Moves what stands at closed tokens to longer ones that begin so, in the guide's proportions."""
    tokens, steps, firsts, counts = node.longer
    if not len(tokens):
        return
    share, users = likely[tokens], steps[firsts]
    total = np.add.reduceat(share, firsts)
    closed = node.closed[users]
    whole = total + likely[closed]
    scale = np.divide(p[users], whole, out=np.zeros_like(whole), where=whole > 0)
    mass -= summed(closed, (scale * total), len(mass))
    mass[tokens] += np.repeat(scale, counts) * share
