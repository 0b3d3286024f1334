"""LoRA (arXiv:2106.09685) on every linear layer of the blocks: y = W x + (alpha / r) B A x.

A and B are float32, W stays frozen as it is. Own code and not peft's: it is this page, and its tensors
go into a GGUF file by name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Shape:
    rank: int = 32
    alpha: float = 64.0

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


class Adapted(nn.Module):
    """A frozen linear layer with its LoRA; B begins at zero, so nothing changes at first."""

    def __init__(self, inner: nn.Linear, shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        self.inner, self.scale, self.is_on = inner, shape.scale, True
        a = torch.randn(shape.rank, inner.in_features, generator=generator) / inner.in_features**0.5
        device = inner.weight.device
        self.a = nn.Parameter(a.to(device))  # (rank, n_in)
        self.b = nn.Parameter(torch.zeros(inner.out_features, shape.rank, device=device))

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.inner.weight, self.inner.bias)
        if not self.is_on:
            return y
        return y + self.scale * F.linear(F.linear(x, self.a), self.b)


def adapt(model: Any, shape: Shape, seed: int) -> dict[str, Adapted]:
    """Replaces the linear layers inside the blocks; by name, as in the model's state dict."""
    generator = torch.Generator().manual_seed(seed)
    head = model.get_output_embeddings()
    found: dict[str, Adapted] = {}
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and module is not head:
            adapted = Adapted(module, shape, generator)
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, adapted)
            found[name] = adapted
    return found


@contextmanager
def switched_off(layers: dict[str, Adapted]) -> Iterator[None]:
    """The model is its base."""
    for layer in layers.values():
        layer.is_on = False
    try:
        yield
    finally:
        for layer in layers.values():
            layer.is_on = True


def parameters(layers: dict[str, Adapted]) -> list[nn.Parameter]:
    return [p for layer in layers.values() for p in (layer.a, layer.b)]


def state(layers: dict[str, Adapted]) -> dict[str, Tensor]:
    return {
        f"{name}.{half}": getattr(layer, half).detach()
        for name, layer in layers.items()
        for half in "ab"
    }


def restore(layers: dict[str, Adapted], tensors: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, layer in layers.items():
            layer.a.copy_(tensors[f"{name}.a"])
            layer.b.copy_(tensors[f"{name}.b"])
