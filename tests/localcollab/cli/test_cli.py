"""The command line as a user meets it: in processes of their own."""

import importlib.util
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
HEAVY = ("numpy", "llama_cpp", "torch", "transformers", "textual", "jinja2")


def python(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], input=stdin, capture_output=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def localcollab(*arguments: str | Path, stdin: bytes = b"", **env: str) -> tuple[int, str, str]:
    return python("-m", "localcollab", *arguments, stdin=stdin, **env)


def loaded_by(code: str, names: tuple[str, ...]) -> list[str]:
    """Which of `names` are imported once `code` has run."""
    show = f"{code}\nimport sys\nprint([n for n in {names!r} if n in sys.modules])"
    status, out, err = python("-c", show)
    assert status == 0, err
    return list(json.loads(out.splitlines()[-1].replace("'", '"')))


def test_help_loads_nothing_heavy() -> None:
    code = "from localcollab.cli.commands import app\nassert app(['--help'], standalone_mode=False) == 0"
    assert loaded_by(code, HEAVY) == []


def test_no_module_of_the_runtime_imports_torch_transformers_or_textual() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "localcollab").rglob("*.py")
        if path.name != "__init__.py"
    ]
    if not importlib.util.find_spec("lm_eval"):  # of an extra: the harness is what imports us
        names = [name for name in names if not name.startswith("localcollab.harness")]
    code = f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)"
    assert loaded_by(code, ("torch", "transformers", "textual", "localcollab_convert")) == []


def test_one_module_imports_llama_cpp() -> None:
    imported = re.compile(r"^\s*(import|from) llama_cpp\b", re.MULTILINE)
    found = [
        path.relative_to(ROOT).as_posix()
        for folder in ("localcollab", "convert", "tui", "scripts", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if imported.search(path.read_text(encoding="utf-8"))
    ]
    # The experiment measures llama-cpp-python's own proposals.
    assert found == ["localcollab/llama/bindings.py", "scripts/experiments/llama_lookup.py"]


@pytest.mark.serial
def test_help_takes_150_ms_more_than_bare_python() -> None:
    def seconds(*arguments: str) -> float:
        """Of the processor, so that a busy machine counts for little."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status, *_ = python(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert status == 0
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    bare, ours = [], []
    for _ in range(5):  # by turns, so that another load on this machine meets both
        bare.append(seconds("-c", "pass"))
        ours.append(seconds("-m", "localcollab", "--help"))
    assert statistics.median(ours) - statistics.median(bare) <= 0.150, (ours, bare)


@pytest.mark.parametrize("command", ["chat", "convert", "docs", "teams"])
def test_completion_is_offered_once_for_all_commands(command: str) -> None:
    assert "--install-completion" in localcollab("--help")[1]
    assert "--install-completion" not in localcollab(command, "--help")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--version"], 0, ""),
        (["--help"], 0, ""),
        (["nonsense"], 2, "localcollab: No such command 'nonsense'."),
        (["run", "--nonsense"], 2, "localcollab: No such option: --nonsense"),
        (["docs", "add"], 2, "Missing argument 'paths'. (see localcollab docs add --help)"),
        (["convert", "head"], 2, "Missing option '--data'. (see localcollab convert head --help)"),
        (["run", "--base", "x.gguf", "hello"], 1, "x.gguf: no such model file"),
        (
            ["run", "--expert", "x.gguf", "hello"],
            1,
            "--expert is given without a base: give --base",
        ),
        (["run", "--base", "x.gguf", ""], 1, "the question is empty"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, says: str) -> None:
    status, _, err = localcollab(*arguments)
    assert (status, says in err, len(err.splitlines()) <= 1) == (code, True, True), err


def test_a_team_that_is_not_installed_says_how_to_get_it(tmp_path: Path) -> None:
    found = localcollab("run", "--team", "draft-8gb", "hello", XDG_DATA_HOME=str(tmp_path))
    says = (
        "draft-8gb is not installed (qwen2.5-7b, qwen2.5-0.5b): localcollab models pull draft-8gb"
    )
    assert found == (1, "", f"localcollab: {says}\n")


@pytest.fixture
def pair(stories: Path, weak_stories: Path) -> list[str]:
    files = ["--base", str(stories), "--expert", str(weak_stories), "--gate", "entropy"]
    return ["run", *files, "--max-tokens", "24"]


QUESTION = "Once upon a time"


@pytest.mark.weights
def test_the_answer_is_on_stdout_and_notes_are_on_stderr(pair: list[str]) -> None:
    status, out, err = localcollab(*pair, QUESTION, "--temperature", "0")
    assert (status, out[:23], out.endswith("\n")) == (0, ", there was a little gi", True)
    assert "no chat template" in err
    assert "\x1b" not in out + err


@pytest.mark.weights
def test_the_question_is_read_from_standard_input(pair: list[str]) -> None:
    _, asked, _ = localcollab(*pair, QUESTION)
    _, piped, _ = localcollab(*pair, stdin=QUESTION.encode())
    _, dashed, _ = localcollab(*pair, "-", stdin=QUESTION.encode())
    assert asked == piped == dashed


@pytest.mark.weights
def test_marks_survive_a_pipe(pair: list[str]) -> None:
    _, plain, _ = localcollab(*pair, QUESTION)
    _, marked, _ = localcollab(*pair, QUESTION, "--marks")
    assert "‹" in marked
    assert marked.replace("‹", "").replace("›¹", "") == plain


@pytest.mark.weights
def test_every_line_of_json_is_an_event(pair: list[str]) -> None:
    _, out, _ = localcollab(*pair, QUESTION, "--json", PYTHONIOENCODING="ascii")
    events = [json.loads(line) for line in out.splitlines()]
    tokens = [event for event in events if event["event"] == "token"]
    finished = events[-1]
    assert (events[0]["event"], finished["event"]) == ("prompted", "finished")
    assert "".join(token["text"] for token in tokens) == finished["text"]
    assert {t["author"] for t in tokens} == set(finished["authors"])
    assert finished["reason"] == "max_tokens"


@pytest.mark.weights
@pytest.mark.serial
def test_the_first_token_comes_within_two_seconds(pair: list[str]) -> None:
    localcollab(*pair, QUESTION)  # the files are checked once
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        with start(*pair, QUESTION, "--json") as process:
            assert process.stdout is not None
            first = next(line for line in process.stdout if b'"token"' in line)
            seconds.append(time.perf_counter() - began)
            process.communicate()
        assert json.loads(first)["text"]
    if min(seconds) >= 2 and os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip(f"this machine is too busy to time a start: {seconds} s")
    assert min(seconds) < 2, seconds


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "localcollab", *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.weights
def test_ctrl_c_ends_an_answer_quietly(pair: list[str]) -> None:
    endless = ["--max-tokens", "100000", "--json", "--n-ctx", "100000"]
    with start(*pair, QUESTION, *endless) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if b'"token"' in line)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.decode().splitlines()[-1]) == (130, "localcollab: interrupted")
    assert b"Traceback" not in err


@pytest.mark.weights
def test_a_reader_that_goes_away_ends_it_quietly(pair: list[str]) -> None:
    with start(*pair, QUESTION, "--json") as process:
        assert process.stdout is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read().decode()
    assert (process.returncode, "rror" in err, "Exception" in err) == (1, False, False), err
