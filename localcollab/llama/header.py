"""Checks the header of a GGUF file before llama.cpp sees it. Pure Python, bounded by the file's size.

Format: ggml's docs/gguf.md, versions 2 and 3, little-endian. Tensor data is not read: `probe` runs it
in a child process.
"""

import contextlib
import math
import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from localcollab.errors import BadModelFile
from localcollab.storage.parts import require_parts

Value = int | float | bool | str | list["Value"]

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
            12: "d"}  # fmt: skip
_STRING, _ARRAY = 8, 9
_FLOATS = (0, 1, 30)  # F32, F16, BF16
_MAX_STRING = 64 * 2**20
_MAX_DIMENSIONS = 4

# ggml type -> (values per block, bytes per block): ggml.c, type_traits
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18), 42: (64, 18),
}  # fmt: skip


class Tensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    type: int
    offset: int


@dataclass(frozen=True)
class Header:
    """A file's metadata and tensor table. Of arrays of more than 64 entries only the length is kept."""

    path: Path
    size_bytes: int
    metadata: dict[str, Value]
    lengths: dict[str, int]
    """The length of every array."""
    tensors: tuple[Tensor, ...]
    types: dict[str, int] = field(default_factory=dict)
    """The GGUF type of every key."""
    data_start: int = 0
    """The byte that offsets of tensors count from."""

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    @property
    def is_quantized(self) -> bool:
        return any(tensor.type not in _FLOATS for tensor in self.tensors)

    @property
    def looks_ahead(self) -> bool:
        """It attends to later tokens: an encoder such as BERT, which llama.cpp calls a decoder."""
        return self.metadata.get(f"{self.architecture}.attention.causal") is False

    def kv_bytes_per_token(self, bytes_a_value: float) -> int:
        """KV cache of one token, in bytes, as attention layers need it."""
        heads = self.number("attention.head_count") or 1
        heads_kv = self.number("attention.head_count_kv") or heads
        width = (self.number("embedding_length") or 0) // heads
        key = self.number("attention.key_length") or width
        value = self.number("attention.value_length") or width
        layers = self.number("block_count") or 0
        return int(layers * heads_kv * (key + value) * bytes_a_value)

    def number(self, key: str) -> int | None:
        """An integer of this architecture, such as `block_count`; the largest of a list."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        if isinstance(value, list):
            value = max((v for v in value if isinstance(v, int)), default=None)
        return value if isinstance(value, int) else None


class _Cursor:
    """Reads little-endian values. Raises `BadModelFile` for what runs past the end of the file."""

    def __init__(self, path: Path, data: mmap.mmap | bytes) -> None:
        self.path, self.data, self.at = path, data, 0

    def fail(self, what: str) -> BadModelFile:
        return BadModelFile(
            f"{self.path}: {what}: the file is damaged or truncated; download it again"
        )

    def take(self, n: int, what: str) -> bytes:
        if self.at + n > len(self.data):
            raise self.fail(f"{what} at byte {self.at} runs past the end ({len(self.data)} bytes)")
        self.at += n
        return self.data[self.at - n : self.at]

    def scalar(self, code: str, what: str) -> int:
        value: int = struct.unpack("<" + code, self.take(struct.calcsize(code), what))[0]
        return value

    def string(self, what: str) -> str:
        length = self.scalar("Q", f"the length of {what}")
        if length > _MAX_STRING:
            raise self.fail(f"{what} claims to be {length} bytes long")
        return self.take(length, what).decode("utf-8", "surrogateescape")

    def value(self, kind: int, what: str) -> Value:
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind], what)
        if kind == _STRING:
            return self.string(what)
        raise self.fail(f"{what} has the unknown type {kind}")

    def array(self, what: str) -> tuple[list[Value], int]:
        kind, length = self.scalar("I", what), self.scalar("Q", what)
        width = struct.calcsize(_SCALARS[kind]) if kind in _SCALARS else 8
        if kind not in _SCALARS and kind != _STRING:
            raise self.fail(f"the array {what} has the unsupported type {kind}")
        if length * width > len(self.data) - self.at:
            raise self.fail(f"the array {what} claims {length} entries")
        if kind in _SCALARS and length > 64:
            self.take(length * width, what)
            return [], length
        values = [self.value(kind, what) for _ in range(length)]
        return (values if length <= 64 else []), length


def read_header(path: Path) -> Header:
    """Of a model; of one in parts, by the name of the first, with the tensors of all of them.

    Raises `BadModelFile`: as `read_table`, without vocabulary or weights, or with parts that do not
    belong together.
    """
    if not os.path.isfile(path):
        return read_table(path)  # which says what is there
    parts = require_parts(path)
    first = read_table(path, _check_model)
    headers = (first, *(read_table(part) for part in parts[1:]))
    for n, header in enumerate(headers):
        _check_part(header, n, len(headers))
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    if not tensors:
        raise BadModelFile(f"{path}: holds a vocabulary but no weights: give a complete model")
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise BadModelFile(f"{path}: two of its parts hold the same tensor: download them again")
    size_bytes = sum(header.size_bytes for header in headers)
    return replace(first, tensors=tensors, size_bytes=size_bytes)


def read_beginning(path: Path, data: bytes) -> Header:
    """What the first bytes of a file say: the keys that are complete in them, and no tensors. `path`
    names it in errors. Raises `BadModelFile`: not a GGUF file."""
    cursor = _Cursor(path, data)
    _n_tensors, n_values = _counts(cursor)
    header = Header(path, len(data), {}, {}, ())
    with contextlib.suppress(BadModelFile):
        _read_metadata(cursor, n_values, header)
    return header


def read_table(path: Path, check: Callable[["_Cursor", Header], None] | None = None) -> Header:
    """Of any GGUF file. `check`: of its metadata, before its tensors are checked.

    Raises `BadModelFile`: missing, not a GGUF file, truncated, or with an inconsistent table.
    """
    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        what = "not a regular file" if os.path.lexists(path) else "no such model file"
        raise BadModelFile(f"{path}: {what}: check the path")
    try:
        if path.stat().st_size < 24:
            raise BadModelFile(
                f"{path}: {path.stat().st_size} bytes, too short for a GGUF file: download it again"
            )
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parse(_Cursor(path, data), check)
    except OSError as error:
        raise BadModelFile(
            f"{path}: cannot be read ({error.strerror}): check its permissions"
        ) from error


def _check_part(header: Header, n: int, count: int) -> None:
    """Raises `BadModelFile` where the file says that it is another part than its name does."""
    said = header.metadata.get("split.no", 0), header.metadata.get("split.count", 0) or 1
    if said != (n, count):
        raise BadModelFile(
            f"{header.path}: is part {said[0]!r} (from 0) of {said[1]!r} and not named so: name the "
            "parts NAME-00001-of-00003.gguf and so on, in one folder"
        )


def _counts(cursor: _Cursor) -> tuple[int, int]:
    """How many tensors and how many keys the file claims."""
    magic = cursor.take(4, "the magic number")
    if magic != b"GGUF":
        raise BadModelFile(
            f"{cursor.path}: starts with {magic!r}, not with 'GGUF': give a GGUF file "
            "(localcollab convert model makes one)"
        )
    version = cursor.scalar("I", "the version")
    if version not in (2, 3):
        raise BadModelFile(
            f"{cursor.path}: GGUF version {version} is not supported (2 and 3 are): convert it again"
        )
    return cursor.scalar("Q", "the tensor count"), cursor.scalar("Q", "the key count")


def _parse(cursor: _Cursor, check: Callable[[_Cursor, Header], None] | None) -> Header:
    n_tensors, n_values = _counts(cursor)
    # A key takes at least 13 bytes, a tensor at least 24.
    if n_tensors * 24 + n_values * 13 > len(cursor.data):
        raise cursor.fail(f"the header claims {n_tensors} tensors and {n_values} keys")
    header = Header(cursor.path, len(cursor.data), {}, {}, ())
    _read_metadata(cursor, n_values, header)
    header = replace(header, tensors=tuple(_tensor(cursor) for _ in range(n_tensors)))
    if check is not None:
        check(cursor, header)
    header = replace(header, data_start=_data_start(cursor, header))
    _check_tensors(cursor, header)
    return header


def _read_metadata(cursor: _Cursor, n_values: int, header: Header) -> None:
    metadata, lengths = header.metadata, header.lengths
    for _ in range(n_values):
        key = cursor.string("a key")
        if key in metadata:
            raise cursor.fail(f"the key {key!r} occurs twice")
        kind = header.types[key] = cursor.scalar("I", f"the type of {key!r}")
        if kind == _ARRAY:
            metadata[key], lengths[key] = cursor.array(repr(key))
        else:
            metadata[key] = cursor.value(kind, repr(key))


def _tensor(cursor: _Cursor) -> Tensor:
    name = cursor.string("a tensor name")
    n_dimensions = cursor.scalar("I", f"the rank of {name!r}")
    if not 1 <= n_dimensions <= _MAX_DIMENSIONS:
        raise cursor.fail(f"tensor {name!r} has {n_dimensions} dimensions")
    shape = tuple(cursor.scalar("Q", f"the shape of {name!r}") for _ in range(n_dimensions))
    return Tensor(name, shape, cursor.scalar("I", name), cursor.scalar("Q", name))


def _check_model(cursor: _Cursor, header: Header) -> None:
    if not header.architecture:
        raise cursor.fail("general.architecture is missing")
    limits = {"block_count": 2**12, "embedding_length": 2**20, "context_length": 2**31}
    for key, limit in limits.items():
        value = header.number(key)
        if value is not None and not 1 <= value <= limit:
            raise cursor.fail(f"{header.architecture}.{key} is {value}")
    if header.lengths.get("tokenizer.ggml.tokens", 0) < 1:
        raise BadModelFile(
            f"{header.path}: holds no vocabulary: give a language model "
            "(an adapter or projector alone cannot be a member)"
        )


def _data_start(cursor: _Cursor, header: Header) -> int:
    alignment = header.metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 8 or alignment & (alignment - 1):
        raise cursor.fail(f"general.alignment is {alignment!r}")
    return (cursor.at + alignment - 1) // alignment * alignment


def _check_tensors(cursor: _Cursor, header: Header) -> None:
    alignment = header.metadata.get("general.alignment", 32)
    assert isinstance(alignment, int)
    seen = set()
    for tensor in header.tensors:
        if tensor.type not in BLOCKS:
            raise cursor.fail(f"tensor {tensor.name!r} has the unknown type {tensor.type}")
        if tensor.name in seen:
            raise cursor.fail(f"tensor {tensor.name!r} occurs twice")
        seen.add(tensor.name)
        values, size_bytes = BLOCKS[tensor.type]
        n_values = math.prod(tensor.shape)
        if n_values == 0 or tensor.shape[0] % values or tensor.offset % alignment:
            raise cursor.fail(f"tensor {tensor.name!r} has shape {tensor.shape} at {tensor.offset}")
        end = header.data_start + tensor.offset + n_values // values * size_bytes
        if end > header.size_bytes:
            raise cursor.fail(
                f"tensor {tensor.name!r} ends at byte {end}, the file at {header.size_bytes}"
            )
