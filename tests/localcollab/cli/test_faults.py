"""Full disks, closed streams, ASCII, interrupts and read-only folders: one line and the exit code."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.archives.archive import export_team
from localcollab.catalog import SHIPPED
from small_gguf import small_llama

pytestmark = pytest.mark.slow

BASE = str(SHIPPED / "formulary" / "base.gguf")
RECORD = {"id": "漢", "instruction": "x", "candidates": [{"text": "é", "model": "m"}]}
PRINTING = {
    "help": ["--help"],
    "version": ["--version"],
    "models list": ["models", "list"],
    "models list --json": ["models", "list", "--json"],
    "models show": ["models", "show", "formulary-base"],
    "teams list": ["teams", "list"],
    "docs status": ["docs", "status", "-C", "c"],
    "docs list": ["docs", "list", "-C", "c"],
    "docs search": ["docs", "search", "word", "-C", "c"],
    "history path": ["history", "path"],
    "rank": ["rank", "{folder}/r.jsonl", "--ranker", "longest"],
    "inspect": ["convert", "inspect", BASE],
    "run": ["run", "--base", BASE, "hello", "--max-tokens", "2"],
    "run --json": ["run", "--base", BASE, "hello", "--max-tokens", "2", "--json"],
}
"""Commands that print a result; "c" is a collection with one document."""
SITUATIONS = {
    "full": ("> /dev/full", 1),
    "closed output": (">&-", 1),
    "closed input": ("<&- > /dev/null", 0),
    "closed errors": ("> /dev/null 2>&-", 0),
    "full errors": ("> /dev/null 2> /dev/full", 0),
    "all closed": ("<&- >&- 2>&-", 1),
}
"""Redirection in a shell, and the exit code."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "r.jsonl").write_text(json.dumps(RECORD) + "\n")
    (folder / "é.txt").write_text("a word, 漢字\n")
    run(folder, "docs", "add", str(folder / "é.txt"), "-C", "c")
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    homes = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    return os.environ | homes | more


def run(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "localcollab", *words], capture_output=True, text=True, check=False,
        env=environment(folder, **more), encoding="utf-8",
    )  # fmt: skip


def is_one_line(text: str) -> bool:
    lines = text.splitlines()
    notes = [line for line in lines if not re.search(r"the answer was cut|tokens:|template", line)]
    return len(notes) == 1 and notes[0].startswith("localcollab: ") and "defect" not in notes[0]


@pytest.mark.parametrize("command", PRINTING)
def test_a_stream_that_is_full_or_closed_is_one_line(command: str, folder: Path) -> None:
    words = [word.format(folder=folder) for word in PRINTING[command]]
    for situation, (redirection, code) in SITUATIONS.items():
        ended = subprocess.run(
            ["sh", "-c", f'"$@" {redirection}', "sh", sys.executable, "-m", "localcollab", *words],
            stderr=subprocess.PIPE, text=True, check=False, env=environment(folder),
        )  # fmt: skip
        assert (situation, ended.returncode) == (situation, code), ended.stderr
        if code and situation != "all closed":
            assert is_one_line(ended.stderr), ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", PRINTING)
def test_an_ascii_output_shows_what_it_lacks_as_escapes(command: str, folder: Path) -> None:
    words = [word.format(folder=folder) for word in PRINTING[command]]
    ended = run(folder, *words, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    if command != "run --json":  # in UTF-8, whatever the locale
        assert ended.stdout.isascii()
    if command == "docs list":
        assert "\\xe9.txt" in ended.stdout
    if command.endswith("--json"):
        for text in [ended.stdout] if command.startswith("models") else ended.stdout.splitlines():
            json.loads(text)


def test_an_interrupt_is_one_line_from_the_first_import_on(folder: Path) -> None:
    """Before the first line of localcollab runs, the interpreter itself is starting: not covered."""
    code = (
        "import signal, sys, threading, time, os\n"
        "delay = float(sys.argv.pop(1))\n"
        "pid = os.getpid()\n"
        "def send():\n    time.sleep(delay)\n    os.kill(pid, signal.SIGINT)\n"
        "threading.Thread(target=send, daemon=True).start()\n"
        "from localcollab.cli.main import main\nmain()\n"
    )
    ends = set()
    for n in range(24):
        words = (["run", "--base", BASE, "hello"], ["convert", "inspect", BASE])[n % 2]
        ended = subprocess.run(
            [sys.executable, "-c", code, str(0.01 + n * 0.012), *words], capture_output=True,
            text=True, check=False, env=environment(folder),
        )  # fmt: skip
        ends.add(ended.returncode)
        # Earlier, `main` does not handle it yet; later, the command has ended.
        if n > 2 and ended.returncode not in (0, -signal.SIGINT):
            assert ended.returncode == 130, ended.stderr
            assert ended.stderr.splitlines()[-1] == "localcollab: interrupted"
            assert "Traceback" not in ended.stderr
    assert 130 in ends


@pytest.mark.parametrize(
    ("called", "code"),
    [
        ("_handle_interrupts", 130),
        ("_int_to_enum", 130),  # by `signal`, which is about to set the handler
        ("_run", 130),
        ("_flushed", 130),
        ("_shutdown", -signal.SIGINT),  # of `threading`, while Python ends
    ],
)
def test_an_interrupt_between_the_handlers_shows_no_traceback(
    called: str, code: int, folder: Path
) -> None:
    script = (
        "import os, sys\n"
        "from localcollab.__main__ import main\n"
        "called = sys.argv.pop(1)\n"
        "def interrupt(frame, event, arg):\n"
        "    if event == 'call' and frame.f_code.co_name == called:\n"
        "        sys.setprofile(None)\n"
        "        os.kill(os.getpid(), 2)\n"
        "sys.setprofile(interrupt)\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, called, "--version"], capture_output=True, text=True,
        check=False, env=environment(folder),
    )  # fmt: skip
    said = "localcollab: interrupted\n" if code == 130 else ""
    assert (ended.returncode, ended.stderr) == (code, said)


READ_ONLY = Path("/sys/nowhere")
"""Nobody creates a file there, root neither."""


@pytest.mark.skipif(not READ_ONLY.parent.is_dir(), reason="needs a file system as of Linux")
@pytest.mark.parametrize(
    "words",
    [
        ["history", "list"],
        ["docs", "add", "{folder}/r.jsonl"],
        ["models", "add", BASE, "--name", "mine"],
        ["teams", "import", "{folder}/t.tar"],
        ["history", "export", "--salvage", "{folder}/h"],
    ],
)
def test_a_folder_that_cannot_be_written_says_what_to_do(words: list[str], folder: Path) -> None:
    archive_of_two(folder)
    words = [word.format(folder=folder) for word in words]
    ended = run(folder, *words, XDG_DATA_HOME=str(READ_ONLY))
    assert ended.returncode == 1
    assert is_one_line(ended.stderr), ended.stderr
    assert "/sys/nowhere" in ended.stderr
    assert re.search(r"change the permissions|give another|check the path", ended.stderr)


def archive_of_two(folder: Path) -> Path:
    out = folder / "t.tar"
    if not out.exists():
        for seed, name in enumerate("ab"):
            (folder / f"{name}.gguf").write_bytes(small_llama(seed).to_bytes())
        (folder / "models.toml").write_text(
            '[models.a]\npath = "a.gguf"\n[models.b]\npath = "b.gguf"\n[teams.t]\n'
            'method = "deferral"\nbase = "a"\nexperts = ["b"]\ngate = "entropy"\n'
        )
        export_team("t", out, (folder / "models.toml",))
    return out


def test_four_imports_of_one_archive_at_once_all_succeed(folder: Path, tmp_path: Path) -> None:
    archive = archive_of_two(folder)
    command = [sys.executable, "-m", "localcollab", "teams", "import", str(archive)]
    running = [
        subprocess.Popen(
            command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    said = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * 4, said
    assert sum(out.startswith("imported t") for out, _ in said) == 1
    assert not list((tmp_path / "DATA").rglob("*.partial"))
    assert run(tmp_path, "teams", "list").stdout.count("t: ") >= 1


def test_a_defect_shows_neither_a_traceback_nor_what_was_written() -> None:
    code = (
        "import typer\nfrom localcollab.cli import commands, main\n"
        "def fail(): raise KeyError('a private text')\n"
        "commands.app = lambda **_: fail()\n"
        "main.main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert re.fullmatch(
        r"localcollab: a defect of localcollab: KeyError at <string>:3: report .*\n", ended.stderr
    )
