"""Composition by cross-attention, CALM (arXiv:2401.02412): an anchor that looks into other models.

At every paired layer h_B <- h_B + W_o Attn(norm(h_B) W_q, norm(h_A) W_k, norm(h_A) W_v), causal over all
positions of the augmenting model up to the current one; both models frozen. Runs in NumPy inside
llama.cpp's graph (`llama.hooks`). Keys and values of past positions are kept beside the KV caches and
follow them: a position that is read again is written again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from localcollab.bridges import Bridge, Pair, rms_norm
from localcollab.errors import BadOption
from localcollab.language_model import Float32Array, OnChunk, Reading
from localcollab.llama import library
from localcollab.llama.context import LlamaModel
from localcollab.llama.hooks import LayerHook
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights, choose_n_ctx
from localcollab.vocabulary import Vocabulary, require_same


class CrossAttention:
    """One layer pair at work: keys and values by position, queries when the anchor comes by."""

    def __init__(self, pair: Pair, n_heads: int, n_ctx: int) -> None:
        self._pair, self._n_heads = pair, n_heads
        width = pair.n_inner // n_heads
        self._keys = np.zeros((n_heads, n_ctx, width), np.float32)
        self._values = np.zeros((n_heads, n_ctx, width), np.float32)
        self._scale = np.float32(width**-0.5)

    def remember(self, position: int, states: Float32Array) -> None:
        """States of the augmenting layer, (n, d_A), from `position` on."""
        normed = rms_norm(states, self._pair.norm_augmenting)
        rows = slice(position, position + len(states))
        self._keys[:, rows] = self._by_head(normed @ self._pair.key.T)
        self._values[:, rows] = self._by_head(normed @ self._pair.value.T)

    def attend(self, position: int, states: Float32Array) -> Float32Array:
        """What is added to the anchor's states (n, d_B), which start at `position`."""
        n, end = len(states), position + len(states)
        queries = self._by_head(rms_norm(states, self._pair.norm_anchor) @ self._pair.query.T)
        scores = queries @ self._keys[:, :end].transpose(0, 2, 1) * self._scale  # (H, n, end)
        if n > 1:
            future = np.arange(end)[None, :] > np.arange(position, end)[:, None]
            scores[:, future] = -np.inf
        scores -= scores.max(axis=-1, keepdims=True)
        weights = np.exp(scores, out=scores)
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ self._values[:, :end]).transpose(1, 0, 2).reshape(n, -1)
        added: Float32Array = mixed @ self._pair.output.T
        return added

    def _by_head(self, rows: Float32Array) -> Float32Array:
        """(n, n_inner) -> (n_heads, n, width)"""
        return rows.reshape(len(rows), self._n_heads, -1).transpose(1, 0, 2)


@dataclass(frozen=True, slots=True)
class Augmenting:
    """A model that the anchor looks into, and the bridge to it."""

    name: str
    weights: Weights
    bridge: Bridge


class CalmModel:
    """A `LanguageModel`: the anchor's logits with the bridges' states added on the way.

    `members` are the contexts, anchor first. Raises `BadOption` for a GPU, for layers that the models
    lack, and `VocabularyMismatch`. The bridges were checked against the files by whoever loaded them.
    """

    def __init__(
        self, name: str, anchor: Weights, augmenting: Sequence[Augmenting], options: Options
    ) -> None:
        if library.supports_gpu() and options.n_gpu_layers != 0:
            raise BadOption(f"{name}: composed models run on the CPU only: give n_gpu_layers 0")
        if not augmenting:
            raise BadOption(f"{name}: nothing to compose the anchor with: name an augmenting model")
        self.name = name
        n_ctx = min(choose_n_ctx(w, options) for w in (anchor, *(m.weights for m in augmenting)))
        options = replace(options, n_ctx=n_ctx)
        self._attentions: dict[int, list[CrossAttention]] = {}
        self._readers = [self._open_augmenting(model, options) for model in augmenting]
        hook = LayerHook(list(self._attentions), anchor.n_embd, self._compose)
        self._anchor = LlamaModel(anchor, options, name="anchor", hook=hook)
        for reader in self._readers:
            require_same("anchor", self._anchor.vocabulary, reader.name, reader.vocabulary)

    def _open_augmenting(self, model: Augmenting, options: Options) -> LlamaModel:
        card = model.bridge.card
        assert options.n_ctx is not None
        by_layer: dict[int, list[CrossAttention]] = {}
        for (layer, anchor_layer), pair in zip(card.pairs, model.bridge.pairs, strict=True):
            attention = CrossAttention(pair, card.n_heads, options.n_ctx)
            by_layer.setdefault(layer, []).append(attention)
            self._attentions.setdefault(anchor_layer, []).append(attention)

        def remember(layer: int, position: int, states: Float32Array) -> None:
            for attention in by_layer[layer]:
                attention.remember(position, states)

        hook = LayerHook(list(by_layer), model.weights.n_embd, remember)
        return LlamaModel(model.weights, options, name=model.name, hook=hook)

    def _compose(self, layer: int, position: int, states: Float32Array) -> Float32Array:
        composed = states.copy()
        for attention in self._attentions[layer]:
            composed += attention.attend(position, states)
        return composed

    @property
    def members(self) -> Mapping[str, LlamaModel]:
        return {model.name: model for model in (self._anchor, *self._readers)}

    @property
    def vocabulary(self) -> Vocabulary:
        return self._anchor.vocabulary

    @property
    def n_embd(self) -> int:
        return self._anchor.n_embd

    @property
    def n_ctx(self) -> int:
        return min(model.n_ctx for model in self.members.values())

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. `hidden` is the composed anchor's."""
        for reader in self._readers:
            reader.read(tokens, last=0, on_chunk=on_chunk)
        return self._anchor.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)

    def attribute(self, reading: Reading, token: int) -> str:
        """One author: a composition writes every token together."""
        return self.name
