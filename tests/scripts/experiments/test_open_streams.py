"""A server that too many streams are opened to, and that is killed: a smaller run of the experiment."""

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / "scripts" / "experiments" / "open_streams.py"


@pytest.mark.slow
@pytest.mark.weights
def test_the_limit_holds_and_a_kill_leaves_the_cache_sound(stories: Path) -> None:
    command = [sys.executable, str(_SCRIPT), str(stories), "--streams", "400", "--rounds", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "'200': 68" in ended.stdout
    assert "'429': 188" in ended.stdout
    assert "'503': 144" in ended.stdout
