"""The source of a conversion: a Hugging Face folder of safetensors, or an unquantized GGUF file."""

import hashlib
import json
import math
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile
from localcollab.llama.header import read_header
from localcollab_convert.staging.stages import file_sha256

_PATTERNS = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
_DTYPES = {"F32": "f32", "F64": "f32", "F16": "f16", "BF16": "bf16"}
_UNQUANTIZED = {0: "f32", 1: "f16", 30: "bf16"}
_MAX_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Source:
    path: Path
    is_folder: bool
    file_type: str
    """Type of most of its weights, f32, f16 or bf16: conversion to it loses nothing."""
    n_parameters: int
    largest_tensor: int
    """Number of values."""

    def digest(self) -> str:
        """sha256 of the file, or over the folder's files and their names."""
        if not self.is_folder:
            return file_sha256(self.path)
        digest = hashlib.sha256()
        for path in folder_files(self.path):
            digest.update(f"{path.name} {file_sha256(path)}\n".encode())
        return digest.hexdigest()


def open_source(path: Path) -> Source:
    """Raises `BadModelFile`."""
    return _folder(path) if path.is_dir() else _gguf(path)


def folder_files(folder: Path) -> list[Path]:
    """The files a conversion reads."""
    return sorted(
        {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    )


def _folder(folder: Path) -> Source:
    shards = sorted(folder.glob("*.safetensors"))
    if not (folder / "config.json").is_file() or not shards:
        raise BadModelFile(
            f"{folder}: config.json or safetensors files are missing: give a Hugging Face model folder"
        )
    _check_index(folder, shards)
    tensors = [tensor for shard in shards for tensor in _safetensors(shard)]
    by_type: Counter[str] = Counter()
    for dtype, n_values in tensors:
        by_type[dtype] += n_values
    ((most, _),) = by_type.most_common(1)
    return Source(
        folder, True, _DTYPES.get(most, "bf16"), sum(by_type.values()), max(n for _, n in tensors)
    )


def _check_index(folder: Path, shards: list[Path]) -> None:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadModelFile(f"{index}: damaged ({error}): download it again") from error
    missing = sorted(named - {shard.name for shard in shards})
    if missing:
        raise BadModelFile(
            f"{folder}: {len(missing)} of {len(named)} shards are missing ({missing[0]}): download them"
        )


def _safetensors(path: Path) -> Iterator[tuple[str, int]]:
    """(dtype, values) of each tensor. Raises `BadModelFile` where the file is truncated."""
    size_bytes = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_MAX_HEADER, size_bytes):
                raise ValueError(f"the header claims {length} bytes")
            entries: dict[str, Any] = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        found = [(str(e["dtype"]), math.prod(e["shape"])) for e in entries.values()]
        end = 8 + length + max((e["data_offsets"][1] for e in entries.values()), default=0)
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error) as error:
        raise BadModelFile(
            f"{path}: not a safetensors file ({error}): download it again"
        ) from error
    if not found or end != size_bytes:
        raise BadModelFile(
            f"{path}: has {size_bytes} bytes, its header says {end}: download it again"
        )
    yield from found


def _gguf(path: Path) -> Source:
    header = read_header(path)
    if header.is_quantized:
        raise BadModelFile(
            f"{path}: already quantized, and quantizing twice loses more: give the F16, BF16 or F32 "
            "file, or the Hugging Face folder"
        )
    by_type: Counter[int] = Counter()
    for tensor in header.tensors:
        by_type[tensor.type] += math.prod(tensor.shape)
    ((most, _),) = by_type.most_common(1)
    largest = max(math.prod(tensor.shape) for tensor in header.tensors)
    return Source(path, False, _UNQUANTIZED[most], sum(by_type.values()), largest)
