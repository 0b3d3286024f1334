"""Many clients at once, some of whom go away: a smaller run of the experiment."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / "scripts" / "experiments" / "soak.py"


@pytest.mark.slow
@pytest.mark.weights
def test_every_answer_is_as_if_asked_alone(stories: Path) -> None:
    command = [sys.executable, str(_SCRIPT), str(stories), "--requests", "200", "--questions", "10"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "wrong answers: 0" in ended.stdout
    statuses = set(re.findall(r"^  \w+ (\d{3}): \d+$", ended.stdout, re.MULTILINE))
    assert statuses <= {"200", "400"}
    assert not re.search(r"left over: .*: [1-9]", ended.stdout)
