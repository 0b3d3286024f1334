"""The real app on real terminals: recorded in tmux, and killed at random moments."""

import os
import shutil
from pathlib import Path

import pytest

import kill_chat
import tmux_chat

pytestmark = [pytest.mark.slow, pytest.mark.weights, pytest.mark.serial]
N_KILLS = 4
"""`scripts/experiments/kill_chat.py` does a hundred."""


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
@pytest.mark.parametrize(("width", "height"), tmux_chat.SIZES, ids=["80x24", "200x50"])
def test_a_recorded_run_shows_every_step_inside_the_terminal(width: int, height: int) -> None:
    captures = tmux_chat.record(width, height)
    assert list(captures) == [step.name for step in tmux_chat.STEPS]
    for screen in captures.values():
        lines = screen.removesuffix("\n").split("\n")
        assert len(lines) == height
        assert max(map(len, lines)) <= width
    assert {"‹formulary›¹", "‹arithmetic›²", "unsure"} <= set(captures["3-provenance"].split())
    assert captures["5-threshold"].count("tokens would be deferred") == 1


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo terminals")
def test_a_killed_chat_loses_no_finished_turn_and_marks_the_partial_one(tmp_path: Path) -> None:
    tally = kill_chat.run(tmp_path, N_KILLS, seed=2)
    assert tally.n_kills == N_KILLS
    assert tally.finished or tally.partial
