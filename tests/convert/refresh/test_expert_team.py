"""Files become a team, and new files a better one: all by the command line, in seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from invented_texts import invented
from localcollab.documents.collection import Collection, collections_folder
from localcollab_convert.study.texts import Text

pytestmark = pytest.mark.weights


@pytest.mark.slow
def test_documents_become_a_team_that_learns_what_is_new(tmp_path: Path) -> None:
    """Eight texts, a few steps: the expert helps, the catalogue knows the team, twice is once."""
    files, out = tmp_path / "files", tmp_path / "out"
    add_texts(invented(8), files)
    words = ["convert", "expert", "--docs", "tablets", "--base", "formulary-base", "--json"]
    words += ["--steps", "120", "--size", "tiny", "--out", str(out)]
    made = json.loads(run(*words))
    assert (made["n_texts"], made["n_steps"], made["familiar"]) == (8, 120, None)
    assert made["nll"]["head"] < min(made["nll"]["base"], made["nll"]["expert 1"])
    assert "tablets" in run("teams", "list")
    asked = run("run", "--team", "tablets", "--json", "What is one dose of Zordex?")
    assert json.loads(asked.splitlines()[-1])["event"] == "finished"
    assert json.loads(run(*words)) == made
    add_texts(invented(10), files)
    refreshed = json.loads(run("docs", "refresh", "-C", "tablets", "--steps", "60", "--json"))
    assert (refreshed["n_new"], refreshed["n_gone"]) == (2, 0)
    assert refreshed["new"][1] < refreshed["new"][0]
    kept = {path.name for path in out.rglob("*") if path.is_file()}
    assert ("tablets.gguf" in kept) == (not refreshed["is_kept"])
    assert len([name for name in kept if name.endswith(".gguf")]) == 2 - refreshed["is_kept"]
    assert json.loads(run("run", "--team", "tablets", "--json", "Zordex?").splitlines()[-1])
    assert_private(out)


def add_texts(texts: list[Text], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for text in texts:
        (folder / f"{text.title}.txt").write_text(text.whole)
    with Collection(collections_folder() / "tablets.sqlite3") as collection:
        collection.add([folder])


def assert_private(out: Path) -> None:
    """The expert alone knows a word of the documents, and only its owner may look."""
    assert out.stat().st_mode & 0o777 == 0o700
    holding = [path for path in out.rglob("*") if path.is_file() and b"Zordex" in path.read_bytes()]
    assert holding == []


def run(*words: str) -> str:
    command = [sys.executable, "-m", "localcollab.cli.main", *words]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return child.stdout
