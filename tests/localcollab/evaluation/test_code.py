"""Code and its tests in a child process: right, wrong, endless, greedy, and up to no good."""

from pathlib import Path

import pytest

from localcollab.evaluation import code as running
from localcollab.evaluation.answers import python_code
from localcollab.evaluation.code import passes
from localcollab.evaluation.forms import read_record

pytestmark = pytest.mark.slow

ADD = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    ("code", "tests", "passed"),
    [
        (ADD, "assert add(1, 2) == 3", True),
        (ADD, "assert add(1, 2) == 4", False),
        ("def add(a, b:", "pass", False),
        ("import os\nos._exit(0)", "assert False", False),
        ("raise SystemExit(0)", "assert False", False),
        ("import sys\nprint('x' * 10**6)", "pass", True),
        ("x = 'x' * 10**11", "pass", False),
        ("open('inside.txt', 'w').write('x')", "assert open('inside.txt').read() == 'x'", True),
    ],
)  # fmt: skip
def test_only_code_that_reaches_the_end_of_its_tests_passes(
    code: str, tests: str, passed: bool
) -> None:
    assert passes(code, tests) is passed


@pytest.mark.parametrize(
    "act",
    [
        "open({outside!r}, 'w')", "import os; os.remove({outside!r})",
        "import shutil; shutil.rmtree({folder!r})",
        "import os; os.rename({outside!r}, 'x')", "import os; os.open({outside!r}, os.O_WRONLY)",
        "import socket; socket.socket()", "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')", "import os; os.fork()", "import os; os.kill(os.getppid(), 15)",
        "import os; assert os.environ.get('HOME')",
        "import multiprocessing as m; p = m.Process(target=print); p.start(); p.join()",
    ],
)  # fmt: skip
def test_code_cannot_reach_out_by_accident(tmp_path: Path, act: str) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    assert not passes(act.format(outside=str(outside), folder=str(tmp_path)), "pass")
    assert outside.read_text() == "kept"


def test_endless_code_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS", 0.7)
    assert not passes("while True: pass", "pass")


def test_a_function_is_completed_or_repeated() -> None:
    record = {
        "prompt": 'def twice(x):\n    """2 x"""\n', "entry_point": "twice",
        "test": "def check(f):\n    assert f(4) == 8\n",
    }  # fmt: skip
    question = read_record(record, runs_code=True)
    fenced = "Sure:\n```python\ndef twice(x):\n    return x * 2\n```\nDone."
    assert [question.score(a) for a in ("    return 2 * x\n", fenced, "    return x\n")] == [
        1,
        1,
        0,
    ]
    mbpp = {"text": "Write add.", "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]}
    assert read_record(mbpp, runs_code=True).score(f"```\n{ADD}```") == 1


def test_code_without_a_fence_is_the_whole_answer() -> None:
    assert python_code("x = 1", "", "") == "x = 1"
