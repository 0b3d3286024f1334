"""`chat --plain` on broken streams and interrupted at once: one line, the exit code, no traceback."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chat_app import FakeTeams
from localcollab.errors import BadOption
from localcollab.history import open_history
from localcollab_tui.engine.thread import on_own_models
from localcollab_tui.plain import PlainChat

_ROOT = Path(__file__).parents[2]
_CHAT = (sys.executable, "-m", "localcollab", "chat", "--plain", "--incognito")
_ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (_ROOT, _ROOT / "tui")))}


def chat(source: io.TextIOBase, out: io.TextIOBase, answer: str = "said") -> None:
    with open_history(None) as history:
        teams = FakeTeams(lambda _: answer)
        PlainChat(history, on_own_models(teams.open), source, out).run(None, None)  # type: ignore[arg-type]


def test_a_terminal_without_unicode_gets_question_marks() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    chat(io.StringIO("Añb\n/system Über …\n"), out, answer="Çé")
    said = raw.getvalue().decode("ascii")
    assert "system prompt: ?ber ?" in said
    assert "??" in said


class Full(io.StringIO):
    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_disk_behind_standard_output_is_an_error() -> None:
    with pytest.raises(BadOption, match="cannot write to standard output: No space left on device"):
        chat(io.StringIO("Hi\n"), Full())


def test_input_that_is_not_text_is_an_error() -> None:
    source = io.TextIOWrapper(io.BytesIO(b"Hi\n\xff\xff\n"), encoding="utf-8")
    with pytest.raises(BadOption, match="standard input is not utf-8 text"):
        chat(source, io.StringIO())


def test_a_line_that_does_not_end_is_an_error() -> None:
    with pytest.raises(BadOption, match="holds a line of more than 1048576 characters"):
        chat(io.StringIO("Hi\n" + "\0" * 2**20 + "x"), io.StringIO())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirect", "line"),
    [
        ("</dev/null >/dev/full", "cannot write to standard output: No space left on device"),
        ("<&-", "standard input is closed, and chat --plain needs it"),
        ("</dev/null >&-", "standard output is closed, and chat --plain needs it"),
    ],
    ids=["full", "no input", "no output"],
)
def test_a_stream_that_cannot_be_used_is_named_in_one_line(redirect: str, line: str) -> None:
    if "/dev/full" in redirect and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *_CHAT]
    done = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (1, [f"localcollab: {line}"])
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_ctrl_c_while_the_commands_are_imported_is_one_line(tmp_path: Path) -> None:
    """Our first import tells us that it began, then waits for the signal."""
    package = tmp_path / "typer"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    )
    path = os.pathsep.join((str(tmp_path), _ENVIRONMENT["PYTHONPATH"]))
    with subprocess.Popen(
        _CHAT, env=_ENVIRONMENT | {"PYTHONPATH": path}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "localcollab: interrupted\n"
    assert process.returncode == 130
