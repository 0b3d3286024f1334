"""Twenty kinds of damage to a model file: a function of (random generator, number) -> bytes each."""

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from small_gguf import (
    ARRAY,
    BOOL,
    F32,
    I32,
    STRING,
    U8,
    U32,
    U64,
    Entry,
    Gguf,
    Key,
    bpe_keys,
    small_llama,
    spm_keys,
)  # fmt: skip

Rng = np.random.Generator
Damage = Callable[[Rng, int], bytes]
_SOUND = small_llama()
_BPE = small_llama(tokens=bpe_keys())
_NO_BYTES = small_llama(tokens=spm_keys(byte_tokens=False))
_TOKENS, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_ABSURD = (0, 1, 2, 3, 7, 2**15, 2**31 - 1, 2**31, 2**32 - 1)


def truncated(rng: Rng, n: int) -> bytes:
    data = _SOUND.to_bytes()
    return data[: int(len(data) * n / 20)] if n % 2 else data[: int(rng.integers(len(data)))]


def _flip(data: bytes, first: int, last: int, rng: Rng) -> bytes:
    damaged = bytearray(data)
    for at in rng.integers(first, last, int(rng.integers(1, 9))):
        damaged[at] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def header_bits(rng: Rng, n: int) -> bytes:
    sound = (_SOUND, _BPE)[n % 2]
    # The first 700 bytes: counts and numbers; the rest are mostly token strings.
    return _flip(sound.to_bytes(), 0, 700 if n % 4 else len(sound.header()), rng)


def table_bits(rng: Rng, n: int) -> bytes:
    data = _SOUND.to_bytes()
    return _flip(data, len(_SOUND.header()), len(data) - len(_SOUND.data), rng)


def random_weights(rng: Rng, n: int) -> bytes:
    size = len(_SOUND.data)
    first = int(rng.integers(size)) if n % 2 else 0
    noise = rng.bytes(size - first)
    return replace(_SOUND, data=_SOUND.data[:first] + noise).to_bytes()


def flooded_weights(rng: Rng, n: int) -> bytes:
    """NaN, infinities and huge values in some places, or everywhere."""
    weights = np.frombuffer(_SOUND.data, "<f4").copy()
    value = (np.nan, np.inf, -np.inf, 3e38)[n % 4]
    places = rng.random(len(weights)) < (1.0, 0.1, 1e-3, 1e-4, 3e-5)[n // 4]
    weights[places] = value
    return replace(_SOUND, data=weights.tobytes()).to_bytes()


def absurd_counts(rng: Rng, n: int) -> bytes:
    huge = (2**63, 2**40, 2**32, 10**6, 2**64 - 1)[n % 5]
    text = Key("general.name", STRING, "x", huge)
    words = Key("general.tags", ARRAY, (STRING, ["x"]), huge)
    numbers = Key("general.numbers", ARRAY, (U64, [1]), huge)
    changed = (
        replace(_SOUND, n_keys=huge),
        replace(_SOUND, n_tensors=huge),
        replace(_SOUND, keys=(text, *_SOUND.keys)),
        replace(_SOUND, keys=(*((words, numbers)[n % 2],), *_SOUND.keys)),
    )
    return changed[n // 5].to_bytes()


def absurd_entries(rng: Rng, n: int) -> bytes:
    """Shapes, types and offsets of one tensor that cannot be true."""
    at = int(rng.integers(len(_SOUND.entries)))
    entry = _SOUND.entries[at]
    big = int(rng.choice([2**62, 2**33, 2**31, 10**9]))
    changed = (
        entry._replace(shape=(big, *entry.shape[1:])),
        entry._replace(shape=(-1, *entry.shape[1:])),
        entry._replace(shape=(0, *entry.shape[1:])),
        entry._replace(shape=(*entry.shape, 1, 1, 1, 1)),
        entry._replace(shape=()),
        entry._replace(type=int(rng.choice([4, 5, 31, 32, 33, 36, 43, 200, 2**31]))),
        entry._replace(type=int(rng.choice([2, 8, 12, 14, 24, 27, 28, 30, 34]))),
        entry._replace(offset=2**63),
        entry._replace(offset=entry.offset + 1),
        entry._replace(shape=(2**32, 2**32)),
    )[n % 10]
    return _with_entry(at, changed).to_bytes()


def _with_entry(at: int, entry: Entry) -> Gguf:
    entries = [*_SOUND.entries[:at], entry, *_SOUND.entries[at + 1 :]]
    return replace(_SOUND, entries=tuple(entries))


def odd_containers(rng: Rng, n: int) -> bytes:
    """Magic, version, alignment, types of keys, names."""
    alignments = (0, 1, 3, 16, 64, 2**31, 2**32 - 1)
    if n < 7:
        return _SOUND.with_key("general.alignment", U32, alignments[n]).to_bytes()
    others = (
        replace(_SOUND, magic=b"GGML"), replace(_SOUND, magic=b"FUGG"),
        replace(_SOUND, version=0), replace(_SOUND, version=1), replace(_SOUND, version=2**24 * 3),
        replace(_SOUND, version=99), _SOUND.with_key("general.name", 13, 0),
        _SOUND.with_key("general.name", 99, 0),
        _SOUND.with_key("general.nested", ARRAY, (ARRAY, [(U8, [1])])),
        _SOUND.with_key("general.alignment", STRING, "x"),
        _SOUND.with_key("general.architecture", STRING, "\x1b[2J nonsense"),
        _SOUND.with_key("general.architecture", U32, 5), _SOUND.with_key("", STRING, ""),
    )  # fmt: skip
    return others[n - 7].to_bytes()


def missing_keys(rng: Rng, n: int) -> bytes:
    names = [key.name for key in _SOUND.keys]
    if n < len(names):
        return _SOUND.without_key(names[n]).to_bytes()
    keys = tuple(key for key in _SOUND.keys if rng.random() < 0.7)
    return replace(_SOUND, keys=keys).to_bytes()


_NUMBERS = (
    "context_length", "embedding_length", "block_count", "feed_forward_length",
    "attention.head_count", "attention.head_count_kv", "attention.key_length",
    "attention.value_length", "rope.dimension_count", "expert_count", "expert_used_count",
    "vocab_size", "attention.sliding_window",
)  # fmt: skip


def absurd_numbers(rng: Rng, n: int) -> bytes:
    name = "llama." + _NUMBERS[n % len(_NUMBERS)]
    value = int(rng.choice(_ABSURD))
    return _SOUND.with_key(name, U32, value).to_bytes()


def wrong_types(rng: Rng, n: int) -> bytes:
    name = "llama." + _NUMBERS[n % len(_NUMBERS)]
    kind, value = (
        (STRING, "many"), (F32, 2.0), (BOOL, True), (I32, -1), (I32, -(2**31)),
        (ARRAY, (I32, [-1, 0])), (ARRAY, (I32, [])), (ARRAY, (STRING, ["x"])), (U64, 2**63),
        (F32, float("nan")),
    )[int(rng.integers(10))]  # fmt: skip
    if n >= 15:
        name = ("llama.rope.freq_base", "llama.attention.layer_norm_rms_epsilon")[n % 2]
        kind, value = F32, (0.0, -1.0, float("nan"), float("inf"), 1e38)[n - 15]
    return _SOUND.with_key(name, kind, value).to_bytes()


def _array(file: Gguf, name: str, change: Callable[[list[object]], list[object]]) -> Gguf:
    kind, items = file.value(name)
    return file.with_key(name, ARRAY, (kind, change(list(items))))


def broken_pieces(rng: Rng, n: int) -> bytes:
    """A SentencePiece vocabulary that lies: types, ids, spellings, lengths."""
    base = (_SOUND, _NO_BYTES)[n % 2]
    n_tokens = len(base.value(_TOKENS)[1])
    odd = int(rng.integers(3, n_tokens))
    types = {1: 6, 2: 3, 3: 4, 4: 2, 5: 1, 6: 5}
    ids = "tokenizer.ggml." + ("bos_token_id", "eos_token_id", "unknown_token_id")[n % 3]

    def spelled(string: str) -> Gguf:
        return _array(base, _TOKENS, lambda t: [*t[:odd], string, *t[odd + 1 :]])

    changes: list[Callable[[], Gguf]] = [
        lambda: _array(base, _TOKENS, lambda t: [t[5]] * len(t)),
        lambda: spelled("x" * 10**5),
        lambda: spelled(""),
        lambda: spelled("\udcff\udcfe"),
        lambda: _array(base, _TYPES, lambda t: [types.get(v, 1) for v in t]),  # type: ignore[call-overload]
        lambda: _array(base, _TYPES, lambda t: [6] * len(t)),
        lambda: _array(base, _TYPES, lambda t: t[:odd]),
        lambda: _array(base, "tokenizer.ggml.scores", lambda s: [float("nan")] * len(s)),
        lambda: _array(base, "tokenizer.ggml.scores", lambda s: s[:odd]),
        lambda: base.with_key(ids, U32, int(rng.choice([n_tokens, 2**31, 2**32 - 1]))),
    ]
    return changes[n % 10]().to_bytes()


def broken_words(rng: Rng, n: int) -> bytes:
    """A byte-level BPE that lies: merges, tokens, model names, sizes."""
    merges, model, pre = (f"tokenizer.ggml.{k}" for k in ("merges", "model", "pre"))
    odd = int(rng.integers(1, 250))
    changes: list[Callable[[], Gguf]] = [
        lambda: _BPE.without_key(merges),
        lambda: _array(_BPE, merges, lambda m: ["", " ", "xy", "a b c", "q"]),
        lambda: _array(_BPE, merges, lambda m: ["zz zz"] * 1000),
        lambda: _array(_BPE, _TOKENS, lambda t: [*t[:odd], *t[odd + 1 :], "x"]),
        lambda: _array(_BPE, _TOKENS, lambda t: t[:odd]),
        lambda: _array(_BPE, merges, lambda m: m * 1000),
        lambda: _BPE.with_key(model, STRING, ("none", "no_vocab", "nonsense")[n % 3]),
        lambda: _BPE.with_key(model, STRING, ("bert", "t5", "rwkv", "plamo2")[n % 4]),
        lambda: _BPE.with_key(pre, STRING, ("nonsense", "deepseek-llm")[n // 10]),
        lambda: _array(_BPE, _TYPES, lambda t: [(6, 4)[n // 10]] * len(t)),
    ]
    return changes[n % 10]().to_bytes()


def silent_words() -> bytes:
    """A byte-level BPE none of whose tokens writes the text that is read with it."""
    return _array(_BPE, _TOKENS, lambda t: ["\x00"] * len(t)).to_bytes()


def odd_maps(rng: Rng, n: int) -> bytes:
    """Unigram and others with tables of their own that are read while a text is cut."""
    name = "tokenizer.ggml."
    charsmap = [int(v) for v in rng.integers(0, 256, int(rng.integers(1, 400)))]
    if n % 2:
        charsmap[:4] = list(struct.pack("<I", len(charsmap)))[: len(charsmap)]
    file = small_llama(tokens=spm_keys(byte_tokens=n % 3 == 0))
    file = file.with_key(name + "model", STRING, ("t5", "bert", "rwkv", "plamo2")[n // 5])
    return file.with_key(name + "precompiled_charsmap", ARRAY, (U8, charsmap)).to_bytes()


def doubled(rng: Rng, n: int) -> bytes:
    """Keys or tensors that stand twice."""
    if n % 2:
        at = int(rng.integers(len(_SOUND.entries)))
        return replace(_SOUND, entries=(*_SOUND.entries, _SOUND.entries[at])).to_bytes()
    key = _SOUND.keys[n // 2 % len(_SOUND.keys)]
    return replace(_SOUND, keys=(*_SOUND.keys, key)).to_bytes()


def mixed_up(rng: Rng, n: int) -> bytes:
    """Tensors that are missing, renamed, swapped, or of another model's shape."""
    entries = list(_SOUND.entries)
    at, other = (int(v) for v in rng.choice(len(entries), 2, replace=False))
    if n < 5:
        del entries[at]
    elif n < 10:
        entries[at] = entries[at]._replace(name=("blk.9.attn_q.weight", "", "\x1b[31m")[n % 3])
    elif n < 15:
        one, two = entries[at], entries[other]
        entries[at], entries[other] = two._replace(name=one.name), one._replace(name=two.name)
    else:
        shape = entries[at].shape
        entries[at] = entries[at]._replace(shape=(*shape[:-1], shape[-1] // 2))
    return replace(_SOUND, entries=tuple(entries)).to_bytes()


def noise(rng: Rng, n: int) -> bytes:
    """No GGUF at all, or only its first bytes."""
    start = (b"", b"GGUF", b"GGUF\x03\x00\x00\x00", _SOUND.header()[:300])[n % 4]
    return start + rng.bytes(int(rng.integers(0, 20_000)))


DAMAGES: dict[str, Damage] = {
    damage.__name__: damage
    for damage in (
        truncated, header_bits, table_bits, random_weights, flooded_weights, absurd_counts,
        absurd_entries, odd_containers, missing_keys, absurd_numbers, wrong_types, broken_pieces,
        broken_words, odd_maps, doubled, mixed_up, noise,
    )
}  # fmt: skip
