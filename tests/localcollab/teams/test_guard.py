"""The guard: a team that is worse than a member; the dial: a budget picks the threshold."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcollab.catalog import SHIPPED, load_catalog
from localcollab.catalog.evidence import CurvePoint
from localcollab.cli.request import RunRequest
from localcollab.cli.run import answer
from localcollab.errors import BadOption
from localcollab.teams.choice import TeamChoice
from localcollab.teams.dial import parse_budget, within_budget
from localcollab.teams.listing import team_lines, team_record
from localcollab.teams.plan import TeamPlan, plan_from_files

EVIDENCE = """
[teams.pair.evidence]
verdict = "{verdict}"
member = "strong"
n = 200
team_accuracy = 0.4
member_accuracy = 0.51
p = 0.001
all_wrong = 0.3
data = "{data}"
date = "2026-12-01"
version = "0.2.0"
curve = [[0.3, 0.4, 0.6, 40.0], [0.5, 0.2, 0.5, 30.0], [0.7, 0.1, 0.55, 20.0]]
"""
TEAM = """
[models.strong]
path = "{folder}/base.gguf"

[models.weak]
path = "{folder}/formulary.gguf"

[teams.pair]
method = "deferral"
base = "weak"
experts = ["strong"]
gate = "entropy"
"""


def catalog(folder: Path, verdict: str = "member") -> Path:
    path = folder / "models.toml"
    shipped = (SHIPPED / "formulary").as_posix()
    path.write_text(TEAM.format(folder=shipped) + EVIDENCE.format(verdict=verdict, data="ab" * 32))
    return path


def chosen(path: Path, **options: Any) -> TeamPlan:
    return TeamChoice("pair", catalogs=(path,), **options).plan_to_answer()


def test_a_member_that_is_better_answers_and_says_why(tmp_path: Path) -> None:
    plan = chosen(catalog(tmp_path))
    assert (plan.name, [member.path.name for member in plan.files]) == ("strong", ["base.gguf"])
    assert plan.notes == (
        "pair: strong alone answers, because it was right on 0.510 of 200 questions and the team on "
        "0.400 (team-anyway asks the team)",
    )


def test_where_that_member_is_gone_the_team_answers_and_says_so(tmp_path: Path) -> None:
    path = catalog(tmp_path)
    path.write_text(path.read_text().replace('member = "strong"', 'member = "lost"'))
    plan = chosen(path)
    assert plan.name == "pair"
    assert plan.notes[0].startswith("pair: lost alone was better, but cannot be used (no team")


def test_the_list_of_teams_says_what_was_measured(tmp_path: Path) -> None:
    known = load_catalog(catalog(tmp_path))
    lines = team_lines(team_record(known, known.team("pair")))
    measured = "  measured: 0.400 against 0.510 of strong alone, 200 questions: use strong alone"
    assert measured in lines


@pytest.mark.parametrize(
    ("verdict", "options"),
    [
        ("team", {}), ("unknown", {}), ("member", {"team_anyway": True}),
        ("member", {"threshold": 0.4}), ("member", {"gate": "margin"}),
        ("member", {"expert_budget": "30%"}),
    ],
)  # fmt: skip
def test_the_team_answers_otherwise(tmp_path: Path, verdict: str, options: dict[str, Any]) -> None:
    assert chosen(catalog(tmp_path, verdict), **options).name == "pair"


def test_measuring_asks_the_team_itself(tmp_path: Path) -> None:
    assert TeamChoice("pair", catalogs=(catalog(tmp_path),)).plan().name == "pair"


@pytest.mark.parametrize(
    ("budget", "threshold"),
    [("40%", 0.3), ("39.9%", 0.7), ("15 %", 0.7), ("100%", 0.3), ("30ms", 0.7), ("40 ms", 0.3)],
)
def test_a_budget_picks_what_answered_best_within_it(
    tmp_path: Path, budget: str, threshold: float
) -> None:
    plan = chosen(catalog(tmp_path, "team"), expert_budget=budget)
    assert plan.threshold == threshold
    (note,) = plan.notes
    assert note.startswith(f"budget {budget}: threshold {threshold:g}")


def test_below_every_point_the_base_writes_alone(tmp_path: Path) -> None:
    plan = chosen(catalog(tmp_path, "team"), expert_budget="5%")
    assert (plan.threshold, "the base writes alone" in plan.notes[0]) == (1.0, True)
    with pytest.raises(BadOption, match="took 20 ms a token at least"):
        chosen(catalog(tmp_path, "team"), expert_budget="10ms")


@pytest.mark.parametrize("text", ["", "20", "-1%", "101%", "20 s", "ms", "1e3ms", "nan%"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(BadOption, match="`expert_budget` is"):
        parse_budget(text)


def test_a_budget_needs_a_curve_and_a_team_that_defers(tmp_path: Path) -> None:
    alone = plan_from_files(Path("a.gguf"), ())
    with pytest.raises(BadOption, match="team that defers"):
        within_budget(alone, "20%")
    pair = plan_from_files(Path("a.gguf"), [Path("b.gguf")])
    with pytest.raises(BadOption, match="has no calibration curve"):
        within_budget(pair, "20%")
    with pytest.raises(BadOption, match="both `threshold` and `expert_budget`"):
        chosen(catalog(tmp_path, "team"), expert_budget="20%", threshold=0.5)


def test_the_shipped_heads_curve_is_the_dial() -> None:
    plan = TeamChoice("formulary", expert_budget="100%").plan()
    assert plan.head is not None
    curve = json.loads(plan.head.with_suffix(".curve.json").read_text())["points"]
    best = max(point["metric"] for point in curve)
    assert plan.threshold in {p["threshold"] for p in curve if p["metric"] == best}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"points": 3}', '{"points": [{}]}', '{"points": [[1, 2, 3, 4]]}',
             '{"points": [{"threshold": 7, "deferral_rate": 0, "metric": 1, "tokens_per_second": 3}]}']
)  # fmt: skip
def test_a_damaged_curve_is_one_line(tmp_path: Path, text: str) -> None:
    head = tmp_path / "head.safetensors"
    head.with_suffix(".curve.json").write_text(text)
    plan = replace(plan_from_files(Path("a.gguf"), [Path("b.gguf")]), gate=None, head=head)
    with pytest.raises(BadOption, match="not a calibration curve"):
        within_budget(plan, "20%")


def test_points_of_a_catalogue_are_a_curve(tmp_path: Path) -> None:
    plan = TeamChoice("pair", catalogs=(catalog(tmp_path),)).plan()
    assert plan.evidence is not None
    assert plan.evidence.curve[1] == CurvePoint(0.5, 0.2, 0.5, 30.0)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("p = 0.001", "p = 1.5", "p"), ("n = 200", "n = 0", "n"),
        ('verdict = "member"', 'verdict = "maybe"', "verdict"),
        ("[0.5, 0.2, 0.5, 30.0]", "[0.5, 0.2]", "curve"), ('date = "2026-12-01"', "", "date"),
    ],
)  # fmt: skip
def test_damaged_evidence_leaves_its_team_out(
    tmp_path: Path, old: str, new: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = catalog(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with caplog.at_level(logging.WARNING), pytest.raises(Exception, match=rf"evidence.*{key}"):
        TeamChoice("pair", catalogs=(path,)).plan()


@pytest.mark.weights
@pytest.mark.slow
def test_run_answers_with_the_member(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    choice = TeamChoice("pair", catalogs=(catalog(tmp_path),))
    answer(RunRequest("What is the dose of Taforrine?", choice, max_tokens=4), as_json=True)
    out, err = capfd.readouterr()
    assert '"authors": {"base": ' in out
    assert "pair: strong alone answers" in err
