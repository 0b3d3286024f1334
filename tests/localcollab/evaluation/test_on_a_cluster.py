"""`eval` on a Ray cluster prints the figures of one process.

Needs the package ray: `scripts/test --beyond`.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.weights, pytest.mark.serial]


def evaluated(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "localcollab", "eval", "--limit", "60", "--json", *words]
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def without_times(value: Any) -> Any:
    """What a machine's speed and memory do not change."""
    if isinstance(value, list):
        return [without_times(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: without_times(each)
        for name, each in value.items()
        if "second" not in name and name != "peak_rss_bytes"
    }


def test_the_figures_are_those_of_one_process() -> None:
    here = without_times(evaluated())
    assert here["n"] > 10
    assert without_times(evaluated("--ray", "here")) == here
