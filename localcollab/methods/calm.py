"""Composition by cross-attention, CALM (arXiv:2401.02412): an anchor that attends to other models.

At every paired layer h_B <- h_B + W_o Attn(norm(h_B) W_q, norm(h_A) W_k, norm(h_A) W_v), causal over all
positions of the augmenting model up to the current one; both models frozen. Runs in NumPy inside
llama.cpp's graph (`llama.hooks`). Keys and values of past positions are stored beside the KV caches and
follow them: a position that is read again is overwritten.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from localcollab.errors import BadOption, EvaluationFailed
from localcollab.language_model import Float32Array, OnChunk, Reading
from localcollab.llama import library
from localcollab.llama.context import LlamaModel
from localcollab.llama.hooks import LayerHook
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.llama.weights import Weights, choose_n_ctx
from localcollab.methods.bridges import Bridge, Pair, rms_norm
from localcollab.vocabulary import Vocabulary, require_same


class CrossAttention:
    """One layer pair during a read: keys and values by position, queries from the anchor."""

    def __init__(self, pair: Pair, n_heads: int, n_ctx: int, slopes: Sequence[float] = ()) -> None:
        self._pair, self._n_heads = pair, n_heads
        self._slopes = np.array(slopes, np.float32)[:, None, None] if any(slopes) else None
        width = pair.n_inner // n_heads
        self._keys = np.zeros((n_heads, n_ctx, width), np.float32)
        self._values = np.zeros((n_heads, n_ctx, width), np.float32)
        self._scale = np.float32(width**-0.5)

    def store(self, position: int, states: Float32Array) -> None:
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
        if self._slopes is not None:
            back = np.arange(position, end)[:, None] - np.arange(end)[None, :]  # (n, end)
            scores -= self._slopes * back.astype(np.float32)
        if n > 1:
            future = np.arange(end)[None, :] > np.arange(position, end)[:, None]
            scores[:, future] = -np.inf
        scores -= scores.max(axis=-1, keepdims=True)
        weights = np.exp(scores, out=scores)
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ self._values[:, :end]).transpose(1, 0, 2).reshape(n, -1)
        added: Float32Array = mixed @ self._pair.output.T
        return added

    def n_bytes(self, n_tokens: int) -> int:
        n_heads, _, width = self._keys.shape
        return 2 * n_heads * n_tokens * width * self._keys.itemsize

    def dump(self, n_tokens: int) -> bytes:
        """Keys and values of the first `n_tokens` positions."""
        return self._keys[:, :n_tokens].tobytes() + self._values[:, :n_tokens].tobytes()

    def fill(self, n_tokens: int, data: memoryview) -> bool:
        """From a dump. False: values that are no numbers."""
        found = np.frombuffer(data, np.float32).reshape(2, self._n_heads, n_tokens, -1)
        self._keys[:, :n_tokens], self._values[:, :n_tokens] = found
        return bool(np.isfinite(found).all())

    def _by_head(self, rows: Float32Array) -> Float32Array:
        """(n, n_inner) -> (n_heads, n, width)"""
        return rows.reshape(len(rows), self._n_heads, -1).transpose(1, 0, 2)


class _Attended:
    """What stands beside the cache of an augmenting model: see `prompt_cache.Beside`. Of the anchor:
    nothing, but its numbers depend on the composition, too."""

    def __init__(self, key: str, attentions: Sequence[CrossAttention] = ()) -> None:
        self.key, self._attentions = key, attentions

    def dump(self, n_tokens: int) -> bytes:
        return b"".join(attention.dump(n_tokens) for attention in self._attentions)

    def fill(self, n_tokens: int, data: memoryview) -> bool:
        sizes = [attention.n_bytes(n_tokens) for attention in self._attentions]
        if sum(sizes) != len(data):
            return False
        ends = itertools.accumulate(sizes)
        return all(
            attention.fill(n_tokens, data[end - size : end])
            for attention, size, end in zip(self._attentions, sizes, ends, strict=True)
        )


class CalmModel:
    """A `LanguageModel`: the anchor's logits, with the bridge's states added at its layers.

    `augmenting`: by name, in the bridge's order. `members` are the contexts, anchor first. Raises
    `BadOption` for a GPU and for layers that the models lack, `BridgeMismatch` for other widths,
    `VocabularyMismatch`. The caller has checked the bridge against the files.
    """

    def __init__(
        self,
        name: str,
        anchor: Weights,
        augmenting: Mapping[str, Weights],
        bridge: Bridge,
        options: Options,
    ) -> None:
        if library.supports_gpu() and options.n_gpu_layers != 0:
            raise BadOption(f"{name}: composed models run on the CPU only: give `n_gpu_layers` 0")
        everyone = (anchor, *augmenting.values())
        if len(everyone) - 1 != len(bridge.metadata.augmenting_sha256s):
            raise BadOption(
                f"{name}: the bridge has {len(bridge.metadata.augmenting_sha256s)} augmenting "
                f"models, {len(augmenting)} are given"
            )
        bridge.require_widths([weights.n_embd for weights in everyone])
        self.name = name
        self._is_on = True
        n_ctx = min(choose_n_ctx(weights, options) for weights in everyone)
        options = replace(options, n_ctx=n_ctx)
        self._targets: dict[int, list[CrossAttention]] = {}
        self._sources: list[list[CrossAttention]] = []
        self._options = options
        self._readers = [
            self._open_augmenting(n, who, weights, bridge, options)
            for n, (who, weights) in enumerate(augmenting.items())
        ]
        hook = LayerHook(list(self._targets), anchor.n_embd, self._compose)
        self._anchor = LlamaModel(anchor, options, name="anchor", hook=hook)
        for reader in self._readers:
            require_same("anchor", self._anchor.vocabulary, reader.name, reader.vocabulary)

    def _open_augmenting(
        self, number: int, name: str, weights: Weights, bridge: Bridge, options: Options
    ) -> LlamaModel:
        assert options.n_ctx is not None
        sources: dict[int, list[CrossAttention]] = {}
        for layers, pair in zip(bridge.metadata.pairs, bridge.pairs, strict=True):
            if layers.model == number:
                attention = CrossAttention(
                    pair, bridge.metadata.n_heads, options.n_ctx, bridge.metadata.slopes
                )
                sources.setdefault(layers.source, []).append(attention)
                self._targets.setdefault(layers.target, []).append(attention)

        self._sources.append([each for found in sources.values() for each in found])

        def store(layer: int, position: int, states: Float32Array) -> None:
            with np.errstate(over="ignore", invalid="ignore"):  # `_compose` reports it
                for attention in sources[layer]:
                    attention.store(position, states)

        hook = LayerHook(list(sources), weights.n_embd, store, only_reads=True)
        return LlamaModel(weights, options, name=name, hook=hook)

    def keep_in(self, cache: PromptCache, sha256s: Sequence[str], composition: str) -> None:
        """Keep the states of all contexts on disk. `sha256s`: of the weights, the anchor's first;
        `composition`: identifies the whole, bridge included."""
        beside = [_Attended(composition), *(_Attended(composition, each) for each in self._sources)]
        for context, sha256, its in zip(self.members.values(), sha256s, beside, strict=True):
            context.kept = cache.context(context, sha256, self._options, its)

    def switch(self, is_on: bool) -> None:
        """Off: the anchor alone; no augmenting model is read."""
        if is_on != self._is_on:
            self._is_on = is_on
            self._anchor.kept = None  # on disk are states of the composition
            self._anchor.forget()

    def _compose(self, layer: int, position: int, states: Float32Array) -> Float32Array | None:
        if not self._is_on:
            return None
        composed = states.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # reported below
            for attention in self._targets[layer]:
                composed += attention.attend(position, states)
        if not np.isfinite(composed).all() and np.isfinite(states).all():
            raise EvaluationFailed(
                f"{self.name}: the bridge produces NaN or infinite values at layer {layer}: train "
                "another one with localcollab convert calm"
            )
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
        for reader in self._readers if self._is_on else ():
            reader.read(tokens, last=0, on_chunk=on_chunk)
        return self._anchor.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)

    def attribute(self, reading: Reading, token: int) -> str:
        """One author: the composition writes every token."""
        return self.name
