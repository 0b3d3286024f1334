"""Names, licences, metadata, documents and messages from outside never reach the terminal raw."""

import ast
import contextlib
import io
import json
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from localcollab.archives.archive import export_team
from localcollab.cli.commands import COMMANDS, load
from localcollab.documents.collection import open_collection
from localcollab.history.store import default_path, open_history
from localcollab.terminal import printing
from localcollab.terminal.visible_text import escaped, visible
from small_gguf import STRING, small_llama
from stored_answers import add_turn

ROOT = Path(__file__).parents[3]
RAW = "\x1b[2J\x1b]0;title\x07\x9b31m\x9d8;;x\x9c\u202eabc\u2066\u200f\x7f\r\x08 end"
"""ESC, OSC, C1 controls, characters that reorder text, DEL, carriage return, backspace."""


def is_safe(text: str) -> bool:
    return visible(text) == text


@cache
def command(name: str) -> Any:
    return typer.main.get_command(load(name))


def printed(*words: str) -> str:
    """On both streams."""
    return "".join(streams(*words))


def streams(*words: str) -> tuple[str, str]:
    """Standard output and standard error."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        command(words[0]).main(list(words[1:]), standalone_mode=False)
    out.flush()
    data = out.buffer.getvalue()
    return data.decode(), err.getvalue()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for kind in ("DATA", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    return tmp_path


def a_catalog(home: Path) -> Path:
    name, text = json.dumps(RAW.replace("\x7f", "")), json.dumps(RAW.replace("\x7f", "a"))
    for seed, file in enumerate("ab"):
        gguf = small_llama(seed).with_key("general.name", STRING, RAW)
        gguf = gguf.with_key("general.license", STRING, RAW)
        gguf = gguf.with_key("tokenizer.chat_template", STRING, RAW)
        (home / f"{file}.gguf").write_bytes(gguf.to_bytes())
    catalog = home / "models.toml"
    catalog.write_text(
        f'[models.a]\npath = "a.gguf"\nabout = {text}\nlicence = {text}\n[models.{name}]\n'
        f'path = "b.gguf"\nabout = {text}\n[teams.t]\nmethod = "deferral"\nbase = "a"\n'
        f'experts = [{name}]\ngate = "entropy"\nabout = {text}\n'
    )
    return catalog


@pytest.mark.slow
def test_what_a_catalogue_and_a_model_file_say(home: Path) -> None:
    catalog = str(a_catalog(home))
    for words in (
        ["models", "list"], ["models", "show", "a"], ["teams", "list"], ["models", "fit", "t"],
        ["models", "verify", "a"],
    ):  # fmt: skip
        text = printed(*words, "--models", catalog)
        assert is_safe(text), words
        as_json = printed(*words, "--models", catalog, "--json")
        assert is_safe(as_json), words
        json.loads(as_json)
    added = printed("models", "add", str(home / "a.gguf"), "--name", "mine")
    assert is_safe(added)
    assert "end" in printed("models", "list", "--models", catalog)


@pytest.mark.slow
def test_what_an_archive_says(home: Path) -> None:
    catalog = home / "models.toml"
    (home / "a.gguf").write_bytes(small_llama(0).to_bytes())
    (home / "b.gguf").write_bytes(small_llama(1).to_bytes())
    catalog.write_text(
        f'[models.a]\npath = "a.gguf"\nlicence = {json.dumps(RAW.replace(chr(127), ""))}\n'
        '[models.b]\npath = "b.gguf"\n'
        '[teams.t]\nmethod = "deferral"\nbase = "a"\nexperts = ["b"]\ngate = "entropy"\n'
    )
    archive = home / "t.tar"
    export_team("t", archive, (catalog,))
    with tarfile.open(archive) as tar:
        assert b"u001b" in tar.extractfile("manifest.json").read()  # type: ignore[union-attr]
    text = printed("teams", "import", str(archive))
    assert text.startswith("imported t: 2 files (licences: a: \u241b[2J")
    assert is_safe(text)


@pytest.mark.slow
def test_what_documents_and_their_names_say(home: Path) -> None:
    (home / f"{RAW[:12]}.txt").write_text(f"The word {RAW}\n")
    (home / "broken.pdf").write_bytes(b"%PDF-1.4 " + RAW.encode())
    with open_collection("c", create=True) as collection:
        collection.add([home])
    for words in (["list"], ["search", "word"], ["show", ".txt"], ["status"]):
        as_text = printed("docs", *words, "-C", "c")
        assert is_safe(as_text), words
        as_json, notes = streams("docs", *words, "-C", "c", "--json")
        assert is_safe(as_json + notes), words
        json.loads(as_json)
    (passage,) = json.loads(streams("docs", "show", ".txt", "-C", "c", "--json")[0])["passages"]
    assert passage["text"] == f"The word {RAW}\n".replace("\r", "\n")


def test_what_conversations_say(home: Path) -> None:
    with open_history(default_path()) as history:
        id_ = history.create(title=f"title {RAW}", system=RAW, team=RAW).id
        add_turn(history, id_, f"question {RAW}", f"because {RAW}")
    for words in (["list"], ["search", "because"], ["export", id_]):
        assert is_safe(printed("history", *words)), words
    for words in (
        ["list", "--json"],
        ["search", "because", "--json"],
        ["export", id_, "--format", "json"],
    ):
        text = printed("history", *words)
        assert is_safe(text), words
        assert "title" in json.dumps(json.loads(text))
    salvaged = printed("history", "export", "--salvage", "--out", str(home / "left.json"))
    assert is_safe(salvaged)


def test_what_candidates_say(home: Path) -> None:
    record = {"id": RAW, "instruction": RAW, "candidates": [
        {"text": RAW, "model": RAW}, {"text": "two", "model": f"m{RAW}"},
    ]}  # fmt: skip
    file = home / "r.jsonl"
    file.write_text(json.dumps(record) + "\n")
    assert is_safe(printed("rank", str(file), "--ranker", "longest"))
    line = printed("rank", str(file), "--ranker", "longest", "--json")
    assert is_safe(line)
    assert json.loads(line)["id"] == RAW


@pytest.mark.weights
@pytest.mark.slow
def test_what_a_model_file_says_of_itself(home: Path) -> None:
    a_catalog(home)
    for words in (["inspect", str(home / "a.gguf")], ["inspect", str(home / "a.gguf"), "--json"]):
        text = printed("convert", *words)
        assert is_safe(text)
        assert "end" in text


def test_json_keeps_the_values() -> None:
    text = escaped(json.dumps({"a": RAW, "half": "\ud800"}, ensure_ascii=False))
    assert is_safe(text)
    assert json.loads(text) == {"a": RAW, "half": "\ud800"}


def test_a_line_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_line("one\ntwo\x1b[2K")
    assert capsys.readouterr().out == "one\u240atwo\u241b[2K\n"


def test_commands_print_through_one_edge_only() -> None:
    """`terminal.printing` alone calls `print` for standard output."""
    rooms = [
        *(ROOT / "localcollab" / "cli").glob("*.py"),
        *(ROOT / "convert" / "localcollab_convert").glob("**/cli.py"),
        ROOT / "convert" / "localcollab_convert" / "output.py",
    ]
    found = [
        f"{path.name}:{node.lineno}"
        for path in rooms
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "sys.stdout.write", "typer.echo", "click.echo")
        and not any(k.arg == "file" and ast.unparse(k.value) == "sys.stderr" for k in node.keywords)
        and not all(isinstance(each, ast.Constant) for each in node.args)
    ]
    assert found == []
    assert len(rooms) > len(COMMANDS)
