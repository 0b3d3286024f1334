"""Bridge files: trained layers that compose an anchor with augmenting models (CALM, arXiv:2401.02412).

Stored as safetensors, float32 or float16, per layer pair i: `i.norm_anchor` (d_B,), `i.norm_augmenting`
(d_A,), `i.query` (n_inner, d_B), `i.key` and `i.value` (n_inner, d_A), `i.output` (d_B, n_inner); its
metadata, as JSON, in the header. Loaded and checked like a head; runs in NumPy, in float32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from localcollab.errors import BridgeMismatch
from localcollab.language_model import Float32Array
from localcollab.storage import artifact

FORMAT = "localcollab-bridge-1"
_KIND = artifact.Kind("bridge", FORMAT, BridgeMismatch, "train one with localcollab convert calm")
_TYPES = {
    "anchor_sha256": str, "vocabulary": str, "data_sha256": str, "seed": int, "metrics": dict,
    "versions": dict,
}  # fmt: skip
"""Of the metadata's fields, as JSON has them."""
NORM_EPS = 1e-6
_STEEPEST = 1e9
"""Largest slope: float32 holds it times any distance."""
_PARTS = ("norm_anchor", "norm_augmenting", "query", "key", "value", "output")


class LayerPair(NamedTuple):
    """Two connected layers; layers are counted from 0."""

    model: int
    """The index of the augmenting model."""
    source: int
    """Its layer; the last layer's output is taken after the model's final norm."""
    target: int
    """The anchor's layer."""


@dataclass(frozen=True, slots=True)
class BridgeMetadata:
    anchor_sha256: str
    augmenting_sha256s: tuple[str, ...]
    vocabulary: str
    pairs: tuple[LayerPair, ...]
    n_heads: int
    slopes: tuple[float, ...] = ()
    """By head: what a position's score loses per token of distance (ALiBi, arXiv:2108.12409).
    Empty: nothing, as in CALM."""
    data_sha256: str = ""
    seed: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """One cross-attention: from the anchor's layer to the augmenting model's."""

    norm_anchor: Float32Array
    norm_augmenting: Float32Array
    query: Float32Array
    key: Float32Array
    value: Float32Array
    output: Float32Array

    @property
    def n_inner(self) -> int:
        return len(self.query)


@dataclass(frozen=True, slots=True)
class Bridge:
    pairs: tuple[Pair, ...]
    metadata: BridgeMetadata

    @property
    def n_bytes(self) -> int:
        """In memory, as float32, whatever the file's type."""
        parts = (getattr(pair, part) for pair in self.pairs for part in _PARTS)
        return sum(part.nbytes for part in parts)

    @property
    def bytes_per_token(self) -> int:
        """Keys and values per token of context, as float32."""
        return sum(2 * 4 * pair.n_inner for pair in self.pairs)

    def require(
        self, anchor: str, augmenting: Sequence[str], vocabulary: str, widths: Sequence[int]
    ) -> None:
        """`anchor`, `augmenting`: sha256 of the files in use; `widths`: their n_embd, anchor first.

        Raises `BridgeMismatch`.
        """
        metadata = self.metadata
        if len(augmenting) != len(metadata.augmenting_sha256s):
            raise BridgeMismatch(
                f"the bridge has {len(metadata.augmenting_sha256s)} augmenting models, "
                f"{len(augmenting)} are given: give those it was trained with, in its order"
            )
        places = ["anchor", *(f"augmenting model {n}" for n in range(1, len(augmenting) + 1))]
        trained = (metadata.anchor_sha256, *metadata.augmenting_sha256s)
        for place, mine, theirs in zip(places, (anchor, *augmenting), trained, strict=True):
            if mine != theirs:
                raise BridgeMismatch(
                    f"the bridge was trained with another file as {place} (sha256 {theirs[:12]}, "
                    f"given {mine[:12]}): use that file, or train one with localcollab convert calm"
                )
        if metadata.vocabulary != vocabulary:
            raise BridgeMismatch(
                f"the bridge was trained for another vocabulary ({metadata.vocabulary[:12]}, the anchor "
                f"has {vocabulary[:12]}): train one with localcollab convert calm"
            )
        self.require_widths(widths)

    def require_widths(self, widths: Sequence[int]) -> None:
        """`widths`: n_embd of the models, anchor first. Raises `BridgeMismatch`."""
        for layers, pair in zip(self.metadata.pairs, self.pairs, strict=True):
            own = (len(pair.norm_anchor), len(pair.norm_augmenting))
            given = (widths[0], widths[1 + layers.model])
            if own != given:
                raise BridgeMismatch(
                    f"the bridge connects n_embd {own[0]} and {own[1]}, these models have {given[0]} "
                    f"and {given[1]}: train one with localcollab convert calm"
                )


def spread_slopes(n_heads: int) -> tuple[float, ...]:
    """From a head that attends to little but the current position to one without a slope."""
    return (*(4.0 ** (1 - head) for head in range(n_heads - 1)), 0.0)


def rms_norm(rows: Float32Array, weight: Float32Array) -> Float32Array:
    """(n, d) -> (n, d), as in PyTorch's RMSNorm with eps `NORM_EPS`."""
    mean_square = np.einsum("nd,nd->n", rows, rows) / rows.shape[1]
    normed: Float32Array = rows * (1 / np.sqrt(mean_square + NORM_EPS))[:, None] * weight
    return normed


def save_bridge(bridge: Bridge, path: Path, *, half: bool = False) -> None:
    """Write to a temporary name, then rename. `half`: as float16."""
    kind = np.float16 if half else np.float32
    tensors = {
        f"{i}.{part}": getattr(pair, part).astype(kind)
        for i, pair in enumerate(bridge.pairs)
        for part in _PARTS
    }
    artifact.save(_KIND, path, tensors, bridge.metadata)


def load_bridge(path: Path) -> Bridge:
    """Raises `BridgeMismatch`: missing, damaged, not a bridge, or NaN or infinite values."""
    found = artifact.read(_KIND, path)
    metadata = artifact.parse(_KIND, path, found.metadata, _parsed)
    _check_metadata(metadata, path)
    return Bridge(_parse_pairs(found.tensors, metadata, path), metadata)


def _parsed(values: dict[str, Any]) -> BridgeMetadata:
    metadata = BridgeMetadata(
        **artifact.known(BridgeMetadata, values)
        | {
            "pairs": tuple(LayerPair(*map(int, pair)) for pair in values["pairs"]),
            "augmenting_sha256s": tuple(map(str, values["augmenting_sha256s"])),
            "n_heads": int(values["n_heads"]),
            "slopes": tuple(map(float, values.get("slopes", ()))),
        }
    )
    artifact.check_types(metadata, _TYPES)
    return metadata


def _check_metadata(metadata: BridgeMetadata, path: Path) -> None:
    if not metadata.pairs or metadata.n_heads < 1:
        raise _KIND.refusal(path, "it connects no layers, or has no heads")
    is_sound = all(abs(slope) <= _STEEPEST for slope in metadata.slopes)
    if len(metadata.slopes) not in (0, metadata.n_heads) or not is_sound:
        raise _KIND.refusal(path, f"it has slopes {metadata.slopes} for {metadata.n_heads} heads")
    n_models = len(metadata.augmenting_sha256s)
    odd = [pair for pair in metadata.pairs if not 0 <= pair.model < n_models]
    if odd:
        raise _KIND.refusal(path, f"it connects augmenting model {odd[0].model} of {n_models}")


def _parse_pairs(
    tensors: artifact.Tensors, metadata: BridgeMetadata, path: Path
) -> tuple[Pair, ...]:
    wanted = {f"{i}.{part}" for i in range(len(metadata.pairs)) for part in _PARTS}
    if set(tensors) != wanted:
        odd = sorted(set(tensors) ^ wanted)[:3]
        raise _KIND.refusal(path, f"tensors {', '.join(odd)} are missing or unexpected")
    for name, tensor in tensors.items():
        if tensor.dtype not in (np.float32, np.float16):
            raise _KIND.refusal(path, f"{name} is of {tensor.dtype}, not float32 or float16")
    artifact.require_finite(_KIND, path, tensors)
    pairs = []
    for i in range(len(metadata.pairs)):
        pair = Pair(**{part: tensors[f"{i}.{part}"].astype(np.float32) for part in _PARTS})
        _check_shapes(pair, metadata.n_heads, path, i)
        pairs.append(pair)
    return tuple(pairs)


def _check_shapes(pair: Pair, n_heads: int, path: Path, number: int) -> None:
    shapes = {part: getattr(pair, part).shape for part in _PARTS}
    if any(len(shapes[part]) != (1 if part.startswith("norm") else 2) for part in _PARTS):
        raise _KIND.refusal(path, f"pair {number} has tensors of wrong ranks ({shapes})")
    n_inner, (d_b,), (d_a,) = pair.n_inner, shapes["norm_anchor"], shapes["norm_augmenting"]
    expected = {
        "norm_anchor": (d_b,), "norm_augmenting": (d_a,), "query": (n_inner, d_b),
        "key": (n_inner, d_a), "value": (n_inner, d_a), "output": (d_b, n_inner),
    }  # fmt: skip
    if shapes != expected or not n_inner or n_inner % n_heads:
        raise _KIND.refusal(path, f"pair {number} has shapes {shapes} for {n_heads} heads")
