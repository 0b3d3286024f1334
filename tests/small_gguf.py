"""GGUF files written field by field, so that each field can be wrong; and small random models.

Needs NumPy only: the files of a test are made in milliseconds, and any count, length, offset or
type can be a lie.
"""

import struct
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
_CODES = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q",
          I64: "q", F64: "d"}  # fmt: skip
ALIGNMENT = 32
N_WORDS = 29


class Key(NamedTuple):
    """`value` of an array: (type of the items, items). `length` lies about a string's or array's."""

    name: str
    type: int
    value: Any
    length: int | None = None


class Entry(NamedTuple):
    """A row of the tensor table."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int


@dataclass(frozen=True)
class Gguf:
    keys: tuple[Key, ...]
    entries: tuple[Entry, ...]
    data: bytes
    magic: bytes = b"GGUF"
    version: int = 3
    n_keys: int | None = None
    n_tensors: int | None = None

    def with_key(self, name: str, type: int, value: Any, length: int | None = None) -> "Gguf":
        """The file with this key, in place of one of its name."""
        others = tuple(key for key in self.keys if key.name != name)
        return replace(self, keys=(*others, Key(name, type, value, length)))

    def without_key(self, name: str) -> "Gguf":
        return replace(self, keys=tuple(key for key in self.keys if key.name != name))

    def value(self, name: str) -> Any:
        return next(key.value for key in self.keys if key.name == name)

    def header(self) -> bytes:
        counts = (
            len(self.entries) if self.n_tensors is None else self.n_tensors,
            len(self.keys) if self.n_keys is None else self.n_keys,
        )
        return self.magic + struct.pack("<IQQ", self.version, *counts) + self._key_bytes()

    def to_bytes(self) -> bytes:
        start = self.header() + b"".join(map(_entry_bytes, self.entries))
        return start + bytes(-len(start) % ALIGNMENT) + self.data

    def _key_bytes(self) -> bytes:
        return b"".join(map(_key_bytes, self.keys))


def _string(text: str | bytes, length: int | None = None) -> bytes:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return struct.pack("<Q", len(data) if length is None else length) + data


def _value_bytes(type: int, value: Any, length: int | None) -> bytes:
    if type == STRING:
        return _string(value, length)
    if type == ARRAY:
        kind, items = value
        n_items = len(items) if length is None else length
        return struct.pack("<IQ", kind, n_items) + b"".join(
            _value_bytes(kind, item, None) for item in items
        )
    return struct.pack("<" + _CODES.get(type, "I"), value)


def _key_bytes(key: Key) -> bytes:
    return (
        _string(key.name)
        + struct.pack("<I", key.type)
        + _value_bytes(key.type, key.value, key.length)
    )


def _entry_bytes(entry: Entry) -> bytes:
    shape = struct.pack(f"<{len(entry.shape)}Q", *(n % 2**64 for n in entry.shape))
    rank = struct.pack("<I", len(entry.shape))
    return _string(entry.name) + rank + shape + struct.pack("<IQ", entry.type, entry.offset)


def in_parts(gguf: Gguf, n_parts: int) -> list[bytes]:
    """As llama-gguf-split writes them: the first has the keys, all have some tensors."""
    ends = [entry.offset for entry in gguf.entries[1:]] + [len(gguf.data)]
    spans = list(zip(gguf.entries, ends, strict=True))
    parts = []
    for n in range(n_parts):
        entries, data = [], b""
        for entry, end in spans[n * len(spans) // n_parts : (n + 1) * len(spans) // n_parts]:
            entries.append(entry._replace(offset=len(data)))
            data += gguf.data[entry.offset : end]
        part = Gguf(gguf.keys if n == 0 else (), tuple(entries), data)
        part = part.with_key("split.no", U16, n).with_key("split.count", U16, n_parts)
        parts.append(part.with_key("split.tensors.count", I32, len(spans)).to_bytes())
    return parts


def small_llama(seed: int = 0, *, tokens: tuple[Key, ...] | None = None, n_embd: int = 32) -> Gguf:
    """Two layers of random F32 weights. `tokens`: the vocabulary's keys, else `spm_keys()`."""
    keys = spm_keys() if tokens is None else tokens
    n_vocab = len(next(key for key in keys if key.name == "tokenizer.ggml.tokens").value[1])
    rng = np.random.default_rng(seed)
    entries, parts, offset = [], [], 0
    for name, shape in _shapes(n_vocab, n_embd).items():
        weight = np.ones(shape) if len(shape) == 1 else rng.normal(0, 0.3, shape)
        part = weight.astype("<f4").tobytes()
        entries.append(Entry(name, shape[::-1], 0, offset))
        parts.append(part + bytes(-len(part) % ALIGNMENT))
        offset += len(parts[-1])
    return Gguf(_llama_keys(n_embd) + keys, tuple(entries), b"".join(parts))


def _llama_keys(n_embd: int) -> tuple[Key, ...]:
    return (
        Key("general.architecture", STRING, "llama"),
        Key("llama.context_length", U32, 256),
        Key("llama.embedding_length", U32, n_embd),
        Key("llama.block_count", U32, 2),
        Key("llama.feed_forward_length", U32, 64),
        Key("llama.attention.head_count", U32, 4),
        Key("llama.attention.head_count_kv", U32, 2),
        Key("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        Key("llama.rope.freq_base", F32, 10000.0),
    )


def _shapes(n_vocab: int, n_embd: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (n_vocab, n_embd),
        "output_norm.weight": (n_embd,),
        "output.weight": (n_vocab, n_embd),
    }
    for layer in range(2):
        of_layer = {
            "attn_norm": (n_embd,), "ffn_norm": (n_embd,), "attn_q": (n_embd, n_embd),
            "attn_k": (n_embd // 2, n_embd), "attn_v": (n_embd // 2, n_embd),
            "attn_output": (n_embd, n_embd), "ffn_gate": (64, n_embd), "ffn_up": (64, n_embd),
            "ffn_down": (n_embd, 64),
        }  # fmt: skip
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in of_layer.items()}
    return shapes


def spm_keys(*, byte_tokens: bool = True, n_words: int = N_WORDS) -> tuple[Key, ...]:
    """SentencePiece: unknown, begin, end, bytes, letters and some words."""
    tokens, types = ["<unk>", "<s>", "</s>"], [2, 3, 3]
    if byte_tokens:
        tokens += [f"<0x{byte:02X}>" for byte in range(256)]
        types += [6] * 256
    letters = ["▁", *"etaoinshrdlucmfwypvbgkjqxz"]
    words = letters + [f"▁{a}{b}" for a in letters[1:] for b in "aeiou"]
    words = [*letters, *words[len(letters) : len(letters) + n_words]]
    return _vocabulary_keys("llama", tokens + words, types + [1] * len(words))


def bpe_keys() -> tuple[Key, ...]:
    """Byte-level BPE as GPT-2 spells it, with a few merges."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spelled = {b: chr(b) for b in printable}
    others = [b for b in range(256) if b not in spelled]
    spelled |= {b: chr(256 + n) for n, b in enumerate(others)}
    merges = ["t h", "th e", "i n", "e r", "Ġ t", "Ġt h", "Ġth e"]
    tokens = [*(spelled[b] for b in range(256)), *(m.replace(" ", "") for m in merges), "<|end|>"]
    keys = _vocabulary_keys("gpt2", tokens, [1] * (len(tokens) - 1) + [3])
    by_name = {key.name: key for key in keys} | {
        "tokenizer.ggml.merges": Key("tokenizer.ggml.merges", ARRAY, (STRING, merges)),
        "tokenizer.ggml.pre": Key("tokenizer.ggml.pre", STRING, "gpt-2"),
        "tokenizer.ggml.bos_token_id": Key("tokenizer.ggml.bos_token_id", U32, len(tokens) - 1),
        "tokenizer.ggml.eos_token_id": Key("tokenizer.ggml.eos_token_id", U32, len(tokens) - 1),
    }
    return tuple(by_name.values())


def _vocabulary_keys(model: str, tokens: list[str], types: list[int]) -> tuple[Key, ...]:
    name = "tokenizer.ggml."
    return (
        Key(name + "model", STRING, model),
        Key(name + "tokens", ARRAY, (STRING, tokens)),
        Key(name + "scores", ARRAY, (F32, [-float(n) for n in range(len(tokens))])),
        Key(name + "token_type", ARRAY, (I32, types)),
        Key(name + "bos_token_id", U32, 1),
        Key(name + "eos_token_id", U32, 2),
    )
