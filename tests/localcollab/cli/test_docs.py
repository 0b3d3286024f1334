"""`localcollab docs`, as a user runs it, where there is no network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prefix() -> list[str]:
    """Of a command: takes its network away where this machine permits it."""
    found = ["unshare", "-rn"]
    if shutil.which("unshare") and not subprocess.run([*found, "true"], check=False).returncode:
        return found
    return []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    (home / "notes").mkdir(parents=True)
    (home / "notes" / "a\x1b[2J\nb.md").write_text("# Plan\n\nThe xylophone\x1b[31m rendezvous.\n")
    (home / "notes" / "photo.jpg").write_bytes(bytes(range(256)))
    for name in ("DATA", "CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    (home / "tmp").mkdir()
    return home


def run(prefix: list[str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "localcollab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


def test_files_are_added_searched_and_shown_and_their_text_stays_in_the_collection(
    home: Path, prefix: list[str]
) -> None:
    added = run(prefix, "--verbose", "docs", "add", home / "notes", "-C", "mine")
    assert (added.returncode, added.stdout) == (
        0,
        "mine: 2 files added, 0 changed, 0 unchanged, 0 removed; 1 not indexed "
        "(localcollab docs status says why)\n",
    )
    assert "photo.jpg" in added.stderr
    assert "xylophone" not in added.stderr
    found = run(prefix, "--verbose", "docs", "search", "Xylophones?", "-C", "mine")
    place = f"{home}/notes/a␛[2J␊b.md, Plan (characters 0 to 39)"
    assert found.stdout == f"[1] {place}\n    # Plan The xylophone␛[31m rendezvous.\n"
    (report,) = json.loads(run(prefix, "docs", "status", "--json").stdout)
    assert (report["files"], report["n_passages"]) == ({"indexed": 1, "refused": 1}, 1)
    holders = [
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and b"xyloph" in path.read_bytes()
    ]
    assert {holder.split(".sqlite3")[0] for holder in holders} == {
        "data/localcollab/collections/mine", "notes/a\x1b[2J\nb.md",
    }  # fmt: skip


def test_what_was_guessed_is_told_when_a_file_is_added_and_later(
    home: Path, prefix: list[str]
) -> None:
    file = home / "contract.txt"
    file.write_bytes("合同的通知期为三十天。租金每月五千元。".encode("gb18030"))
    guess = "encoding guessed: GB18030 (if it is wrong, save the file as UTF-8)"
    added = run(prefix, "docs", "add", file, "-C", "guessed")
    assert added.stderr.endswith(f"indexed (text, 1 passage), but {guess}  {file}\n")
    status = run(prefix, "docs", "status", "-C", "guessed").stdout
    assert f"    indexed  {file}: {guess}\n" in status
    (report,) = json.loads(run(prefix, "docs", "status", "-C", "guessed", "--json").stdout)
    assert [each["error"] for each in report["noted"]] == [guess]


def test_what_cannot_be_added_makes_no_collection(home: Path) -> None:
    wrong = run([], "docs", "add", "/nosuch")
    assert (wrong.returncode, wrong.stderr) == (
        1,
        "localcollab: /nosuch cannot be added (No such file or directory): give a file or folder\n",
    )
    assert run([], "docs", "status", "--json").stdout == "[]\n"


def test_a_mistake_is_one_line(home: Path) -> None:
    wrong = run([], "docs", "search", "x", "--collection", "mien")
    assert (wrong.returncode, wrong.stderr) == (
        1,
        "localcollab: there is no collection 'mien' (there are: none yet): add files to it "
        "first (localcollab docs add)\n",
    )


def test_a_file_is_shown_by_the_end_of_its_path(home: Path) -> None:
    assert run([], "docs", "add", home / "notes").returncode == 0
    assert "xylophone" in run([], "docs", "show", "b.md").stdout
    wrong = run([], "docs", "show", "c.md")
    assert (wrong.returncode, wrong.stderr) == (
        1,
        "localcollab: no file of the collection ends with 'c.md': see localcollab docs list\n",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["embed"], "give either ENCODER, an encoder to search with (such as minilm), or --off"),
        (["show", "b.md", "--page", "3"], "has no text on page 3: leave --page out to show all"),
    ],
)
def test_an_error_names_the_option(words: list[str], message: str, home: Path) -> None:
    run([], "docs", "add", home / "notes")
    assert run([], "docs", *words).stderr.endswith(f"{message}\n")


def test_help_needs_no_numpy(home: Path) -> None:
    script = "import sys, localcollab.cli.docs; print('numpy' in sys.modules)"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert child.stdout == b"False\n"


def test_a_revision_is_proposed_with_its_sources_and_overwrites_nothing(
    home: Path, prefix: list[str]
) -> None:
    lease = home / "lease-2024.md"
    lease.write_text("# Lease\n\nThe monthly rent is 845 euros.\n")
    letter = home / "notes" / "letter-2025.md"
    letter.write_text("From 1 March 2025, the monthly rent is 870 euros.\n")
    run(prefix, "docs", "add", home / "notes", "-C", "mine")
    words = ("docs", "revise", lease, "--with", "mine")
    shown = run(prefix, *words)
    assert shown.stdout.startswith(
        f"[1] line 3: 845 euros -> 870 euros\n    from {letter} (characters 0 to 49), 2025, by the date "
        "in its name\n    “From 1 March 2025, the monthly rent is 870 euros.”\n--- "
    )
    assert shown.stdout.endswith(
        "-The monthly rent is 845 euros.\n+The monthly rent is 870 euros.\n"
    )
    assert shown.stderr.endswith("1 change proposed; lease-2024.md is not changed\n")
    out = home / "lease.diff"
    assert run(prefix, *words, "--out", out).stdout == f"{out}: 1 change proposed\n"
    assert out.read_text() == shown.stdout
    refused = run(prefix, *words, "--out", out)
    assert (refused.returncode, "nothing is overwritten" in refused.stderr) == (1, True)
    assert out.read_text() == shown.stdout
    assert "845" in lease.read_text()
    (found,) = json.loads(run(prefix, *words, "--json").stdout)["changes"]
    assert (found["old"], found["new"], found["document"]) == (
        "845 euros", "870 euros", str(letter),
    )  # fmt: skip
    newer = run(prefix, *words, "--dated", "2026")
    assert (newer.stdout, newer.stderr.startswith("no document is newer")) == ("", True)
    assert run(prefix, *words, "--dated", "soon").stderr.startswith(
        "localcollab: --dated is 'soon'"
    )
    photo = run(prefix, "docs", "revise", home / "notes" / "photo.jpg", "--with", "mine")
    assert (photo.returncode, "cannot be revised" in photo.stderr) == (1, True)
    page = home / "lease-2024.html"
    page.write_text("<p>The monthly rent is 845 euros.</p>")
    listed = run(prefix, "docs", "revise", page, "--with", "mine")
    assert listed.stdout.count("\n") == 3
    assert listed.stderr.endswith("; a diff is made of text files in UTF-8 only\n")
