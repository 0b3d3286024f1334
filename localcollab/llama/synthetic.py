"""A random Llama as a GGUF file, to measure kernels with: 51 million parameters that say nothing.

Large enough that its weights leave the smaller caches of a CPU, small enough to be quantized in seconds.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

_ALIGNMENT = 32
_STRING, _ARRAY, _U32, _I32, _F32 = 8, 9, 4, 5, 6
_N_EMBD, _N_FF, _N_LAYERS, _N_HEADS = 1024, 2816, 4, 16
_TOKENS = ("<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256)))
_UNKNOWN, _CONTROL, _BYTE = 2, 3, 6


class _Tensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    """Row length first, as in the file."""


def write_random_model(path: Path, *, n_ctx: int, seed: int = 0) -> None:
    """F32, 205 MB."""
    tensors = list(_tensors())
    n_largest = max(int(np.prod(tensor.shape)) for tensor in tensors)
    values = np.random.default_rng(seed).standard_normal(n_largest, np.float32) * np.float32(0.02)
    start = _header(tensors, n_ctx)
    with path.open("wb") as file:
        file.write(start + bytes(-len(start) % _ALIGNMENT))
        for tensor in tensors:
            n = int(np.prod(tensor.shape))
            is_norm = len(tensor.shape) == 1
            file.write((np.ones(n, np.float32) if is_norm else values[:n]).tobytes())


def _tensors() -> Iterator[_Tensor]:
    """Every size is a multiple of the alignment."""
    yield _Tensor("token_embd.weight", (_N_EMBD, len(_TOKENS)))
    yield _Tensor("output_norm.weight", (_N_EMBD,))
    yield _Tensor("output.weight", (_N_EMBD, len(_TOKENS)))
    for n in range(_N_LAYERS):
        for part in ("attn_norm", "ffn_norm"):
            yield _Tensor(f"blk.{n}.{part}.weight", (_N_EMBD,))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield _Tensor(f"blk.{n}.{part}.weight", (_N_EMBD, _N_EMBD))
        for part in ("ffn_gate", "ffn_up"):
            yield _Tensor(f"blk.{n}.{part}.weight", (_N_EMBD, _N_FF))
        yield _Tensor(f"blk.{n}.ffn_down.weight", (_N_FF, _N_EMBD))


def _header(tensors: Sequence[_Tensor], n_ctx: int) -> bytes:
    keys = b"".join(
        (
            _key("general.architecture", _STRING, "llama"),
            _key("llama.context_length", _U32, n_ctx),
            _key("llama.embedding_length", _U32, _N_EMBD),
            _key("llama.block_count", _U32, _N_LAYERS),
            _key("llama.feed_forward_length", _U32, _N_FF),
            _key("llama.attention.head_count", _U32, _N_HEADS),
            _key("llama.attention.layer_norm_rms_epsilon", _F32, 1e-5),
            _key("llama.vocab_size", _U32, len(_TOKENS)),
            _key("tokenizer.ggml.model", _STRING, "llama"),
            _array("tokenizer.ggml.tokens", _STRING, _TOKENS),
            _array("tokenizer.ggml.scores", _F32, [0.0] * len(_TOKENS)),
            _array("tokenizer.ggml.token_type", _I32, [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256]),
            _key("tokenizer.ggml.bos_token_id", _U32, 1),
            _key("tokenizer.ggml.eos_token_id", _U32, 2),
        )
    )  # fmt: skip
    n_keys, offset, table = 14, 0, b""
    for name, shape in tensors:
        table += _text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        table += struct.pack("<IQ", 0, offset)
        offset += 4 * int(np.prod(shape))
    return b"GGUF" + struct.pack("<IQQ", 3, len(tensors), n_keys) + keys + table


def _key(name: str, kind: int, value: str | float) -> bytes:
    return _text(name) + struct.pack("<I", kind) + _value(kind, value)


def _array(name: str, kind: int, values: Sequence[str | float]) -> bytes:
    items = b"".join(_value(kind, value) for value in values)
    return _text(name) + struct.pack("<IIQ", _ARRAY, kind, len(values)) + items


def _value(kind: int, value: str | float) -> bytes:
    if isinstance(value, str):
        return _text(value)
    return struct.pack({_U32: "<I", _I32: "<i", _F32: "<f"}[kind], value)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()
