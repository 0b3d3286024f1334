"""eval of a blend: what it picks beside every writer; and the shipped models as one."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from blend_fakes import team
from localcollab.blend.open import open_blend, plan_member
from localcollab.blend.residence import Needs, Residence
from localcollab.blend.session import Recipe
from localcollab.catalog import SHIPPED, Blend, load_catalog
from localcollab.catalog.ranker_names import RankerSpec
from localcollab.cli import evaluate as command
from localcollab.errors import BadCatalog, BadOption
from localcollab.evaluation.blend import as_table, evaluate_blend
from localcollab.evaluation.data import read_questions
from localcollab.evaluation.questions import Question
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import Member, TeamPlan, plan_from_catalog


def residence(says: Mapping[str, str]) -> tuple[Residence, list[str]]:
    plans = {name: TeamPlan(name, (Member("base", Path(name)),)) for name in says}
    opened = list[str]()

    def opening(plan: TeamPlan, *_: object) -> OpenTeam:
        opened.append(plan.name)
        return team(says[plan.name], plan.name)

    # Room for one.
    needs = Needs(0, dict.fromkeys(says, 2**20))
    return Residence(plans, budget=2**20, needs=needs, opening=opening), opened


QUESTIONS = [
    Question("a?", "yes it is", "x"),
    Question("b?", "no", "y"),
    Question("c?", "yes it is", "x"),
]


def test_every_writer_is_shown_beside_the_blend_and_opened_once() -> None:
    found_in, opened = residence({"m": "yes it is", "n": "no"})
    recipe = Recipe(("m", "n"), RankerSpec("longest"))
    found = evaluate_blend("t", recipe, found_in, QUESTIONS, lambda _: None)
    record = found.record()
    assert opened == ["m", "n"]
    assert [outcome.text for outcome in found.blend] == ["yes it is"] * 3
    rights = {name: [o.right for o in outcomes] for name, outcomes in found.writers.items()}
    assert rights == {"m": [True, False, True], "n": [False, True, False]}
    assert (record["oracle"], record["best_writer"], record["n"]) == (1.0, "m", 3)
    assert record["p_value_against_best_writer"] == 1.0
    assert set(found.others) == {"longest", "vote", "random"}
    table = as_table(found)
    assert "t (blend, longest)     0.667" in table
    assert "oracle: 1.000" in table


def test_samples_are_writers_of_their_own() -> None:
    found_in, _ = residence({"m": "no"})
    recipe = Recipe(("m",), RankerSpec("vote"), n_samples=3)
    found = evaluate_blend("t", recipe, found_in, QUESTIONS, lambda _: None)
    assert list(found.writers) == ["m", "m, sample 2", "m, sample 3"]


@pytest.mark.parametrize(("fuser", "n_fused", "right"), [("yes it is", 3, 2), ("x", 0, 0)])
def test_fused_answers_count_where_the_ranker_finds_them_no_worse(
    fuser: str, n_fused: int, right: int
) -> None:
    found_in, _ = residence({"m": "maybe", "n": "no", "f": fuser})
    recipe = Recipe(("m", "n"), RankerSpec("longest"), fuser="f", verified=True)
    found = evaluate_blend("t", recipe, found_in, QUESTIONS, lambda _: None)
    assert (found.n_fused, sum(outcome.right for outcome in found.blend)) == (n_fused, right)


def test_questions_without_gold_measure_nothing() -> None:
    found_in, _ = residence({"m": "no"})
    recipe = Recipe(("m",), RankerSpec("vote"), n_samples=2)
    with pytest.raises(BadOption, match="no question with a gold answer"):
        evaluate_blend("t", recipe, found_in, [Question("a?", "")], lambda _: None)


def test_rankers_are_shown_beside_length_and_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data.jsonl"
    candidates = [
        {"model": model, "text": "x" * n, "scores": {"q": n}}
        for n, model in ((1, "m"), (3, "n"), (2, "o"))
    ]
    record = {"instruction": "q", "candidates": candidates}
    path.write_text(json.dumps(record) + "\n" + json.dumps(record | {"candidates": []}) + "\n")
    for as_json in (False, True):
        command.evaluate_command(ranker=["vote"], data=[path], as_json=as_json)
    table, _, found = capsys.readouterr().out.partition("{")
    rows = json.loads("{" + found)["rows"]
    assert [row["name"] for row in rows] == [
        "vote", "longest", "random", "best single model (n)", "chance", "oracle",
    ]  # fmt: skip
    assert rows[1]["score"]["value"] == 3
    assert "records: 1; 1 left out" in table


def test_options_of_eval_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(BadOption, match="`measure` is 'bleu': give one of exact, contains"):
        command.evaluate_command(measure="bleu")
    with pytest.raises(BadOption, match="`fuser` needs `ranker`"):
        command.evaluate_command(fuser="f")
    with pytest.raises(BadOption, match="combined with `team`"):
        command.evaluate_command(ranker=["vote"], team="t")
    with pytest.raises(BadOption, match="give `data`"):
        command.evaluate_command(ranker=["vote"])
    with pytest.raises(BadOption, match="`compare` cannot be combined with `team`"):
        command.evaluate_command(compare="a,b", team="t")


CATALOG = """
[teams.by-entropy]
method = "deferral"
base = "formulary-base"
experts = ["formulary", "arithmetic"]
gate = "entropy"

[teams.both]
method = "blend"
members = ["by-entropy", "formulary-base"]
samples = 2
ranker = "likelihood"

[teams.inner]
method = "mixture"
members = ["formulary-base", "both"]
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(CATALOG)
    return path


def test_a_blend_names_teams_before_models(catalog: Path) -> None:
    known = load_catalog(catalog)
    both = known.team("both")
    assert [(p.role, p.name) for p in both.places] == [
        ("member", "by-entropy"), ("member", "formulary-base"),
    ]  # fmt: skip
    assert known.models_of(both) == ("formulary-base", "formulary", "arithmetic")
    plan = plan_from_catalog(known, both)
    assert isinstance(plan.method, Blend)
    assert len(plan_member(known, "formulary").members) == 3
    assert len(plan_member(known, "arithmetic").members) == 1


def test_a_blend_writes_no_tokens_in_another_team(catalog: Path) -> None:
    known = load_catalog(catalog)
    with pytest.raises(BadCatalog, match="'both', which picks among whole answers"):
        known.team("inner")
    plan = plan_from_catalog(known, known.team("both"))
    with pytest.raises(BadOption, match="both is a blend, which picks among whole answers"):
        open_team(plan)
    with pytest.raises(BadOption, match="both is a blend itself"):
        plan_member(known, "both")


@pytest.mark.weights
def test_samples_of_one_team_share_what_its_cache_holds_of_the_prompt(catalog: Path) -> None:
    known = load_catalog(catalog)
    recipe, found_in = open_blend(plan_from_catalog(known, known.team("both")))
    base = found_in.open("formulary-base").base
    question = Question("What is in Lansorlin?", "x")
    found = evaluate_blend("t", recipe, found_in, [question], lambda _: None)
    n_written = sum(len(base.vocabulary.encode(o[0].text)) for o in found.writers.values())
    n_prompt = len(base.vocabulary.encode(question.text))
    # Two samples, then four texts as the ranker reads them: the prompt is read once for all.
    assert base.n_evaluated < 3 * n_prompt + 4 * n_written  # type: ignore[attr-defined]


@pytest.mark.weights
def test_run_tells_the_candidates_and_their_order_and_writes_the_reply(catalog: Path) -> None:
    words = ["run", "--models", str(catalog), "--team", "both", "--max-tokens", "8", "Hi"]
    shown = subprocess.run(
        [sys.executable, "-m", "localcollab", *words],
        capture_output=True, text=True, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    lines = shown.stderr.splitlines()
    candidates = [line for line in lines if line.startswith("candidate ")]
    assert [line.split(":")[0] for line in candidates] == [
        "candidate 1 (by-entropy)", "candidate 2 (by-entropy)",
        "candidate 3 (formulary-base)", "candidate 4 (formulary-base)",
    ]  # fmt: skip
    assert any(line.startswith("ranked by likelihood: ") for line in lines)
    (chosen,) = (line for line in lines if line.startswith("the reply is candidate "))
    said = candidates[int(chosen.split()[-1]) - 1].partition(": ")[2]
    assert shown.stdout.strip() == said.partition(" [max_tokens]")[0]


@pytest.mark.weights
def test_the_shipped_blend_picks_better_answers_than_its_members_write() -> None:
    known = load_catalog()
    recipe, found_in = open_blend(plan_from_catalog(known, known.team("formulary-blend")))
    questions = read_questions(SHIPPED / "formulary" / "test.jsonl")[:30]
    found = evaluate_blend("t", recipe, found_in, questions, lambda _: None)
    best = sum(outcome.right for outcome in found.writers[found.best_writer])
    assert sum(outcome.right for outcome in found.blend) > best
