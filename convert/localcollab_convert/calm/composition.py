"""CALM in PyTorch, for training: an anchor whose layers attend to frozen augmenting models.

The mathematics of `localcollab.methods.calm`, by forward hooks on Llama-like models of transformers. The
attention is causal: a position sees the augmenting models' states up to itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from localcollab.methods.bridges import NORM_EPS, LayerPair, Pair


class PairModule(nn.Module):
    """One layer pair. The output projection starts at zero: an untrained bridge changes nothing."""

    def __init__(
        self, d_anchor: int, d_augmenting: int, n_inner: int, n_heads: int,
        slopes: Sequence[float] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.n_heads = n_heads
        self.slopes = tuple(slopes)
        self.norm_anchor = nn.RMSNorm(d_anchor, eps=NORM_EPS)
        self.norm_augmenting = nn.RMSNorm(d_augmenting, eps=NORM_EPS)
        self.query = nn.Linear(d_anchor, n_inner, bias=False)
        self.key = nn.Linear(d_augmenting, n_inner, bias=False)
        self.value = nn.Linear(d_augmenting, n_inner, bias=False)
        self.output = nn.Linear(n_inner, d_anchor, bias=False)
        nn.init.zeros_(self.output.weight)

    def forward(self, anchor: Tensor, augmenting: Tensor) -> Tensor:
        """(b, n, d_B), (b, n, d_A) -> added to the anchor's states, (b, n, d_B)."""
        a = self.norm_augmenting(augmenting)
        q = self._by_head(self.query(self.norm_anchor(anchor)))
        k, v = self._by_head(self.key(a)), self._by_head(self.value(a))
        bias = _bias(self.slopes, q) if any(self.slopes) else None
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, is_causal=bias is None
        )  # (b, H, n, width)
        added: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return added

    def _by_head(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        return x.view(b, n, self.n_heads, -1).transpose(1, 2)

    def to_pair(self) -> Pair:
        """In the layout of a bridge file."""
        return Pair(
            *(
                module.weight.detach().float().numpy().copy()
                for module in (
                    self.norm_anchor, self.norm_augmenting, self.query, self.key, self.value,
                    self.output,
                )
            )
        )  # fmt: skip


def _bias(slopes: Sequence[float], q: Tensor) -> Tensor:
    """(H, n, n): penalty of each head for distance; -inf for later positions."""
    at = torch.arange(q.shape[2], device=q.device)
    back = (at[:, None] - at[None, :]).to(torch.float32)
    penalty = -torch.tensor(slopes, device=q.device)[:, None, None] * back
    return penalty.masked_fill(back < 0, -torch.inf).to(q.dtype)


class Composition(nn.Module):
    """All models are frozen; only `pairs` are trained. Layers are counted from 0."""

    def __init__(
        self, anchor: Any, augmenting: Sequence[Any], layers: Sequence[LayerPair], n_inner: int,
        n_heads: int, slopes: Sequence[float] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.anchor = anchor.requires_grad_(False)
        frozen = [model.requires_grad_(False) for model in augmenting]
        self.augmenting: Any = nn.ModuleList(frozen)
        self.layers = tuple(layers)
        self.pairs = nn.ModuleList(
            PairModule(
                anchor.config.hidden_size, augmenting[pair.model].config.hidden_size, n_inner,
                n_heads, slopes,
            )
            for pair in layers
        )  # fmt: skip
        self.is_on = True
        self._states: list[tuple[Tensor, ...]] = []
        for target in {pair.target for pair in layers}:
            anchor.model.layers[target].register_forward_hook(self._hook(target))

    def load(self, pairs: Sequence[Pair]) -> None:
        """The values of a bridge file."""
        for module, pair in zip(self.pairs, pairs, strict=True):
            for field in fields(Pair):
                weight = torch.from_numpy(getattr(pair, field.name))
                getattr(module, field.name).weight.data.copy_(weight)

    def _hook(self, target: int) -> Callable[..., Any]:
        own = [(n, pair) for n, pair in enumerate(self.layers) if pair.target == target]

        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            if not self.is_on:
                return output
            states = output[0] if isinstance(output, tuple) else output
            # hidden_states[0] is the embedding; the last one is after the final norm.
            added = sum(self.pairs[n](states, self._states[p.model][p.source + 1]) for n, p in own)
            composed = states + added
            return (composed, *output[1:]) if isinstance(output, tuple) else composed

        return hook

    def forward(self, tokens: Tensor, positions: Tensor | int = 0) -> Tensor:
        """(b, n) -> logits (b, n, n_vocab), or only at `positions`."""
        self._states = []
        for model in self.augmenting if self.is_on else ():
            with torch.no_grad():
                # Without the LM head: no logits are needed.
                found = model.model(tokens, output_hidden_states=True, use_cache=False)
            self._states.append(found.hidden_states)
        logits: Tensor = self.anchor(tokens, use_cache=False, logits_to_keep=positions).logits
        return logits
