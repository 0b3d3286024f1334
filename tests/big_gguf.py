"""Random Llama GGUF files of hundreds of megabytes, written in a second; and adapters for them.

Quantized blocks are made once and repeated: valid, finite, and as large and slow as real ones.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from small_gguf import ALIGNMENT, F32, STRING, U32, Entry, Gguf, Key, spm_keys

F32_TYPE, Q8_0, Q4_K = 0, 8, 12
_BLOCKS = {F32_TYPE: (1, 4), Q8_0: (32, 34), Q4_K: (256, 144)}
_TILE = 1024
"""Blocks that are repeated."""


@dataclass(frozen=True)
class Shape:
    n_layers: int
    n_embd: int
    n_ff: int
    n_heads: int
    n_heads_kv: int
    type: int
    n_ctx: int = 16384


BILLION_Q4 = Shape(20, 2048, 5632, 16, 4, Q4_K)
HALF_Q8 = Shape(20, 1536, 4096, 12, 4, Q8_0)
SMALL_Q8 = Shape(8, 512, 1536, 8, 8, Q8_0)


def write_big(path: Path, shape: Shape, seed: int = 0) -> Path:
    keys = (*_keys(shape), *spm_keys())
    n_vocab = len(next(k for k in keys if k.name == "tokenizer.ggml.tokens").value[1])
    width = shape.n_embd // shape.n_heads * shape.n_heads_kv
    norms = {"attn_norm": (shape.n_embd,), "ffn_norm": (shape.n_embd,)}
    e, ff = shape.n_embd, shape.n_ff
    matrices = {"attn_q": (e, e), "attn_k": (width, e), "attn_v": (width, e), "attn_output": (e, e),
                "ffn_gate": (ff, e), "ffn_up": (ff, e), "ffn_down": (e, ff)}  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (n_vocab, e), "output_norm.weight": (e,), "output.weight": (n_vocab, e),
    }  # fmt: skip
    for layer in range(shape.n_layers):
        shapes |= {f"blk.{layer}.{n}.weight": s for n, s in {**norms, **matrices}.items()}
    return _write(path, keys, shapes, shape.type, np.random.default_rng(seed))


def write_lora(path: Path, shape: Shape, rank: int, seed: int = 0) -> Path:
    """An adapter of the attention and feed-forward matrices, F32."""
    e, ff = shape.n_embd, shape.n_ff
    matrices = {"attn_q": (e, e), "attn_output": (e, e), "ffn_up": (ff, e), "ffn_down": (e, ff)}
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(shape.n_layers):
        for name, (n_out, n_in) in matrices.items():
            shapes[f"blk.{layer}.{name}.weight.lora_a"] = (rank, n_in)
            shapes[f"blk.{layer}.{name}.weight.lora_b"] = (n_out, rank)
    keys = (
        Key("general.architecture", STRING, "llama"),
        Key("general.type", STRING, "adapter"),
        Key("adapter.type", STRING, "lora"),
        Key("adapter.lora.alpha", F32, 16.0),
    )
    return _write(path, keys, shapes, F32_TYPE, np.random.default_rng(seed))


def _keys(shape: Shape) -> tuple[Key, ...]:
    return (
        Key("general.architecture", STRING, "llama"),
        Key("llama.context_length", U32, shape.n_ctx),
        Key("llama.embedding_length", U32, shape.n_embd),
        Key("llama.block_count", U32, shape.n_layers),
        Key("llama.feed_forward_length", U32, shape.n_ff),
        Key("llama.attention.head_count", U32, shape.n_heads),
        Key("llama.attention.head_count_kv", U32, shape.n_heads_kv),
        Key("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        Key("llama.rope.freq_base", F32, 10000.0),
    )


def _write(
    path: Path,
    keys: tuple[Key, ...],
    shapes: dict[str, tuple[int, ...]],
    kind: int,
    rng: np.random.Generator,
) -> Path:
    entries, sizes, offset = [], [], 0
    for name, shape in shapes.items():
        of = F32_TYPE if len(shape) == 1 else kind
        values, size = _BLOCKS[of]
        n_bytes = int(np.prod(shape)) // values * size
        entries.append(Entry(name, shape[::-1], of, offset))
        sizes.append((of, len(shape), n_bytes))
        offset += -(-n_bytes // ALIGNMENT) * ALIGNMENT
    tile = _tile(kind, rng)
    with path.open("wb") as file:
        file.write(replace(Gguf(keys, tuple(entries), b"")).to_bytes())
        for of, rank, n_bytes in sizes:
            data = np.ones(n_bytes // 4, "<f4").tobytes() if rank == 1 and of == F32_TYPE else None
            part = data or (tile * (n_bytes // len(tile) + 1))[:n_bytes]
            file.write(part + bytes(-len(part) % ALIGNMENT))
    return path


def _tile(kind: int, rng: np.random.Generator) -> bytes:
    if kind == F32_TYPE:
        return rng.normal(0, 0.02, _TILE).astype("<f4").tobytes()
    _, size = _BLOCKS[kind]
    blocks = rng.integers(0, 256, (_TILE, size), np.uint8)
    scales = np.full((_TILE, 1), 2e-4 if kind == Q8_0 else 5e-5, "<f2").view(np.uint8)
    blocks[:, :2] = scales
    if kind == Q4_K:
        blocks[:, 2:4] = np.full((_TILE, 1), 2e-4, "<f2").view(np.uint8)
    return blocks.tobytes()
