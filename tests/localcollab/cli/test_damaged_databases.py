"""Damaged histories and collections: every command ends in one line or in a result, and soon."""

import contextlib
import io
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from conftest import examples
from database_damage import DATABASE_DAMAGES, damaged
from localcollab.cli.commands import load
from localcollab.documents.collection import open_collection
from localcollab.errors import BadDatabase, BadOption, LocalcollabError
from localcollab.history.store import default_path, open_history
from stored_answers import add_answer, add_turn

N = examples(650)
"""Of each database, over all kinds of damage."""
FIRST = int(os.environ.get("LOCALCOLLAB_FIRST_SEED", "0"))
SECONDS_ALLOWED = 20
HISTORY = (
    ["list"], ["list", "--json"], ["search", "because"], ["export", "{id}"],
    ["export", "{id}", "--format", "json"], ["backup", "{folder}/copy"], ["import", "{folder}/one.json"],
    ["delete", "{id}", "--yes"], ["export", "--salvage", "{folder}/left.json"],
)  # fmt: skip
COLLECTION = (
    ["list"], ["list", "--json"], ["status"], ["status", "--json"], ["search", "the second word"],
    ["show", "a.txt"], ["show", "b.md", "--json"], ["remove", "{folder}/files/a.txt"],
)  # fmt: skip


pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def a_history(folder: Path) -> tuple[bytes, str]:
    """Its file's bytes, and the id of a conversation with branches."""
    with open_history(default_path()) as history:
        for n in range(8):
            id_ = history.create(system="Be brief.").id
            add_turn(history, id_, f"Why {n}?", f"because of word{n} " * 40)
            asked = history.add_question(id_, "And then?")
            add_answer(history, asked.id, "Nothing. " * 200)
            add_answer(history, asked.id, "because I say so")
        (folder / "one.json").write_text(history.export_json(id_))
        gone = history.create().id
        add_turn(history, gone, "Gone?", "gone " * 2000)
        history.delete(gone)  # leaves free pages
    return default_path().read_bytes(), id_


def a_collection(folder: Path) -> tuple[bytes, Path]:
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_text("The first word. " * 300)
    (folder / "files" / "b.md").write_text("# Two\n\nThe second word.\n" * 100)
    with open_collection(create=True) as collection:
        collection.add([folder / "files"])
        path = collection.path
    assert path is not None
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO vectors SELECT id, x'003c003c' FROM passages")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes(), path


def remove_database(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    def fail(number: int, frame: object) -> None:
        raise TimeoutError("takes too long")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(SECONDS_ALLOWED)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@cache
def command(room: str) -> Any:
    return typer.main.get_command(load(room))


def ends(room: str, words: list[str]) -> LocalcollabError | None:
    """How the command ends; whatever is not an error for a user passes through."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with time_limit(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            command(room).main(words, standalone_mode=False)
        except LocalcollabError as error:
            return error
    return None


def complaint(error: LocalcollabError | None) -> str | None:
    text = str(error)
    if error is not None and not isinstance(error, BadDatabase | BadOption):
        return f"is a {type(error).__name__}"
    if "\n" in text or not text.isprintable():
        return f"has an error that is not one printable line: {text!r}"
    if "Secret" in text:
        return f"shows a text: {text}"
    return None


def damages() -> Iterator[tuple[str, int]]:
    kinds = list(DATABASE_DAMAGES)
    return ((kinds[n % len(kinds)], n) for n in range(FIRST, FIRST + N))


def failures_of(room: str, path: Path, data: bytes, commands: list[list[str]]) -> list[str]:
    """Of the first command and of one other, on every mutant."""
    failures, n_refused, began = [], 0, time.monotonic()
    for kind, seed in damages():
        for words in (commands[0], commands[1 + seed % (len(commands) - 1)]):
            remove_database(path)
            path.write_bytes(damaged(kind, seed, data))
            try:
                error = ends(room, words)
                n_refused += isinstance(error, BadDatabase)
                found = complaint(error)
            except Exception as defect:
                found = f"raises {type(defect).__name__}: {defect}"
            if found is not None:
                failures.append(f"{kind} {seed}: {room} {' '.join(words)} {found}")
    print(f"{room}: seeds {FIRST} to {FIRST + N}: {n_refused} refusals of {2 * N} runs, "
          f"{time.monotonic() - began:.0f} s", file=sys.stderr)  # fmt: skip
    assert n_refused > N // 10, "the damage does no harm"
    return failures


def test_every_command_survives_a_damaged_history(folder: Path) -> None:
    data, id_ = a_history(folder)
    commands = [[word.format(folder=folder, id=id_) for word in words] for words in HISTORY]
    assert failures_of("history", default_path(), data, commands) == []


def test_every_command_survives_a_damaged_collection(folder: Path) -> None:
    data, path = a_collection(folder)
    commands = [[word.format(folder=folder) for word in words] for words in COLLECTION]
    assert failures_of("docs", path, data, commands) == []
