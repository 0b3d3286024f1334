"""A Llama GGUF, wider and deeper, that computes what the small one computes.

Zero padding widens the residual stream, the feed-forward layers and the number of heads; layers whose
outputs are zero deepen. Head size and vocabulary stay, and so do positions. With width d -> D the mean
of squares shrinks by d/D, so norm weights are scaled by sqrt(d/D) and eps by d/D. What can reach no
output is filled with random weights, so that the cost is real. One tensor is in memory at a time.
"""

import math
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from localcollab.llama import quantizer
from localcollab.llama.probe import file_sha256

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Shape:
    n_layers: int
    n_embd: int
    n_ff: int


TYPES = ("Q4_K_M", "Q8_0")
_SIZE_KEYS = ("block_count", "embedding_length", "feed_forward_length", "attention.head_count",
              "attention.head_count_kv", "attention.layer_norm_rms_epsilon")  # fmt: skip
_STD = 0.02


class Source:
    """A Llama GGUF as it stands on disk; tensors are dequantized one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = gguf.GGUFReader(path)
        self.tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        if self.value("general.architecture") != "llama":
            raise SystemExit(f"{path}: only the Llama architecture can be widened")
        layers, width, ff, heads, heads_kv, eps = (self.value(f"llama.{key}") for key in _SIZE_KEYS)
        self.shape = Shape(int(layers), int(width), int(ff))
        self.n_heads, self.n_heads_kv, self.eps = int(heads), int(heads_kv), float(eps)

    def value(self, key: str) -> float | str:
        field = self._reader.get_field(key)
        if field is None:
            raise SystemExit(f"{self.path}: has no {key} in its metadata")
        found: float | str = field.contents()
        return found

    def fields(self) -> Iterator[tuple[str, object, list[gguf.GGUFValueType]]]:
        for key, field in self._reader.fields.items():
            if not key.startswith("GGUF.") and key != "general.architecture":
                yield key, field.contents(), field.types

    def read(self, name: str) -> Array:
        """(rows, columns) or (n,), float32."""
        tensor = self.tensors[name]
        values: Array = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        return values.reshape(tuple(reversed(tensor.shape.tolist())))

    @property
    def matrix_type(self) -> type[np.floating]:
        """F32 stays; anything smaller is written as F16."""
        kinds = {t.tensor_type for t in self.tensors.values() if len(t.shape) == 2}
        return np.float32 if kinds == {gguf.GGMLQuantizationType.F32} else np.float16


@dataclass(frozen=True, slots=True)
class Plan:
    """One tensor of the wide model: its shape, and what surrounds the original values."""

    name: str
    shape: tuple[int, ...]
    fill: float | None
    """None: random weights, which meet zeros only."""
    scale: float = 1.0


def plan_tensors(source: Source, big: Shape) -> list[Plan]:
    """Raises `SystemExit` where the shapes do not fit."""
    small = source.shape
    n_head = small.n_embd // source.n_heads
    shrinks = any(
        new < old
        for new, old in zip(
            (big.n_layers, big.n_embd, big.n_ff),
            (small.n_layers, small.n_embd, small.n_ff), strict=True,
        )
    )  # fmt: skip
    if shrinks or big.n_embd % small.n_embd:
        raise SystemExit(
            f"{source.path}: {small} cannot become {big}: widths grow by whole factors"
        )
    n_kv = source.n_heads_kv * (big.n_embd // small.n_embd) * n_head
    d, ff, scale = big.n_embd, big.n_ff, math.sqrt(small.n_embd / big.n_embd)
    n_vocab = source.read("token_embd.weight").shape[0]
    layer = [
        ("attn_norm", (d,), 1.0), ("attn_q", (d, d), None), ("attn_k", (n_kv, d), None),
        ("attn_v", (n_kv, d), None), ("attn_output", (d, d), 0.0), ("ffn_norm", (d,), 1.0),
        ("ffn_gate", (ff, d), None), ("ffn_up", (ff, d), None), ("ffn_down", (d, ff), 0.0),
    ]  # fmt: skip
    plans = [Plan("token_embd.weight", (n_vocab, d), 0.0)]
    for n in range(big.n_layers):
        plans += [
            Plan(f"blk.{n}.{name}.weight", shape, fill, scale if len(shape) == 1 else 1.0)
            for name, shape, fill in layer
        ]
    plans.append(Plan("output_norm.weight", (d,), 1.0, scale))
    if "output.weight" in source.tensors:
        plans.append(Plan("output.weight", (n_vocab, d), None))
    unknown = set(source.tensors) - {plan.name for plan in plans}
    if unknown:
        raise SystemExit(f"{source.path}: tensors {sorted(unknown)[:3]} are not understood")
    return plans


def fill_tensor(plan: Plan, original: Array | None, seed: int) -> Array:
    """The original values in the corner, the fill around them; float32."""
    if plan.fill is None:
        rng = np.random.default_rng([seed, zlib.crc32(plan.name.encode())])
        wide = rng.standard_normal(plan.shape, np.float32) * np.float32(_STD)
    else:
        wide = np.full(plan.shape, plan.fill, np.float32)
    if original is not None:
        wide[tuple(slice(n) for n in original.shape)] = original
    return wide * np.float32(plan.scale)


def widen(path: Path, out: Path, big: Shape, seed: int = 0) -> None:
    """Write the wide model, F16 (F32 where the source is), tensor by tensor."""
    source = Source(path)
    plans = plan_tensors(source, big)
    writer = gguf.GGUFWriter(out, "llama")
    _add_metadata(writer, source, big, seed)
    matrix = source.matrix_type
    kinds = [np.dtype(np.float32 if len(plan.shape) == 1 else matrix) for plan in plans]
    for plan, kind in zip(plans, kinds, strict=True):
        writer.add_tensor_info(
            plan.name, plan.shape, kind, math.prod(plan.shape) * kind.itemsize
        )  # fmt: skip
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for plan, kind in zip(plans, kinds, strict=True):
        original = source.read(plan.name) if plan.name in source.tensors else None
        writer.write_tensor_data(fill_tensor(plan, original, seed).astype(kind))
    writer.close()


def _add_metadata(writer: gguf.GGUFWriter, source: Source, big: Shape, seed: int) -> None:
    small, factor = source.shape, big.n_embd // source.shape.n_embd
    sizes = (big.n_layers, big.n_embd, big.n_ff, source.n_heads * factor,
             source.n_heads_kv * factor, source.eps * small.n_embd / big.n_embd)  # fmt: skip
    changed: Mapping[str, object] = dict(
        zip((f"llama.{key}" for key in _SIZE_KEYS), sizes, strict=True)
    )
    for key, value, types in source.fields():
        if key == "general.name":
            value = f"{value}, widened"
        writer.add_key_value(key, changed.get(key, value), types[0], types[-1])
    writer.add_string("localcollab.widened.from_sha256", file_sha256(source.path))
    writer.add_string("localcollab.widened.from_shape", str(small))
    writer.add_uint32("localcollab.widened.seed", seed)


def quantize(source: Path, path: Path, file_type: str) -> None:
    """On two threads; replaces `path` at the end only."""
    partial = path.with_name(path.name + ".partial")
    quantizer.quantize(source, partial, file_type, n_threads=2)
    os.replace(partial, path)
