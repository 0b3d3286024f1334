"""Killed at any moment, `add` and `sync` go on, and end with what an undisturbed run ends with.

LOCALCOLLAB_KILLS: how many kills to try; the default is for every run of the suite.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcollab.documents.collection import Collection

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).parents[3] / "documents_driver.py"
N_KILLS = int(os.environ.get("LOCALCOLLAB_KILLS", "6"))
N_FILES = 150
OPTIONS = json.dumps({"batch_seconds": 0.01})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "files"
    folder.mkdir()
    for number in range(N_FILES):
        write(folder, number, "first")
    return folder


def write(folder: Path, number: int, version: str) -> None:
    text = "".join(f"File {number} says {version} {line}.\n\n" for line in range(40 + number))
    (folder / f"{number:03}.md").write_text(f"# File {number}\n\n{text}")


def change(folder: Path) -> None:
    for number in range(0, N_FILES, 3):
        write(folder, number, "second")
    for number in range(1, N_FILES, 9):
        (folder / f"{number:03}.md").unlink()
    write(folder, N_FILES, "new")


def start(path: Path, action: str, *paths: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, DRIVER, path, action, OPTIONS, *paths]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE)


def run(path: Path, action: str, *paths: Path) -> tuple[str, float]:
    """The content it ends with, and the seconds from its first file to its end."""
    with start(path, action, *paths) as child:
        assert child.stdout is not None
        child.stdout.readline()
        began = time.monotonic()
        child.stdout.read()
        seconds = time.monotonic() - began
    assert child.returncode == 0
    check(path)
    with Collection(path) as collection:
        return collection.content_sha256(), seconds


def kill_after(seconds: float, path: Path, action: str, *paths: Path) -> None:
    """From its first file on, so that a slow start is not all that is killed."""
    with start(path, action, *paths) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(seconds)
        child.kill()
        child.stdout.read()


def check(path: Path) -> None:
    """The file is whole, and its index says what its texts say. Raises where not."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.execute("INSERT INTO words(words, rank) VALUES ('integrity-check', 1)")
    connection.rollback()
    connection.close()


def test_a_killed_run_is_taken_up_to_the_same_content(corpus: Path, tmp_path: Path) -> None:
    seed = random.Random(N_KILLS)
    added, changed = tmp_path / "added.sqlite3", tmp_path / "changed.sqlite3"
    content, seconds = run(added, "add", corpus)
    for number in range(N_KILLS // 2):
        path = tmp_path / f"add-{number}.sqlite3"
        kill_after(seed.uniform(0, seconds), path, "add", corpus)
        check(path)
        assert run(path, "add", corpus)[0] == content
    change(corpus)
    shutil.copy(added, changed)
    content, seconds = run(changed, "sync")
    for number in range(N_KILLS - N_KILLS // 2):
        path = tmp_path / f"sync-{number}.sqlite3"
        shutil.copy(added, path)
        kill_after(seed.uniform(0, seconds), path, "sync")
        check(path)
        assert run(path, "sync")[0] == content
