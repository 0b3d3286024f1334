"""`localcollab history`, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.history import default_path, open_history
from stored_answers import add_turn

pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "localcollab", "history", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a conversation in the default place."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with open_history(default_path()) as history:
        id_ = history.create(title="Drugs \x1b[2J").id
        add_turn(history, id_, "What is aspirin?", "one two three four")
        history.pin(id_)
        return id_


def test_list_and_search_show_no_control_characters(stored: str) -> None:
    listed, found = run("list"), run("search", "aspi")
    assert listed.stdout.startswith(f"{stored} * ")
    assert "Drugs ␛[2J (2 messages)" in listed.stdout
    assert found.stdout == f"{stored}  Drugs ␛[2J\n    user: What is [aspirin]?\n"


def test_json_is_for_programs(stored: str) -> None:
    (listed,) = json.loads(run("list", "--json").stdout)
    (found,) = json.loads(run("search", "three", "--json").stdout)
    assert (listed["id"], listed["pinned"], listed["n_messages"]) == (stored, True, 2)
    assert (found["conversation"], found["marks"]) == (stored, [[8, 13]])


def test_an_export_is_imported_beside_the_original(stored: str, tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    assert run("export", stored[:5], "--format", "json", "--out", str(out)).stdout == ""
    new = run("import", str(out)).stdout.strip()
    assert new != stored
    assert len(json.loads(run("list", "--json").stdout)) == 2
    assert "‹one ›¹two three ‹four ›¹" in run("export", new).stdout


def test_delete_asks_first(stored: str) -> None:
    refused = run("delete", stored)
    assert refused.returncode == 1
    assert "nobody can be asked" in refused.stderr
    assert run("delete", stored, "--yes").returncode == 0
    assert run("list").stderr == "no conversations yet\n"


def test_backup_and_path_name_the_files(stored: str, tmp_path: Path) -> None:
    assert run("path").stdout.strip() == str(default_path())
    assert run("backup", str(tmp_path / "copy")).returncode == 0
    with open_history(tmp_path / "copy") as copy:
        assert copy.count() == 1


def test_a_backup_into_no_folder_blames_the_folder(stored: str, tmp_path: Path) -> None:
    missing = tmp_path / "nosuch"
    wrong = run("backup", str(missing / "b"))
    says = f"localcollab: {missing / 'b'}: there is no folder {missing}: create it first\n"
    assert (wrong.returncode, wrong.stderr) == (1, says)


def test_a_mistake_is_one_line(stored: str, tmp_path: Path) -> None:
    for arguments, said in [
        (
            ("export", "zzz"),
            "localcollab: there is no conversation 'zzz': see localcollab history list\n",
        ),
        (
            ("export", stored, "--format", "pdf"),
            "localcollab: --format is 'pdf': give markdown or json\n",
        ),
        (("import", str(tmp_path)), "cannot be read: "),
    ]:
        failed = run(*arguments)
        assert failed.returncode == 1
        assert said in failed.stderr
        assert len(failed.stderr.splitlines()) == 1


def test_the_help_loads_no_database() -> None:
    code = (
        "import sys; sys.argv = ['localcollab', '--help']\n"
        "import atexit; atexit.register(lambda: print('loaded', 'sqlite3' in sys.modules))\n"
        "from localcollab.cli.main import main; main()"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "history " in said.stdout
    assert said.stdout.splitlines()[-1] == "loaded False"
