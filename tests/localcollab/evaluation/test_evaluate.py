"""`eval`: its statistics against closed forms, and the shipped team through the real command."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes import ScriptedModel
from localcollab.errors import BadData, BadOption
from localcollab.evaluation.data import read_questions
from localcollab.evaluation.evaluate import evaluate_team
from localcollab.evaluation.questions import Question, is_right
from localcollab.evaluation.request import EvaluationRequest
from localcollab.evaluation.scores import Outcome, score
from localcollab.teams.choice import TeamChoice
from localcollab.teams.opened import OpenTeam


def outcome(kind: str, *, right: bool, seconds: float = 1.0) -> Outcome:
    question = Question("q", "yes", kind, "seen" if right else "unseen")
    return Outcome(question, "yes" if right else "no", {"base": 4}, seconds)


def test_a_score_counts_by_kind_and_wording() -> None:
    found = score([outcome("a", right=True), outcome("a", right=False), outcome("b", right=True)])
    assert (found.n, found.accuracy) == (3, 2 / 3)
    assert found.by_kind == {"a": 0.5, "b": 1.0}
    assert found.by_wording == {"seen": 1.0, "unseen": 0.0}
    assert found.tokens_per_second == 4.0


def test_an_answer_is_right_whole_or_not_at_all() -> None:
    assert is_right(" One dose  is 5 mg.\n", "One dose is 5 mg.")
    assert not is_right("One dose is 5 mg. It is.", "One dose is 5 mg.")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no question"),
        ("{", "line 1 is not a question"),
        pytest.param("[" * 100_000, "line 1 is not a question", id="nested too deep"),
        ('{"messages": []}', "line 1 is not a question"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}', "line 1 is not a question"),
        ('{"prompt": "x"}', "line 1 is not a question"),
    ],
)
def test_broken_questions_are_named_by_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(text)
    with pytest.raises(BadData, match=complaint):
        read_questions(path)


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (Question("x", "y", prompt="x", member="nobody"), "names the member 'nobody'"),
        (Question("Why?", ""), "no question with a gold answer"),
    ],
)
def test_data_that_cannot_be_used_is_refused_before_anybody_is_asked(
    question: Question, complaint: str
) -> None:
    members = {name: ScriptedModel([], name=name) for name in ("base", "expert")}
    team = OpenTeam("team", members["base"], members, {}, None)
    golden = [Question("How?", "So.")] if question.gold else []
    with pytest.raises(BadOption, match=complaint):
        evaluate_team(team, [*golden, question], lambda text: None)
    assert [model.reads for model in members.values()] == [[], []]


def test_two_files_of_one_name_are_not_shown_as_one() -> None:
    twins = (Path("a/big.gguf"), Path("b/big.gguf"))
    with pytest.raises(BadOption, match="`beside` names two files big: rename one"):
        EvaluationRequest(TeamChoice(), beside=twins)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(BadOption, match="`limit` is 0: give 1 or more"):
        EvaluationRequest(TeamChoice(), limit=0)


def test_a_picture_that_cannot_be_written_is_refused_before_the_questions(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for plot in (tmp_path, tmp_path / "nosuch" / "a.png"):
        with pytest.raises(BadOption, match="cannot be written"):
            EvaluationRequest(TeamChoice(), plot=plot)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The shipped team on 160 of the shipped questions, its base once more as a model beside it."""
    shipped = Path(__file__).parents[3] / "localcollab" / "shipped" / "formulary"
    picture = tmp_path_factory.mktemp("eval") / "eval.png"
    command = ["-m", "localcollab", "eval", "--json", "--limit", "160", "--seed", "1"]
    more = ["--plot", str(picture), "--beside", str(shipped / "base.gguf")]
    child = subprocess.run(
        [sys.executable, *command, *more], capture_output=True, text=True, check=True
    )
    return json.loads(child.stdout), picture


@pytest.mark.weights
@pytest.mark.slow
def test_the_shipped_team_beats_its_members_by_far(measured: tuple[dict[str, Any], Path]) -> None:
    found, picture = measured
    assert found["n"] >= 55
    assert found["team"]["accuracy"] >= 0.93
    assert found["team"]["deferral_rate"] <= 0.35
    assert all(member["accuracy"] <= 0.15 for member in found["members"].values())
    assert set(found["members"]) == {"base", "formulary", "arithmetic"}
    assert found["random"]["accuracy"] <= 0.15
    assert found["oracle"] <= 0.2
    assert found["p_value_against_best_member"] < 1e-6
    assert found["team"]["all_authors_share"]["product"] >= 0.9
    assert found["unknown"]["flagged"] >= 0.8
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.weights
@pytest.mark.slow
def test_a_model_beside_the_team_is_the_same_alone(
    measured: tuple[dict[str, Any], Path],
) -> None:
    found, _ = measured
    assert found["beside"]["base"]["accuracy"] == found["members"]["base"]["accuracy"]
