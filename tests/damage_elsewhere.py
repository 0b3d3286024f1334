"""Hostile heads, catalogues, templates, options, texts and paths: lists of command line cases."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hostile import Case
from localcollab.methods.heads import FORMAT, HeadMetadata
from small_gguf import ARRAY, STRING, Gguf, bpe_keys, small_llama, spm_keys

N = 20
QUESTION = "the inner tin"


@dataclass(frozen=True)
class Pair:
    """Two small models of one vocabulary, and the head metadata that belongs to them."""

    base: Path
    expert: Path
    metadata: HeadMetadata

    def run(self, *more: str, question: str = QUESTION) -> list[str]:
        files = ["run", "--base", str(self.base), "--expert", str(self.expert)]
        return [*files, "--max-tokens", "4", *more, "--", question]


def write_head(path: Path, metadata: object, tensors: dict[str, np.ndarray], **more: str) -> Path:
    from safetensors.numpy import save_file

    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    save_file(tensors, path, {"format": FORMAT, "card": text} | more)
    return path


def sound_tensors(n_experts: int = 1, n_embd: int = 32) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "weight": rng.normal(size=(n_experts, n_embd)).astype(np.float32),
        "bias": np.zeros(n_experts, np.float32),
    }


def damaged_heads(pair: Pair, folder: Path) -> list[Case]:
    """Cut short, bits flipped, noise, and other files by the name of a head."""
    rng = np.random.default_rng(1)
    sound = write_head(folder / "s", asdict(pair.metadata), sound_tensors()).read_bytes()
    cases = []
    for n in range(N):
        data = bytearray(sound)
        if n < 6:
            data = data[: int(len(sound) * n / 6)]
        elif n < 14:
            for at in rng.integers(0, len(data) - 132, 6):
                data[at] ^= 1 << int(rng.integers(8))
        elif n < 18:
            data = bytearray(rng.bytes(int(rng.integers(1, 500))))
        else:
            data = bytearray((b"\xff" * 8 + sound, pair.base.read_bytes())[n - 18])
        path = folder / f"head-{n}.safetensors"
        path.write_bytes(bytes(data))
        cases.append(Case(path.stem, pair.run("--head", str(path)), names="head", ends="either"))
    return cases


def wrong_heads(pair: Pair, folder: Path) -> list[Case]:
    """Sound files that are no head for these models."""
    metadata = asdict(pair.metadata)
    nan, inf = np.float32(np.nan), np.float32(np.inf)
    weight, bias = sound_tensors()["weight"], sound_tensors()["bias"]
    rows: list[tuple[object, dict[str, np.ndarray]]] = [
        (metadata | {"base_sha256": "0" * 64}, sound_tensors()),
        (metadata | {"expert_sha256s": ["0" * 64]}, sound_tensors()),
        (metadata | {"expert_sha256s": []}, sound_tensors(0)),
        (metadata | {"expert_sha256s": ["0" * 64] * 2}, sound_tensors(2)),
        (metadata | {"vocabulary": "0" * 64}, sound_tensors()),
        (metadata | {"hidden_state": "before the norm"}, sound_tensors()),
        (metadata, sound_tensors(n_embd=64)),
        (metadata, sound_tensors(n_embd=0)),
        (metadata, sound_tensors(2)),
        (metadata, {"weight": weight * nan, "bias": bias}),
        (metadata, {"weight": weight, "bias": bias + inf}),
        (metadata, {"weight": np.full_like(weight, 3e38), "bias": bias}),
        (metadata, {"weight": weight.astype(np.float64), "bias": bias}),
        (metadata, {"weight": weight.astype(np.int8), "bias": bias}),
        (metadata, {"weight": weight}),
        (metadata, {"weight": bias.reshape(()), "bias": bias}),
        (metadata, {"weight": weight, "bias": bias.reshape(())}),
        (metadata, {"weight": weight, "bias": bias, "extra": bias}),
        (metadata, {"weight": weight, "bias": bias, "hidden_weight": bias, "hidden_bias": bias}),
        (metadata, {}),
    ]
    paths = [write_head(folder / f"head-{n}.safetensors", c, t) for n, (c, t) in enumerate(rows)]
    return [Case(p.stem, pair.run("--head", str(p)), names="head") for p in paths]


def broken_metadata(pair: Pair, folder: Path) -> list[Case]:
    sound = asdict(pair.metadata)
    texts: list[Any] = [
        "", "{", "null", "[]", "5", "{}", "[" * 100_000, '"x"', "\ufeff{}", "NaN",
        sound | {"base_sha256": 5}, sound | {"expert_sha256s": "abc"}, sound | {"expert_sha256s": 3},
        sound | {"expert_sha256s": [5]}, sound | {"vocabulary": None}, sound | {"threshold": "0.5"},
        sound | {"threshold": float("nan")}, sound | {"threshold": 2}, sound | {"threshold": None},
        sound | {"metrics": [1]},
    ]  # fmt: skip
    paths = [
        write_head(folder / f"metadata-{n}.safetensors", text, sound_tensors())
        for n, text in enumerate(texts)
    ]
    return [Case(p.stem, pair.run("--head", str(p)), names=p.name) for p in paths]


def _renamed(n_changed: int, first: int) -> Gguf:
    file = small_llama()
    kind, tokens = file.value("tokenizer.ggml.tokens")
    changed = [f"other{n}" if first <= n < first + n_changed else t for n, t in enumerate(tokens)]
    return file.with_key("tokenizer.ggml.tokens", ARRAY, (kind, changed))


def wrong_vocabularies(pair: Pair, folder: Path) -> list[Case]:
    """A team word by word, or an error where the tokens spell no text."""
    files = [small_llama(tokens=bpe_keys()), small_llama(tokens=spm_keys(byte_tokens=False))]
    files += [small_llama(tokens=spm_keys(n_words=n)) for n in (0, 5, 100)]
    files += [_renamed(n, first) for n in (16, 20, 28) for first in (259, 265, 270, 280, 285)]
    cases = []
    for n, file in enumerate(files):
        path = folder / f"expert-{n}.gguf"
        path.write_bytes(file.to_bytes())
        arguments = ["run", "--base", str(pair.base), "--expert", str(path), "--gate", "always"]
        more = ["--max-tokens", "3", QUESTION]
        cases.append(Case(path.stem, [*arguments, *more], names=path.stem, ends="either"))
    return cases


TEMPLATES = (
    "{% if %}", "{{", "{% for x in y %}", "{{ 1/0 }}", "{{ messages[99].content }}{{ 5 + '' }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% set ns = namespace(x='a') %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{{ 'a' * 10**10 }}", "{{ 9**9**9 }}", "{% for i in range(10**7) %}xxxxxxxxxxxx{% endfor %}",
    "{{ messages.__class__.__mro__[1].__subclasses__() | length + 'x' }}",
    "{{ ''.__class__.__base__.__subclasses__()[0]('x') + 1 }}", "{{ cycler.__init__.__globals__.os }}",
    "{{ raise_exception('no \x1b[31m thanks\nnever') }}", "{{ raise_exception(none) }}",
    "{% include '/etc/passwd' %}", "{% import 'os' as os %}{{ os.system('id') }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{{ '%99999999999d' % 1 }}",
    "{{ ('x' ~ messages | string) | center(10**11) }}", "{{ undefined.attribute.of }}",
    "\x00\x1b]0;title\x07{{ messages[0].content }}", "{{ '\\ud800' }}",
)  # fmt: skip


def hostile_templates(pair: Pair, folder: Path) -> list[Case]:
    cases = []
    for n, template in enumerate(TEMPLATES):
        path = folder / f"template-{n}.gguf"
        path.write_bytes(
            small_llama().with_key("tokenizer.chat_template", STRING, template).to_bytes()
        )
        arguments = ["run", "--base", str(path), "--max-tokens", "3", QUESTION]
        cases.append(Case(path.stem, arguments, ends="either"))
    return cases


CATALOGS = (
    "", "[", "x = 1", "models = 3", "[models.a]", "[models.a]\npath = 3", "[models.a]\nfile = 'x'",
    "[heads.a]\npath = []", "[teams]\na = 1", "[teams.t]\nmethod = 'deferral'\nbase = 'a'",
    "[teams.t]\nmethod = 'magic'\nbase = 'a'\nexperts = ['b']\ngate = 'never'",
    "[teams.t]\nmethod = 'deferral'\nbase = 'a'\nexperts = ['b']",
    "[teams.t]\nmethod = 'deferral'\nbase = 'a'\nexperts = [1]\ngate = 'never'",
    "[teams.t]\nmethod = 'deferral'\nbase = 'a'\nexperts = []\ngate = 'never'",
    "[teams.t]\nmethod = 'deferral'\nbase = 'a'\nexperts = ['b', 'b']\ngate = 'never'",
    "[teams.t]\nmethod = 'deferral'\nbase = 'a'\nexperts = ['base']\ngate = 'never'",
    "[teams.t]\nmethod = 'deferral'\nbase = 'a'\nexperts = ['b']\ngate = 'x'\nthreshold = nan",
    "x = " + "[" * 50_000, "x = " + "9" * 5000, "\ufeff\x00", "[models.a]\npath = 'a\\u0000b'",
    "[models.'\x1b[2J']\npath = 'x'",
)  # fmt: skip


def broken_catalogs(pair: Pair, folder: Path) -> list[Case]:
    cases = []
    for n, text in enumerate(CATALOGS):
        path = folder / f"models-{n}.toml"
        path.write_text(text)
        arguments = ["run", "--models", str(path), "--team", "t", QUESTION]
        cases.append(Case(path.stem, arguments))
    not_utf8 = folder / "models-latin.toml"
    not_utf8.write_bytes(b"x = '\xff'")
    named = Case("models-latin", ["teams", "--models", str(not_utf8)], names=not_utf8.name)
    return [*cases, named]


OPTIONS = (
    "--temperature nan", "--temperature -1", "--temperature 101", "--temperature inf",
    "--top-k -1", "--top-k 99999999999", "--top-p 0", "--top-p 1.01", "--top-p nan", "--min-p -0.1",
    "--min-p 2", "--repeat-penalty 0", "--repeat-penalty -inf", "--seed -1", "--n-ctx 0",
    "--n-ctx -5", "--n-ctx 134217728", "--n-ctx 16777217", "--threads 0", "--threads 100000",
    "--gpu-layers -1", "--gpu-layers 5", "--kv-type q9", "--kv-type q8_0 --flash-attention off",
    "--kv-type q4_0", "--flash-attention maybe", "--load-mode floppy", "--threshold nan",
    "--threshold 1.5", "--gate sometimes", "--gate random(2)", "--gate random(nan)",
    "--gate entropy --head x.safetensors", "--head missing.safetensors", "--max-tokens 0",
    "--max-tokens -3", "--stop ''", "--nonsense", "--temperature warm", "--team formulary",
    "--system be-good", "--n-ctx 4", "--compose --head /dev/zero", "--expert /dev/zero",
)  # fmt: skip


def bad_options(pair: Pair, folder: Path) -> list[Case]:
    return [
        Case(f"option-{n}", pair.run(*(w.strip("'") for w in option.split(" "))))
        for n, option in enumerate(OPTIONS)
    ]


def odd_texts(pair: Pair, folder: Path) -> list[Case]:
    bad: dict[str, bytes] = {
        "empty": b"", "blank": b" \n\t ", "latin": b"caf\xe9", "cut": "漢".encode()[:2],
        "surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\xaf", "utf16": "the tin".encode("utf-16"),
        "binary": bytes(range(256)), "long": b"the tin " * 131_072, "lines": b"\n" * 2**20,
        "marks": "\u0301".encode() * 2**19, "one word": b"x" * 2**20, "huge": b"a" * (2**24 + 1),
    }  # fmt: skip
    fine: dict[str, bytes] = {
        "nul": b"the\x00tin", "escape": b"\x1b[31mred\x1b]0;title\x07", "returns": b"a\rb\r\nc",
        "reordered": "\u202eabc\u2066".encode(), "special": b"<s></s><unk><0x41>",
        "bom": b"\xef\xbb\xbfthe",
        "emoji": "👩‍👩‍👧".encode(), "replacement": "\ufffd".encode(), "block": "▁▁".encode(),
    }  # fmt: skip
    base = ["run", "--base", str(pair.base), "--max-tokens", "4", "--n-ctx", "512"]
    cases = [Case(name, base, stdin=text) for name, text in bad.items()]
    cases += [Case(name, [*base, "-"], stdin=text, ends="answer") for name, text in fine.items()]
    latin = os.fsdecode(b"caf\xe9")
    return [*cases, Case("argument", [*base, latin]), Case("empty argument", [*base, ""])]


def odd_paths(pair: Pair, folder: Path) -> list[Case]:
    fifo, loop, secret = folder / "fifo.gguf", folder / "loop.gguf", folder / "secret.gguf"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    secret.write_bytes(pair.base.read_bytes())
    secret.chmod(0)
    (folder / "dangling.gguf").symlink_to(folder / "nowhere")
    bad: Sequence[str] = [
        str(fifo), str(loop), str(folder), str(folder / "dangling.gguf"), "/dev/zero", "/dev/null",
        "/dev/stdin", "/proc/self/mem", "", "no such.gguf", "x" * 5000, "a/" * 3000, "~nobody-here/m",
        "\x1b[31mred.gguf", "new\nline.gguf", str(pair.base) + "/under",
    ]  # fmt: skip
    cases = [Case(f"base-{n}", ["run", "--base", p, QUESTION]) for n, p in enumerate(bad)]
    cases += [
        Case(f"head-{n}", pair.run("--head", p))
        for n, p in enumerate((str(fifo), str(loop), "/dev/zero", "x" * 5000, str(folder)))
    ]
    cases += [
        Case(f"models-{n}", ["teams", "--models", p])
        for n, p in enumerate((str(fifo), "/dev/zero", str(folder), "x" * 5000, str(loop)))
    ]
    odd = folder / os.fsdecode(b"odd \xff \x1b[31m name.gguf")
    odd.write_bytes(pair.base.read_bytes())
    for more in ((), ("--json",), ("--marks",)):
        arguments = ["run", "--base", str(pair.base), "--expert", str(odd), "--gate", "always"]
        name = "odd" + "".join(more)
        cases.append(Case(name, [*arguments, *more, "--max-tokens", "3", QUESTION], ends="answer"))
    if os.geteuid() == 0:
        folder.chmod(0o755)
        unreadable = Case("secret", ["run", "--base", str(secret), QUESTION], as_nobody=True)
        home = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), "/nowhere")
        return [*cases, replace(unreadable, names="secret.gguf", environment=home)]
    return [*cases, Case("secret", ["run", "--base", str(secret), QUESTION])]


KINDS = (
    damaged_heads, wrong_heads, broken_metadata, wrong_vocabularies, hostile_templates,
    broken_catalogs, bad_options, odd_texts, odd_paths,
)  # fmt: skip
