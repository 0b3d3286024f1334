"""What is left out so that a question, or an answer that goes on, fits the context."""

import threading

import pytest

from asked_questions import question
from chat_app import FakeTeams
from localcollab.chat.transcript import Turn
from localcollab.errors import BadOption
from localcollab_tui.engine import fitting
from localcollab_tui.engine.fitting import Fitted, Fitting
from localcollab_tui.engine.session_cache import session_before
from localcollab_tui.messages import Ask, Question

_TEAM = FakeTeams(n_ctx=300).open(None, lambda text: None)
_FITTING = Fitting(lambda update: None, threading.Event())
_TURNS = [("a" * 40, "b" * 40), ("c" * 40, "d" * 40)]


def test_the_fewest_turns_are_dropped() -> None:
    turns = [(f"{n}" * 40, f"{n}" * 40) for n in range(5)]
    asked = question("x" * 40, *turns)
    drop = fitting.least_drop(_TEAM, asked)
    assert drop is not None
    shorter = [Question(asked.text, asked.before, asked.ids, drop=n) for n in (drop - 1, drop)]
    sizes = [len(session_before(_TEAM, q).prompt(q.text)) for q in shorter]
    assert [fitting.fits(size, _TEAM) for size in sizes] == [False, True]


def test_a_question_that_never_fits_has_no_drop() -> None:
    assert fitting.least_drop(_TEAM, question("x" * 299, ("a", "b"))) is None


def test_far_too_long_is_known_from_the_text_alone() -> None:
    turns = [(f"question {n}", f"answer {n}") for n in range(50)]
    asked = question("x", *turns)
    estimate = fitting.estimate_if_far_too_long(_TEAM, asked)
    assert estimate == len(session_before(_TEAM, asked).prompt("x"))
    assert fitting.estimate_if_far_too_long(_TEAM, question("x", *turns[:2])) is None


def more(asked: Question, answer: str, *options: tuple[str, str]) -> Fitted:
    written = Turn(asked.text, answer, tuple(answer.encode()))
    return _FITTING.fit_answer(Ask(1, asked, options), _TEAM, written)


def test_an_answer_with_room_behind_it_goes_on_as_it_is() -> None:
    asked = question("x", *_TURNS)
    assert more(asked, "y" * 20) == Fitted(asked)


def test_an_answer_that_fills_the_context_goes_on_without_the_oldest_turns() -> None:
    asked = question("x", *_TURNS)
    assert more(asked, "y" * 90).question.drop == 2
    assert more(asked, "y" * 90, ("overflow", "ask")).question.drop == 0  # there is a little room


def test_where_nothing_can_be_left_out_the_room_that_is_left_is_used() -> None:
    asked = question("x")
    assert more(asked, "y" * 265) == Fitted(asked)
    with pytest.raises(BadOption, match="fill the context of 300 tokens: ask for the rest"):
        more(asked, "y" * 290)


def test_turns_that_may_not_be_left_out_are_named() -> None:
    with pytest.raises(BadOption, match="/set overflow drop lets the answer go on"):
        more(question("x", *_TURNS), "y" * 140, ("overflow", "ask"))
