"""Is this file a sound LoRA adapter of this base? Read in Python, before llama.cpp opens it.

llama.cpp checks little of an adapter: a key of the wrong type, or a tensor of a type that it cannot
multiply, ends the process. What passes here is still tried in a child first, see `adapter_probe`.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from localcollab.errors import BadModelFile
from localcollab.llama.header import Header, Tensor, read_table

_UINT32, _FLOAT32, _STRING = 4, 6, 8
_KEYS = {
    "general.type": _STRING, "general.architecture": _STRING, "general.alignment": _UINT32,
    "adapter.type": _STRING, "adapter.lora.alpha": _FLOAT32,
}  # fmt: skip
"""The keys that llama.cpp reads, and the only GGUF type in which it can read each."""
_TYPE_NAMES = (
    "an 8-bit number",
    "an 8-bit number",
    "a 16-bit number",
    "a 16-bit number",
    "an unsigned 32-bit integer",
    "a 32-bit integer",
    "a 32-bit float",
    "a boolean",
    "a string",
    "an array",
    "a 64-bit number",
    "a 64-bit number",
    "a 64-bit float",
)
_F32, _F16, _BF16 = 0, 1, 30
_NOT_MULTIPLIED = (9, 15, 24, 25, 26, 27, 28)
"""ggml types that are no weights: Q8_1, Q8_K, integers, F64."""
_A, _B = ".lora_a", ".lora_b"
_IGNORED = "_norm.weight"
_EMBEDDING = "token_embd.weight"
_CHUNK_VALUES = 2**22
_LONGEST_NAME = 63


def check_adapter(path: Path, base: Header) -> None:
    """Raises `BadModelFile`: damaged, another kind of file, or an adapter of another base."""
    require_gguf(path)
    adapter = read_table(path)
    _check_keys(adapter, base)
    pairs = _pairs(adapter)
    shapes = {tensor.name: tensor.shape for tensor in base.tensors}
    for name, (a, b) in pairs.items():
        if name not in shapes:
            raise _other(path, base, f"it adapts {name!r}, which that does not have")
        _check_pair(path, base, name, (a, b), shapes[name])
    _check_values(path, adapter, [tensor for pair in pairs.values() for tensor in pair])


def require_gguf(path: Path) -> None:
    """Raises `BadModelFile`."""
    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise BadModelFile(f"{path}: no such adapter file: check the path")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise BadModelFile(
            f"{path}: cannot be read ({error.strerror}): check its permissions"
        ) from error
    if magic != b"GGUF":
        raise BadModelFile(
            f"{path}: starts with {magic!r}, not with 'GGUF': create it with localcollab convert lora"
        )


def _bad(path: Path, what: str) -> BadModelFile:
    return BadModelFile(f"{path}: {what}: the adapter is damaged; download or convert it again")


def _other(path: Path, base: Header, what: str) -> BadModelFile:
    return BadModelFile(
        f"{path}: does not fit {base.path.name} ({what}): give the base it was trained on"
    )


def _check_keys(adapter: Header, base: Header) -> None:
    for key, kind in _KEYS.items():
        given = adapter.types.get(key, kind)
        if given != kind:
            raise _bad(
                adapter.path, f"the key {key} is {_TYPE_NAMES[given]}, not {_TYPE_NAMES[kind]}"
            )
    found = adapter.metadata
    if found.get("general.type") != "adapter" or found.get("adapter.type") != "lora":
        raise BadModelFile(
            f"{adapter.path}: does not fit {base.path.name}: general.type is "
            f"{found.get('general.type')!r} and adapter.type {found.get('adapter.type')!r}, not "
            "'adapter' and 'lora'; give a LoRA adapter (localcollab convert lora creates one)"
        )
    if adapter.architecture != base.architecture:
        raise _other(
            adapter.path,
            base,
            f"it is of a {adapter.architecture!r}, that is a {base.architecture!r}",
        )
    alpha = found.get("adapter.lora.alpha", 0.0)
    if not isinstance(alpha, float) or not math.isfinite(alpha):
        raise _bad(adapter.path, f"the key adapter.lora.alpha is {alpha}")
    if any(key.startswith("adapter.alora.") for key in found):
        raise BadModelFile(
            f"{adapter.path}: is an activated LoRA, which is switched on by certain tokens: that is not "
            "supported; use a plain LoRA adapter"
        )


def _pairs(adapter: Header) -> dict[str, tuple[Tensor, Tensor]]:
    """By the name of the tensor that is adapted."""
    parts: dict[str, dict[str, Tensor]] = {_A: {}, _B: {}}
    for tensor in adapter.tensors:
        suffix = tensor.name[-len(_A) :]
        if suffix in parts:
            parts[suffix][tensor.name.removesuffix(suffix)] = tensor
        elif not tensor.name.endswith(_IGNORED):
            raise _bad(adapter.path, f"the tensor {tensor.name!r} is neither lora_a nor lora_b")
        if len(tensor.name) > _LONGEST_NAME:
            raise _bad(adapter.path, f"the name {tensor.name!r:.80} is too long")
    if not parts[_A]:
        raise _bad(adapter.path, "holds no lora_a tensor")
    for name in parts[_A].keys() ^ parts[_B].keys():
        raise _bad(adapter.path, f"{name!r} has only one of lora_a and lora_b")
    return {name: (a, parts[_B][name]) for name, a in parts[_A].items()}


def _check_pair(
    path: Path, base: Header, name: str, pair: tuple[Tensor, Tensor], adapted: tuple[int, ...]
) -> None:
    for tensor in pair:
        if tensor.type in _NOT_MULTIPLIED:
            raise _bad(
                path, f"tensor {tensor.name!r} has the type {tensor.type}, which holds no weights"
            )
    a, b, whole = (_padded(shape) for shape in (pair[0].shape, pair[1].shape, adapted))
    if len(adapted) < 2:
        raise _other(path, base, f"it adapts {name!r}, which is no matrix there")
    # Of the embeddings, rows are picked: there A has a row for each token.
    wanted = (whole[1], whole[0]) if name.endswith(_EMBEDDING) else (whole[0], whole[1])
    given = (a[1], b[1]) if name.endswith(_EMBEDDING) else (a[0], b[1])
    rank_a = a[0] if name.endswith(_EMBEDDING) else a[1]
    if given != wanted or rank_a != b[0] or not a[2:] == b[2:] == whole[2:]:
        raise _other(
            path, base,
            f"{name!r} is {adapted}, its lora_a is {pair[0].shape} and its lora_b {pair[1].shape}",
        )  # fmt: skip


def _padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape + (1,) * (4 - len(shape))


def _check_values(path: Path, adapter: Header, tensors: list[Tensor]) -> None:
    """Raises `BadModelFile` where a float is NaN or infinite; what is quantized is left to the child."""
    for tensor in tensors:
        if tensor.type in (_F32, _F16, _BF16) and not all(
            map(_is_finite, _chunks(adapter, tensor))
        ):
            raise _bad(path, f"tensor {tensor.name!r} holds NaN or infinite values")


def _chunks(adapter: Header, tensor: Tensor) -> Iterator[np.ndarray]:
    """The bits of a float tensor, widened to those of F32 where they are BF16."""
    kind = {_F32: "<f4", _F16: "<f2", _BF16: "<u2"}[tensor.type]
    n_values = math.prod(tensor.shape)
    start, width = adapter.data_start + tensor.offset, np.dtype(kind).itemsize
    for at in range(0, n_values, _CHUNK_VALUES):
        n = min(_CHUNK_VALUES, n_values - at)
        part = np.fromfile(adapter.path, kind, n, offset=start + at * width)
        yield (part.astype("<u4") << 16).view("<f4") if tensor.type == _BF16 else part


def _is_finite(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).all())
