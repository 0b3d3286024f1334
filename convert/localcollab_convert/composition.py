"""CALM in PyTorch, for training: an anchor whose layers look into a frozen augmenting model.

The same mathematics as `localcollab.calm`, on transformers' Llama-like models, by forward hooks. Causal:
a position sees the augmenting model's states up to itself, never beyond.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from localcollab.bridges import NORM_EPS, Pair


class PairModule(nn.Module):
    """One layer pair. The output projection starts at zero: a fresh bridge changes nothing."""

    def __init__(self, d_anchor: int, d_augmenting: int, n_inner: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_anchor = nn.RMSNorm(d_anchor, eps=NORM_EPS)
        self.norm_augmenting = nn.RMSNorm(d_augmenting, eps=NORM_EPS)
        self.query = nn.Linear(d_anchor, n_inner, bias=False)
        self.key = nn.Linear(d_augmenting, n_inner, bias=False)
        self.value = nn.Linear(d_augmenting, n_inner, bias=False)
        self.output = nn.Linear(n_inner, d_anchor, bias=False)
        nn.init.zeros_(self.output.weight)

    def forward(self, anchor: Tensor, augmenting: Tensor) -> Tensor:
        """(b, n, d_B), (b, n, d_A) -> what is added to the anchor's states, (b, n, d_B)."""
        a = self.norm_augmenting(augmenting)
        q = self._by_head(self.query(self.norm_anchor(anchor)))
        k, v = self._by_head(self.key(a)), self._by_head(self.value(a))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (b, H, n, width)
        added: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return added

    def _by_head(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        return x.view(b, n, self.n_heads, -1).transpose(1, 2)

    def to_pair(self) -> Pair:
        """For a bridge file."""
        return Pair(
            *(
                module.weight.detach().float().numpy().copy()
                for module in (
                    self.norm_anchor, self.norm_augmenting, self.query, self.key, self.value,
                    self.output,
                )
            )
        )  # fmt: skip


class Composition(nn.Module):
    """Both models frozen; only `pairs` learn. `layers`: (augmenting layer, anchor layer) of each."""

    def __init__(
        self, anchor: Any, augmenting: Any, layers: Sequence[tuple[int, int]], n_inner: int,
        n_heads: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.anchor, self.augmenting = (
            anchor.requires_grad_(False),
            augmenting.requires_grad_(False),
        )
        self.layers = tuple(layers)
        d_b, d_a = anchor.config.hidden_size, augmenting.config.hidden_size
        self.pairs = nn.ModuleList(PairModule(d_b, d_a, n_inner, n_heads) for _ in layers)
        self._states: tuple[Tensor, ...] = ()
        self.is_on = True
        for pair, (source, target) in zip(self.pairs, layers, strict=True):
            anchor.model.layers[target].register_forward_hook(self._look(pair, source))

    def _look(self, pair: nn.Module, source: int) -> Callable[..., Any]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            if not self.is_on:
                return output
            states = output[0] if isinstance(output, tuple) else output
            # hidden_states[0] is the embedding.
            added = states + pair(states, self._states[source + 1])
            return (added, *output[1:]) if isinstance(output, tuple) else added

        return hook

    def forward(self, tokens: Tensor) -> Tensor:
        """(b, n) -> logits (b, n, n_vocab)."""
        with torch.no_grad():
            found = self.augmenting(tokens, output_hidden_states=True)
        self._states = found.hidden_states
        logits: Tensor = self.anchor(tokens).logits
        return logits
