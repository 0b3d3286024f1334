"""Bridge files: what composes an anchor with augmenting models (CALM, arXiv:2401.02412).

Stored as safetensors, float32 or float16, per layer pair i: `i.norm_anchor` (d_B,), `i.norm_augmenting`
(d_A,), `i.query` (n_inner, d_B), `i.key` and `i.value` (n_inner, d_A), `i.output` (d_B, n_inner); its
card, as JSON, in the metadata. Loaded and checked like a head; runs in NumPy, in float32.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from localcollab.errors import BridgeMismatch
from localcollab.language_model import Float32Array

FORMAT = "localcollab-bridge-1"
NORM_EPS = 1e-6
_PARTS = ("norm_anchor", "norm_augmenting", "query", "key", "value", "output")


class LayerPair(NamedTuple):
    """The outputs of two layers that are joined; layers are counted from 0."""

    model: int
    """Which of the augmenting models, counted from 0."""
    source: int
    """Its layer; the last one's output is taken after the model's final norm."""
    target: int
    """The anchor's layer."""


@dataclass(frozen=True, slots=True)
class BridgeCard:
    anchor_sha256: str
    augmenting_sha256s: tuple[str, ...]
    vocabulary: str
    pairs: tuple[LayerPair, ...]
    n_heads: int
    slopes: tuple[float, ...] = ()
    """By head: what a position's score loses for each token it lies back (ALiBi, arXiv:2108.12409).
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
    card: BridgeCard

    def require(
        self, anchor: str, augmenting: Sequence[str], vocabulary: str, widths: Sequence[int]
    ) -> None:
        """`anchor`, `augmenting`: sha256 of the files in use; `widths`: their n_embd, anchor first.

        Raises `BridgeMismatch`.
        """
        card = self.card
        if len(augmenting) != len(card.augmenting_sha256s):
            raise BridgeMismatch(
                f"the bridge leads to {len(card.augmenting_sha256s)} augmenting models, "
                f"{len(augmenting)} are given: name those it was trained with, in its order"
            )
        places = ["anchor", *(f"augmenting model {n}" for n in range(1, len(augmenting) + 1))]
        trained = (card.anchor_sha256, *card.augmenting_sha256s)
        for place, mine, theirs in zip(places, (anchor, *augmenting), trained, strict=True):
            if mine != theirs:
                raise BridgeMismatch(
                    f"the bridge was trained with another file as {place} (sha256 {theirs[:12]}, "
                    f"given {mine[:12]}): use that file, or train one with localcollab convert calm"
                )
        if card.vocabulary != vocabulary:
            raise BridgeMismatch(
                f"the bridge was trained for another vocabulary ({card.vocabulary[:12]}, the anchor "
                f"has {vocabulary[:12]}): train one with localcollab convert calm"
            )
        self.require_widths(widths)

    def require_widths(self, widths: Sequence[int]) -> None:
        """`widths`: n_embd of the models, anchor first. Raises `BridgeMismatch`."""
        for layers, pair in zip(self.card.pairs, self.pairs, strict=True):
            own = (len(pair.norm_anchor), len(pair.norm_augmenting))
            given = (widths[0], widths[1 + layers.model])
            if own != given:
                raise BridgeMismatch(
                    f"the bridge joins models {own[0]} and {own[1]} wide, these are {given[0]} and "
                    f"{given[1]}: train one with localcollab convert calm"
                )


def spread_slopes(n_heads: int) -> tuple[float, ...]:
    """From a head that sees little but the current position to one that sees all alike."""
    return (*(4.0 ** (1 - head) for head in range(n_heads - 1)), 0.0)


def rms_norm(rows: Float32Array, weight: Float32Array) -> Float32Array:
    """(n, d) -> (n, d), as in PyTorch's RMSNorm with eps `NORM_EPS`."""
    mean_square = np.einsum("nd,nd->n", rows, rows) / rows.shape[1]
    normed: Float32Array = rows * (1 / np.sqrt(mean_square + NORM_EPS))[:, None] * weight
    return normed


def save_bridge(bridge: Bridge, path: Path, *, half: bool = False) -> None:
    """Written beside its final name, then renamed. `half`: in float16, half the size."""
    from safetensors.numpy import save_file

    kind = np.float16 if half else np.float32
    tensors = {
        f"{i}.{part}": np.ascontiguousarray(getattr(pair, part), kind)
        for i, pair in enumerate(bridge.pairs)
        for part in _PARTS
    }
    metadata = {"format": FORMAT, "card": json.dumps(asdict(bridge.card), sort_keys=True)}
    partial = path.with_name(path.name + ".partial")
    save_file(tensors, partial, metadata)
    os.replace(partial, path)


def load_bridge(path: Path) -> Bridge:
    """Raises `BridgeMismatch`: missing, damaged, no bridge, or values that are no numbers."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise BridgeMismatch(f"{path}: no such bridge file: check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BridgeMismatch(f"{path}: is no bridge file ({error}): train one anew") from error
    if metadata.get("format") != FORMAT:
        raise BridgeMismatch(
            f"{path}: is a safetensors file but no bridge of format {FORMAT}: give one made by "
            "localcollab convert calm"
        )
    card = _parse_card(metadata.get("card", ""), path)
    return Bridge(_parse_pairs(tensors, card, path), card)


def _parse_card(text: str, path: Path) -> BridgeCard:
    try:
        values = json.loads(text)
        known = {f.name for f in fields(BridgeCard)}
        pairs = tuple(LayerPair(*map(int, pair)) for pair in values["pairs"])
        sha256s = tuple(map(str, values["augmenting_sha256s"]))
        kept = {key: value for key, value in values.items() if key in known}
        slopes = tuple(map(float, values.get("slopes", ())))
        kept |= {"pairs": pairs, "augmenting_sha256s": sha256s, "n_heads": int(values["n_heads"])}
        kept |= {"slopes": slopes}
        card = BridgeCard(**kept)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BridgeMismatch(f"{path}: its card is damaged ({error}): train it anew") from error
    if not card.pairs or card.n_heads < 1:
        raise BridgeMismatch(f"{path}: joins no layers, or has no heads: train the bridge anew")
    if len(slopes) not in (0, card.n_heads) or not np.isfinite(slopes).all():
        raise BridgeMismatch(f"{path}: has slopes {slopes} for {card.n_heads} heads: train it anew")
    odd = [pair for pair in card.pairs if not 0 <= pair.model < len(sha256s)]
    if odd:
        raise BridgeMismatch(
            f"{path}: joins augmenting model {odd[0].model} of {len(sha256s)}: train the bridge anew"
        )
    return card


def _parse_pairs(
    tensors: Mapping[str, np.ndarray], card: BridgeCard, path: Path
) -> tuple[Pair, ...]:
    wanted = {f"{i}.{part}" for i in range(len(card.pairs)) for part in _PARTS}
    if set(tensors) != wanted:
        odd = sorted(set(tensors) ^ wanted)[:3]
        raise BridgeMismatch(
            f"{path}: tensors {', '.join(odd)} are missing or too many: train anew"
        )
    for name, tensor in tensors.items():
        if tensor.dtype not in (np.float32, np.float16) or not np.isfinite(tensor).all():
            raise BridgeMismatch(
                f"{path}: {name} holds values that are no float32 or float16 numbers: train anew"
            )
    pairs = []
    for i in range(len(card.pairs)):
        pair = Pair(**{part: tensors[f"{i}.{part}"].astype(np.float32) for part in _PARTS})
        _check_shapes(pair, card.n_heads, f"{path}: pair {i}")
        pairs.append(pair)
    return tuple(pairs)


def _check_shapes(pair: Pair, n_heads: int, where: str) -> None:
    shapes = {part: getattr(pair, part).shape for part in _PARTS}
    if any(len(shapes[part]) != (1 if part.startswith("norm") else 2) for part in _PARTS):
        raise BridgeMismatch(
            f"{where} has tensors of other ranks ({shapes}): train the bridge anew"
        )
    n_inner, (d_b,), (d_a,) = pair.n_inner, shapes["norm_anchor"], shapes["norm_augmenting"]
    expected = {
        "norm_anchor": (d_b,), "norm_augmenting": (d_a,), "query": (n_inner, d_b),
        "key": (n_inner, d_a), "value": (n_inner, d_a), "output": (d_b, n_inner),
    }  # fmt: skip
    if shapes != expected or not n_inner or n_inner % n_heads:
        raise BridgeMismatch(
            f"{where} has shapes {shapes} for {n_heads} heads: train the bridge anew"
        )
