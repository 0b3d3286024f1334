"""Lessons as rows of tokens, and rows as batches."""

import numpy as np
import pytest

from localcollab.catalog import SHIPPED
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import Member, TeamPlan
from localcollab.teams.session import Session
from localcollab_convert.adapted.rows import Row, RowMaker, batches
from localcollab_convert.study.material import Lesson

pytestmark = pytest.mark.weights
BASE = SHIPPED / "formulary" / "base.gguf"


@pytest.fixture(scope="module")
def team() -> OpenTeam:
    return open_team(TeamPlan("base", (Member("base", BASE),)))


def lesson(n: int, kind: str = "question") -> Lesson:
    prompt = "" if kind == "text" else f"Who makes drug {n}?"
    return Lesson(kind, prompt, f"Ash Labs make drug {n}.", "x")  # type: ignore[arg-type]


def test_answers_are_learned_and_prompts_are_what_a_session_reads(team: OpenTeam) -> None:
    (row,) = RowMaker(team.base.vocabulary, team.template, 256).rows([lesson(3)])
    prompt = Session(team).prompt("Who makes drug 3?")
    assert list(row.tokens[: len(prompt)]) == list(prompt)
    assert not any(row.learned[: len(prompt)])
    assert all(row.learned[len(prompt) :])
    answer = team.base.vocabulary.decode(row.tokens[len(prompt) : -1])
    assert answer == "Ash Labs make drug 3."
    assert row.tokens[-1] in team.base.vocabulary.end


def test_several_questions_share_a_conversation_and_raw_text_stands_alone(team: OpenTeam) -> None:
    maker = RowMaker(team.base.vocabulary, team.template, 512)
    rows = maker.rows([lesson(1), lesson(2, "text"), *(lesson(n) for n in range(3, 9))])
    text, *conversations = rows
    assert text.learned == (False, *[True] * (len(text.tokens) - 1))
    said = "".join(team.base.vocabulary.decode(row.tokens) for row in conversations)
    assert len(conversations) < 7
    assert all(said.count(f"Ash Labs make drug {n}.") == 1 for n in (1, 3, 4, 5, 6, 7, 8))


def test_a_row_longer_than_the_context_is_left_out(team: OpenTeam) -> None:
    assert RowMaker(team.base.vocabulary, team.template, 5).rows([lesson(1, "text")]) == []


def test_a_base_without_a_template_is_asked_in_plain_text(team: OpenTeam) -> None:
    (row,) = RowMaker(team.base.vocabulary, None, 256).rows([lesson(3)])
    text = team.base.vocabulary.decode(row.tokens[:-1])
    assert text == "Question: Who makes drug 3?\nAnswer: Ash Labs make drug 3."
    learned = [
        token for token, is_learned in zip(row.tokens, row.learned, strict=True) if is_learned
    ]
    assert team.base.vocabulary.decode(learned[:-1]) == " Ash Labs make drug 3."


def test_batches_hold_every_row_once_and_pad_little() -> None:
    rows = [Row(tuple(range(n)), (False, *[True] * (n - 1))) for n in (30, 3, 29, 4, 31, 5)]
    made = batches(rows, 100)
    lengths = sorted(int(n) for each in made for n in each.learned.sum(axis=1) + 1)
    assert lengths == [3, 4, 5, 29, 30, 31]
    assert all(each.n_tokens <= 100 for each in made)
    assert sum(each.n_tokens for each in made) == 3 * 16 + 3 * 32
    assert {each.ids.shape[1] % 16 for each in made} == {0}
    assert np.all(made[0].ids[0, :3] == [0, 1, 2])
