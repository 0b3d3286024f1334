"""What proposes tokens for a team, and where its cost curve is kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from fakes import ScriptedModel
from localcollab.decoding.costs import CostCurve
from localcollab.decoding.recent_rows import RecentRows
from localcollab.language_model import Wrapper
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always, never
from localcollab.teams.speculating import StoredCurve, writer_of

CURVE = CostCurve(((1, 1.0), (4, 1.7)), 0.04)


def test_a_curve_is_stored_and_read_again(tmp_path: Path) -> None:
    stored = StoredCurve(tmp_path / "curves" / "a.json")
    assert stored.load() is None
    stored.save(CURVE)
    assert stored.load() == CURVE


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"points": [[2, 1]], "seconds": 1}', '{"points": [[1, 1]], "seconds": "x"}',
     '{"points": [[1, 1], [2, -3]], "seconds": 1}', '{"points": 3, "seconds": 1}'],
)  # fmt: skip
def test_a_damaged_curve_is_measured_again(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    assert StoredCurve(file).load() is None


def test_a_stored_curve_names_no_file_of_the_user(tmp_path: Path) -> None:
    StoredCurve(tmp_path / "a.json").save(CURVE)
    record = json.loads((tmp_path / "a.json").read_text())
    assert record == {"path": "a.json", "points": [[1, 1.0], [4, 1.7]], "seconds": 0.04}


def test_the_expert_that_is_asked_may_go_on_alone() -> None:
    base, expert = ScriptedModel(b"ab"), RecentRows(ScriptedModel(b"cd", name="expert"))
    team = DeferralTeam("t", base, [expert], always(1))
    assert writer_of(Wrapper(team), team.read([1])) is expert


def test_nobody_goes_on_alone_where_the_base_writes_or_all_do() -> None:
    base, expert = ScriptedModel(b"ab"), ScriptedModel(b"cd", name="expert")
    deferring = DeferralTeam("t", base, [expert], never(1))
    composing = DeferralTeam("t", base, [expert], always(1), compose=True)
    assert writer_of(deferring, deferring.read([1])) is None
    assert writer_of(composing, composing.read([1])) is None
    assert writer_of(base, base.read([1])) is None


def test_a_row_that_an_expert_kept_is_the_teams_reading() -> None:
    base, inner = ScriptedModel(b"abcd"), ScriptedModel(b"wxyz", name="expert")
    team = DeferralTeam("t", base, [RecentRows(inner)], always(1))
    expert = team.experts[0]
    for n in range(1, 4):
        expert.read([1, *b"wxy"[: n - 1]])
    reading = team.read([1, *b"wx"], last=3)
    assert inner.reads == [(1, 1), (2, 1), (3, 1)]
    np.testing.assert_array_equal(reading.logits, inner.read([1, *b"wx"], last=3).logits)
