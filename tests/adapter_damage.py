"""Damage to a LoRA adapter of `small_llama`: (random generator, number) -> bytes; and a sound one."""

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from small_gguf import ALIGNMENT, ARRAY, BOOL, F32, F64, I32, STRING, U8, U32, U64, Entry, Gguf, Key

Rng = np.random.Generator
N_EMBD, N_HIDDEN, N_KV = 32, 64, 16
RANK = 4
_TARGETS = {
    "blk.0.attn_q.weight": (N_EMBD, N_EMBD), "blk.0.attn_v.weight": (N_EMBD, N_KV),
    "blk.1.ffn_up.weight": (N_EMBD, N_HIDDEN), "blk.1.ffn_down.weight": (N_HIDDEN, N_EMBD),
    "blk.1.attn_output.weight": (N_EMBD, N_EMBD),
}  # fmt: skip
"""Tensor -> (inputs, outputs)."""
_KEYS = ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha")
_ABSURD = (
    0,
    1,
    2,
    3,
    5,
    31,
    33,
    2**15,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**62,
    2**63,
    2**64 - 1,
)


def sound_adapter(seed: int = 0, rank: int = RANK) -> Gguf:
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, (n_in, n_out) in _TARGETS.items():
        tensors[f"{name}.lora_a"] = rng.normal(0, 0.1, (rank, n_in))
        tensors[f"{name}.lora_b"] = rng.normal(0, 0.1, (n_out, rank))
    return packed_adapter(tensors)


def packed_adapter(tensors: dict[str, np.ndarray]) -> Gguf:
    entries, parts, offset = [], [], 0
    for name, weight in tensors.items():
        part = weight.astype("<f4").tobytes()
        entries.append(Entry(name, weight.shape[::-1], 0, offset))
        parts.append(part + bytes(-len(part) % ALIGNMENT))
        offset += len(parts[-1])
    keys = (
        Key("general.architecture", STRING, "llama"), Key("general.type", STRING, "adapter"),
        Key("adapter.type", STRING, "lora"), Key("adapter.lora.alpha", F32, 8.0),
        Key("general.name", STRING, "x"),
    )  # fmt: skip
    return Gguf(keys, tuple(entries), b"".join(parts))


_SOUND = sound_adapter()


def _changed(n: int, entry: Entry) -> bytes:
    entries = list(_SOUND.entries)
    entries[n] = entry
    return replace(_SOUND, entries=tuple(entries)).to_bytes()


def _any_entry(rng: Rng) -> tuple[int, Entry]:
    n = int(rng.integers(len(_SOUND.entries)))
    return n, _SOUND.entries[n]


def cut_short(rng: Rng, n: int) -> bytes:
    data = _SOUND.to_bytes()
    return data[: int(len(data) * n / 20)] if n % 2 else data[: int(rng.integers(len(data)))]


def flipped_bits(rng: Rng, n: int) -> bytes:
    """In the keys, in the tensor table, anywhere."""
    data = bytearray(_SOUND.to_bytes())
    first, table = len(_SOUND.header()), len(data) - len(_SOUND.data)
    low, high = ((0, first), (first, table), (0, len(data)))[n % 3]
    for at in rng.integers(low, high, int(rng.integers(1, 9))):
        data[at] ^= 1 << int(rng.integers(8))
    return bytes(data)


def types_of_keys(rng: Rng, n: int) -> bytes:
    others: tuple[tuple[int, Any], ...] = (
        (U8, 3), (I32, -1), (BOOL, True), (F64, 8.0), (ARRAY, (F32, [8.0])), (ARRAY, (U32, [])),
        (STRING, "a b"), (U64, 2**63), (F32, float("nan")), (U32, 0),
    )  # fmt: skip
    kind, value = others[n % len(others)]
    name = (*_KEYS, "general.alignment")[int(rng.integers(5))] if n < 12 else _KEYS[3]
    return _SOUND.with_key(name, kind, value).to_bytes()


def values_of_keys(rng: Rng, n: int) -> bytes:
    texts = ("", "model", "LORA", "\x1b[2J", "x" * 5000, "qwen2", "llama\0", b"\xff\xfe")
    if n < 16:
        return _SOUND.with_key(_KEYS[n % 3], STRING, texts[n // 2]).to_bytes()
    alphas = (float("inf"), float("nan"), 3e38, -1e30)
    return _SOUND.with_key(_KEYS[3], F32, alphas[n % 4]).to_bytes()


def missing_and_more_keys(rng: Rng, n: int) -> bytes:
    if n < len(_KEYS):
        return _SOUND.without_key(_KEYS[n]).to_bytes()
    tokens = "adapter.alora.invocation_tokens"
    more = (
        (tokens, ARRAY, (U32, [2**31])), (tokens, U32, 5), (tokens, ARRAY, (STRING, ["x"])),
        ("general.alignment", U32, (0, 1, 3, 16, 64, 2**31)[n % 6]), ("", STRING, ""),
        ("x" * 70000, STRING, ""), ("general.tags", ARRAY, (STRING, ["x"] * 9999)),
    )  # fmt: skip
    return _SOUND.with_key(*more[n % len(more)]).to_bytes()


def types_of_tensors(rng: Rng, n: int) -> bytes:
    at, entry = _any_entry(rng)
    odd = (26, 24, 25, 27, 28, 9, 15, 4, 31, 36, 43, 2**31, 1, 30, 8, 2, 12, 20, 39, 29)
    return _changed(at, entry._replace(type=odd[n % len(odd)]))


def shapes_of_tensors(rng: Rng, n: int) -> bytes:
    at, entry = _any_entry(rng)
    first, last = entry.shape[0], entry.shape[-1]
    absurd = _ABSURD[n % len(_ABSURD)]
    shapes = (
        (absurd, last), (first, absurd), (last, first), (first,), (), (first * last,),
        (first, last, 2), (first, last, 1, 1, 1), (first // 2, last), (first, last // 2),
    )  # fmt: skip
    return _changed(at, entry._replace(shape=shapes[int(rng.integers(len(shapes)))]))


def names_of_tensors(rng: Rng, n: int) -> bytes:
    at, entry = _any_entry(rng)
    names = (
        "", "x", ".lora_a", ".lora_b", "blk.0.attn_q.weight", "blk.99.attn_q.weight.lora_a",
        "blk.0.attn_k.weight.lora_a", "output_norm.weight.lora_a", "blk.0.attn_norm.weight",
        entry.name + "\0", entry.name.upper(), "\x1b]0;x\x07.lora_a", "y" * 64 + ".lora_a",
        "y" * 63, _SOUND.entries[at - 1].name, entry.name[:-1] + "c",
        ".lora_a" + entry.name, entry.name + ".lora_a", "token_embd.weight.lora_b",
        "output.weight.lora_b",
    )  # fmt: skip
    return _changed(at, entry._replace(name=names[n % len(names)]))


def counts_and_offsets(rng: Rng, n: int) -> bytes:
    absurd = _ABSURD[n % len(_ABSURD)]
    at, entry = _any_entry(rng)
    changed = (
        replace(_SOUND, n_tensors=absurd), replace(_SOUND, n_keys=absurd),
        replace(_SOUND, entries=_SOUND.entries[:-1]), replace(_SOUND, entries=()),
        replace(_SOUND, version=absurd % 2**32),
    )  # fmt: skip
    if n % 3:
        return _changed(at, entry._replace(offset=absurd if n % 2 else entry.offset + absurd % 64))
    return changed[n // 3 % len(changed)].to_bytes()


def flooded_weights(rng: Rng, n: int) -> bytes:
    """NaN, infinities, huge and tiny values in some places, or everywhere; or noise."""
    weights = np.frombuffer(_SOUND.data, "<f4").copy()
    value = (np.nan, np.inf, -np.inf, 3e38, 1e-45)[n % 5]
    weights[rng.random(len(weights)) < (1.0, 0.1, 1e-2, 1e-3)[n // 5]] = value
    data = weights.tobytes() if n != 19 else rng.bytes(len(_SOUND.data))
    return replace(_SOUND, data=data).to_bytes()


def odd_ranks(rng: Rng, n: int) -> bytes:
    """Sound but for its size; and pairs of two ranks."""
    if n < 10:
        return sound_adapter(n, (1, 2, 3, 31, 64, 257, 1000, 2048, 4096, 5)[n]).to_bytes()
    one, two = sound_adapter(0, 4), sound_adapter(0, (1, 2, 3, 5, 8, 16, 33, 64, 100, 255)[n - 10])
    size = len(one.data)
    moved = tuple(e._replace(offset=e.offset + size) for e in two.entries)
    entries = tuple(pair[k % 2] for k, pair in enumerate(zip(one.entries, moved, strict=True)))
    return replace(one, entries=entries, data=one.data + two.data).to_bytes()


def other_files(rng: Rng, n: int) -> bytes:
    from small_gguf import small_llama

    start = struct.pack("<4sI", b"GGUF", 3)
    files = (b"", b"GGUF", start, small_llama().to_bytes(), b"\x93NUMPY", b"PK\x03\x04")
    return files[n % len(files)] + (rng.bytes(int(rng.integers(2000))) if n >= len(files) else b"")


ADAPTER_DAMAGES: dict[str, Callable[[Rng, int], bytes]] = {
    damage.__name__: damage
    for damage in (
        cut_short, flipped_bits, types_of_keys, values_of_keys, missing_and_more_keys,
        types_of_tensors, shapes_of_tensors, names_of_tensors, counts_and_offsets, flooded_weights,
        odd_ranks, other_files,
    )
}  # fmt: skip
