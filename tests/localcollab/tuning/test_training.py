"""A head among the contenders: trained on the half that chooses, or left out with the reason."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from localcollab.blend.open import plan_member
from localcollab.catalog.methods import Deferral
from localcollab.catalog.reading import load_catalog, read_catalog
from localcollab.errors import BadOption, EvaluationFailed
from localcollab.evaluation.expected import AnyOf, Choice, Pattern
from localcollab.evaluation.forms import read_record
from localcollab.evaluation.questions import Question
from localcollab.methods.heads import load_head
from localcollab.teams.choice import TeamChoice
from localcollab.tuning.cast import cast_of
from localcollab.tuning.contenders import contenders
from localcollab.tuning.entries import check_free
from localcollab.tuning.prompts import Form
from localcollab.tuning.request import TuneRequest
from localcollab.tuning.training import TrainHead, in_folder, record_of
from tuning_fakes import FakeFiles, Knower, draw, tuned

SHIPPED = Path(__file__).parents[3] / "localcollab" / "shipped" / "formulary"
MEMBERS = {"a": Knower(draw(0.4, 1)), "b": Knower(draw(0.4, 2))}


def trained(folder: Path, asked: list[Sequence[Question]]) -> TrainHead:
    """A head of bytes that nobody reads."""

    def train(questions: Sequence[Question], form: Form) -> Path:
        asked.append(questions)
        head = folder / "head.safetensors"
        head.write_bytes(b"head")
        head.with_suffix(".curve.json").write_text("{}")
        return head

    return train


def test_a_head_learns_from_the_half_that_chooses_and_is_written_beside_the_winner(
    tmp_path: Path,
) -> None:
    files = FakeFiles(
        MEMBERS, {"trained head": Knower(draw(0.5, 3)), "trained mixture": Knower(draw(0.9, 4))}
    )
    asked, out = list[Sequence[Question]](), tmp_path / "models.toml"
    found = tuned(files, tmp_path / "w", range(100), out=out, train=trained(tmp_path, asked))
    assert [len(questions) for questions in asked] == [found.n_choose]
    assert found.winner is not None
    assert found.winner.name == "trained mixture"
    catalog = read_catalog(out)
    assert catalog.faults == ()
    method = catalog.teams["tuned"].method
    assert isinstance(method, Deferral)
    assert (method.head, method.compose) == ("tuned", True)
    assert catalog.heads["tuned"].path.read_bytes() == b"head"
    assert (tmp_path / "tuned.head.curve.json").exists()
    check_free("tuned", out)


def test_a_head_that_cannot_be_trained_is_left_out_with_the_reason(tmp_path: Path) -> None:
    def train(questions: Sequence[Question], form: Form) -> Path:
        raise EvaluationFailed("the head is no better than b alone")

    notes = list[str]()
    found = tuned(FakeFiles(MEMBERS), tmp_path, range(40), notes=notes, train=train)
    assert "left out (trained head, trained mixture): the head is no better than b alone" in notes
    assert "trained head" not in [row.name for row in found.teams]


def test_a_head_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "models.toml"
    out.write_text('[heads.mine]\npath = "mine.safetensors"\n')
    with pytest.raises(BadOption, match="has a head 'mine' that is not tune's"):
        check_free("mine", out)


OPEN = Question("Who?", "Ann", expected=AnyOf(("Ann", "Anna")))
CHOICE = Question("Who?", "", expected=Choice((("A", "Ann"), ("B", "Bob")), "B"))
SHOTS = Form("2 examples", "{{ x }}", ("\n",), "Question: 1?\nAnswer: 2\n\n")


@pytest.mark.parametrize(
    ("question", "form", "record"),
    [
        (OPEN, Form("own"), {"messages": [
            {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Ann"}]}),
        (CHOICE, SHOTS, {
            "prompt": "Question: 1?\nAnswer: 2\n\nQuestion: Who?\nAnswer:", "completion": " Bob"}),
        (replace(OPEN, is_plain=True), Form("own"), {"prompt": "Who?", "completion": "Ann"}),
        (replace(OPEN, expected=Pattern(re.compile("A"))), SHOTS, None),
    ],
)  # fmt: skip
def test_what_is_learned_is_the_right_answer_in_the_form_of_the_base(
    question: Question, form: Form, record: object
) -> None:
    assert record_of(question, form) == record


def test_a_member_with_the_name_of_a_team_is_the_model() -> None:
    """`formulary` is both; the team's expert is the model, and is written under a name of its own."""
    cast = cast_of(TeamChoice("formulary"))
    assert cast.members == ("formulary-base", "formulary", "arithmetic")
    assert plan_member(cast.catalog, "formulary").files[0].path.name == "formulary.gguf"
    assert len(plan_member(cast.catalog, "formulary").files) == 1
    assert cast.files == {"formulary"}
    assert {each.name for each in contenders(cast)}.isdisjoint(cast.members)


@pytest.mark.slow
@pytest.mark.weights
def test_a_head_of_the_shipped_members_is_trained_by_convert(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    choice = TeamChoice(base="formulary-base", experts=("formulary", "arithmetic"))
    request = TuneRequest(choice, (SHIPPED / "head-valid.jsonl",))
    questions = [
        read_record(json.loads(line))
        for line in (SHIPPED / "head-valid.jsonl").read_text().splitlines()[:60]
    ]
    train = in_folder(tmp_path / "head", request, cast_of(choice), lambda progress: None)
    head = load_head(train(questions, Form("own")))
    base = load_catalog().model("formulary-base").path
    assert head.metadata.base_sha256 == hashlib.sha256(base.read_bytes()).hexdigest()
    assert head.n_experts == 2
    assert head.metadata.metrics["head"] < head.metadata.metrics["mixture"]
