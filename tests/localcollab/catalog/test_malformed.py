"""Three hundred malformed catalogues and model folders: one line each, with file, key and remedy."""

import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcollab.catalog import parse_catalog
from localcollab.errors import BadCatalog, BadModelFile, BadOption, LocalcollabError
from localcollab.models.installed import add
from localcollab.models.store import entry_text
from small_gguf import small_llama

pytestmark = pytest.mark.slow

MODELS: dict[str, dict[str, Any]] = {
    "a": {"path": "a.gguf", "about": "x", "sha256": "0" * 64, "size_bytes": 1, "n_ctx": 1,
          "parameters": 1, "kv_bytes_per_token": 1, "licence": "MIT", "checked": True},
    "b": {"repository": "o/n", "file": "b.gguf", "revision": "main"},
    "c": {"weights_of": "a", "adapter": "l.gguf"},
}  # fmt: skip
HEADS: dict[str, dict[str, Any]] = {"h": {"path": "h.safetensors"}}
TEAMS: dict[str, dict[str, Any]] = {
    "t": {"method": "deferral", "base": "a", "experts": ["b"], "head": "h", "about": "x",
          "threshold": 0.5, "compose": True, "memory_gb": 8, "draft": "c"},
    "s": {"method": "speculation", "base": "a", "draft": "b"},
    "calm": {"method": "calm", "base": "a", "experts": ["b", "c"], "bridge": "br"},
    "proxy": {"method": "proxy", "base": "a", "expert": "b", "antiexpert": "c", "alpha": 1.5},
    "contrast": {"method": "contrast", "expert": "a", "amateur": "b", "beta": 0.5, "cut": 0.1},
    "mix": {"method": "mixture", "members": ["a", "proxy"], "weights": [0.5, 2.0], "space": "log"},
    "fit": {"method": "mixture", "members": ["a", "b"], "fitted": "m"},
    "blend": {"method": "blend", "members": ["a", "t"], "ranker": "judge(b)", "samples": 2,
              "temperature": 0.7, "fuser": "b", "top_k": 3, "verify": True},
}  # fmt: skip
BRIDGES: dict[str, dict[str, Any]] = {"br": {"path": "br.safetensors"}}
MIXTURES: dict[str, dict[str, Any]] = {"m": {"path": "m.json"}}
TABLES = {
    "models": MODELS, "heads": HEADS, "bridges": BRIDGES, "mixtures": MIXTURES, "teams": TEAMS
}  # fmt: skip
NEEDED = {"a": ["path"], "b": ["repository", "file"], "c": ["weights_of", "adapter"], "h": ["path"],
          "t": ["method", "base", "experts", "head"], "s": ["method", "base", "draft"],
          "calm": ["method", "base", "experts", "bridge"], "br": ["path"], "m": ["path"],
          "proxy": ["method", "base", "expert", "antiexpert"], "mix": ["method", "members"],
          "contrast": ["method", "expert", "amateur"], "fit": ["method", "members"],
          "blend": ["method", "members", "ranker"]}  # fmt: skip
FREE_TEXTS = ("about", "licence")
BAD_VALUES: tuple[Any, ...] = (7, -1, 1.5, True, "", "\x00", [], ["x", 1], [[]], 1e39)


def is_bad(key: str, good: Any, value: Any) -> bool:
    """Whether a catalogue must refuse `value` there: another type, or one that says nothing."""
    if isinstance(good, bool):
        return not isinstance(value, bool)
    if key == "threshold":
        return value not in (True,) and not (isinstance(value, float | int) and 0 <= value <= 1)
    if key == "temperature":
        return isinstance(value, bool) or not (isinstance(value, float | int) and 0 <= value <= 100)
    if key in ("alpha", "beta"):
        return isinstance(value, bool) or not (isinstance(value, float | int) and value <= 1000)
    if key == "cut":
        return isinstance(value, bool) or not (isinstance(value, float | int) and 0 < value <= 1)
    if isinstance(good, int):
        return isinstance(value, bool) or not isinstance(value, int) or value < 1
    if isinstance(good, str):
        return (
            not isinstance(value, str) or "\x00" in value or (not value and key not in FREE_TEXTS)
        )
    return True


def text_of(kind: str, name: str, values: dict[str, Any]) -> str:
    return entry_text(kind, name, values).replace("\x00", "\\u0000")


def cases() -> Iterator[tuple[str, str, str]]:
    """What is wrong, the text, and what the message must name."""
    for kind, tables in TABLES.items():
        for name, table in tables.items():
            yield from _values(kind, name, table)
            yield from _keys(kind, name, table)
    yield from _whole()


def _values(kind: str, name: str, table: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key, good in table.items():
        for n, value in enumerate(BAD_VALUES):
            if is_bad(key, good, value):
                yield (
                    f"{kind}.{name}.{key} value {n}",
                    text_of(kind, name, {**table, key: value}),
                    key,
                )


def _keys(kind: str, name: str, table: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in table:
        for wrong in (f"{key}s_", key.upper(), f"{key[:-1]}_"):
            values = {wrong if k == key else k: v for k, v in table.items()}
            yield f"{kind}.{name} has {wrong}", text_of(kind, name, values), ""
    for key in NEEDED[name]:
        values = {k: v for k, v in table.items() if k != key}
        yield f"{kind}.{name} lacks {key}", text_of(kind, name, values), key
    yield f"{kind}.{name} is empty", text_of(kind, name, {}), name
    yield f"{kind}.{name} twice", text_of(kind, name, table) * 2, "TOML"
    yield f"{kind}.{name} is 3", f"[{kind}]\n{name} = 3\n", name
    yield f"{kind}.{name} is a list", f"[[{kind}.{name}]]\nx = 1\n", name


def _whole() -> Iterator[tuple[str, str, str]]:
    for n, text in enumerate(
        ("[", "x", "=", "[a", "x = ", "x = 'a", '"', "x = 1e", "\x00", "[[x]", "\ufeff[")
    ):
        yield f"no TOML {n}", text, "TOML"
    for wrong in ("model", "Models", "head", "teem", "x", "'models '"):
        yield f"a table {wrong}", f"[{wrong}.a]\npath = 'a'\n", wrong.strip("'")
    for kind in TABLES:
        for value in ("1", "'x'", "[]", "true", "1.5", "1979-05-27"):
            yield f"{kind} is {value}", f"{kind} = {value}\n", kind
    for file in ("../x", "/x", "a\\\\b", "a/../../b", "c/.."):
        yield f"file {file}", text_of("models", "b", {"repository": "o/n", "file": file}), "file"
    for repository in ("o", "o/n/m", "o n/m", "/n", "o/", "https://x/y"):
        values = {"repository": repository, "file": "f"}
        yield f"repository {repository}", text_of("models", "b", values), "repository"
    familiar = text_of("teams", "t", TEAMS["t"])
    for n, more in enumerate(("3", "{opening = 1, least_logprob = 1.0}", "{opening = 'x'}", "{}")):
        yield f"familiar {n}", f"{familiar}familiar = {{b = {more}}}\n", "familiar"
    for value in ("nan", "inf", "'x'", "[]"):
        more = f"familiar = {{b = {{opening = '', least_logprob = {value}}}}}\n"
        yield f"logprob {value}", familiar + more, "least_logprob"
    yield (
        "familiar stranger",
        familiar + "familiar = {z = {opening = '', least_logprob = 1.0}}\n",
        "'z'",
    )


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_malformed_catalogue_is_one_line(case: tuple[str, str, str], tmp_path: Path) -> None:
    _what, text, named = case
    path = tmp_path / "models.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadCatalog) as caught:
        parse_catalog(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 400
    assert named in message
    assert ": " in message.removeprefix(f"{path}: ") or ";" in message, "no remedy"


def test_the_tables_are_sound_before_they_are_spoiled(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    text = "".join(text_of(k, n, t) for k, tables in TABLES.items() for n, t in tables.items())
    path.write_text(text)
    assert set(parse_catalog(path).models) == set(MODELS)
    assert tomllib.loads(text) == TABLES


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def fifo(path: Path) -> None:
    os.mkfifo(path)


def written(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


_SOUND = small_llama().to_bytes()
FILES: dict[str, Callable[[Path], None]] = {
    "empty": empty, "a folder": folder, "a loop": loop, "a dangling link": dangling, "a FIFO": fifo,
    "a text": written(b"not a model, but a text of some length"), "zeros": written(bytes(4096)),
    "a ZIP": written(b"PK\x03\x04" + bytes(400)), "HTML": written(b"<!DOCTYPE html>" + b" " * 400),
    "a pointer": written(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    **{f"cut at {n}": written(_SOUND[:n]) for n in range(1, len(_SOUND) // 2, len(_SOUND) // 60)},
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_malformed_model_file_is_one_line_and_is_not_entered(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    FILES[kind](path)
    with pytest.raises((BadModelFile, BadOption)) as caught:
        add(str(path), "malformed")
    message = str(caught.value)
    assert "m.gguf" in message
    assert "\n" not in message
    assert ": " in message
    assert isinstance(caught.value, LocalcollabError)


def test_there_are_three_hundred() -> None:
    assert len(CASES) + len(FILES) >= 300
