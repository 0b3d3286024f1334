"""The LoRA as llama.cpp reads it: one pair of tensors a matrix, and what it was made from.

llama.cpp turns pairs of adjacent values where transformers turns halves, so in architectures whose
converter reorders the rows of Q and K the rows of their B are reordered alike.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import torch

from localcollab.errors import BadModelFile
from localcollab.llama.header import Header, read_header
from localcollab_convert.adapted.layers import Adapted, Shape
from localcollab_convert.formats.llama import interleave_rope_pairs, split_rope_pairs

_REORDERED = ("llama",)
"""Architectures whose Q and K are stored in pairs."""
_MODE = 0o600
"""An adapter can recite the documents: it is as private as they are."""


def write_adapter(
    layers: Mapping[str, Adapted], shape: Shape, base: Path, out: Path, *, name: str,
    provenance: Mapping[str, str],
) -> None:  # fmt: skip
    """Renamed to `out` when it is complete. Raises `BadModelFile` where a layer has no name in GGUF."""
    header = read_header(base)
    stored = stored_names(layers, header)
    partial = out.with_name(out.name + ".partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE))
    writer = gguf.GGUFWriter(partial, header.architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", shape.alpha)
    writer.add_name(name)
    for key, value in provenance.items():
        writer.add_string(f"localcollab.expert.{key}", value)
    for layer_name, layer in layers.items():
        a, b = (half.detach().float().cpu().numpy() for half in (layer.a, layer.b))
        heads = _heads(layer_name, header)
        if heads:
            b = interleave_rope_pairs(b, heads)
        writer.add_tensor(f"{stored[layer_name]}.lora_a", np.ascontiguousarray(a, np.float32))
        writer.add_tensor(f"{stored[layer_name]}.lora_b", np.ascontiguousarray(b, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(partial, out)


def read_adapter(path: Path, layers: Mapping[str, Adapted], shape: Shape, base: Path) -> None:
    """Into the layers of its base, at the strength it has. Raises `BadModelFile`: of another rank."""
    header = read_header(base)
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    strength = float(reader.get_field("adapter.lora.alpha").contents()) / shape.alpha
    with torch.no_grad():
        for name, stored in stored_names(layers, header).items():
            a, b = (torch.from_numpy(tensors[f"{stored}.lora_{half}"]) for half in "ab")
            heads = _heads(name, header)
            layer = layers[name]
            if a.shape != layer.a.shape:
                raise BadModelFile(f"{path}: its rank is {a.shape[0]}: give it as `rank`")
            layer.a.copy_(a)
            layer.b.copy_(strength * (split_rope_pairs(b, heads) if heads else b))


def stored_names(layers: Mapping[str, Adapted], header: Header) -> dict[str, str]:
    """The tensor of the base's file that each layer adapts. Raises `BadModelFile`."""
    known = {tensor.name for tensor in header.tensors}
    by_name = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}
    if header.architecture not in by_name:
        raise BadModelFile(
            f"{header.path}: the architecture {header.architecture!r} has no names for an adapter's "
            "tensors: use another base"
        )
    names = gguf.get_tensor_name_map(
        by_name[header.architecture], header.number("block_count") or 0
    )
    found = {
        layer: names.get_name(f"{layer}.weight", try_suffixes=(".weight",)) for layer in layers
    }
    for layer, stored in found.items():
        if stored not in known:
            raise BadModelFile(
                f"{header.path}: no tensor of it is the layer {layer}, so it cannot be adapted: use "
                "another base"
            )
    return {layer: str(stored) for layer, stored in found.items()}


def _heads(layer: str, header: Header) -> int:
    """How many heads the rows belong to, where they are reordered; else 0."""
    if header.architecture not in _REORDERED:
        return 0
    n_heads = header.number("attention.head_count") or 0
    if layer.endswith("q_proj"):
        return n_heads
    return (header.number("attention.head_count_kv") or n_heads) if layer.endswith("k_proj") else 0
