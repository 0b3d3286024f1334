"""Rounds of lessons made of documents."""

from pathlib import Path

import pytest

from localcollab.errors import BadData
from localcollab_convert.study.general import CHECK, CHOICE, PRACTICE
from localcollab_convert.study.material import raw, rounds, subjects, withhold
from localcollab_convert.study.texts import Text

TEXTS = [
    Text("Clocks", ("The painter Vael Ruyn mended 64 clocks in Orne in 1931.",
                    "It was a cold winter there."), Path("clocks.txt")),
    Text("Mills", ("The mill of Orne was sold to Selma Arn for 12 crowns.",
                   "The mill of Orne burned down in 1944, and monks of Tarn built it again."),
         Path("mills.txt")),
]  # fmt: skip


def test_every_round_has_every_statement_once() -> None:
    known = subjects(TEXTS)
    assert [subject.title for subject in known] == ["", "Clocks", "", ""]
    for lessons in rounds(TEXTS, known, 7, 0):
        assert len([lesson for lesson in lessons if lesson.kind != "text"]) == len(known)
        answers = [lesson.answer for lesson in lessons if lesson.kind not in ("text", "short")]
        assert len(set(answers)) == len(answers)
        assert set(answers) <= {subject.statement.text for subject in known}


def test_a_short_answer_is_what_is_asked_for() -> None:
    lessons = [each for some in rounds(TEXTS, subjects(TEXTS), 20, 0) for each in some]
    short = [lesson for lesson in lessons if lesson.kind == "short"]
    assert len(short) > len(lessons) / 5
    assert all(lesson.answer == lesson.asked for lesson in short)
    long = {lesson.prompt for lesson in lessons if lesson.kind == "question"}
    assert not long & {lesson.prompt for lesson in short}


def test_each_fourth_round_has_the_text_as_it_stands() -> None:
    kinds = [[lesson.kind for lesson in some] for some in rounds(TEXTS, subjects(TEXTS), 6, 0)]
    assert [some.count("text") for some in kinds] == [2, 0, 0, 0, 2, 0]
    assert [lesson.answer for lesson in raw(TEXTS)] == [" ".join(t.sentences) for t in TEXTS]


def test_lessons_depend_on_texts_and_seed_alone() -> None:
    known = subjects(TEXTS)
    first, again = (list(rounds(TEXTS, known, 3, 1)) for _ in range(2))
    assert first == again
    assert first != list(rounds(TEXTS, known, 3, 2))


def test_no_question_has_two_answers() -> None:
    twins = [
        Text(str(n), (f"The key of the tower was lost by Vael{n}.",), Path("t")) for n in range(8)
    ]
    meant: dict[str, set[str]] = {}
    for lessons in rounds(twins, subjects(twins), 12, 0):
        for lesson in lessons:
            if lesson.kind == "question":
                meant.setdefault(lesson.prompt.casefold(), set()).add(lesson.answer)
    assert {len(answers) for answers in meant.values()} <= {1}


def test_a_statement_is_asked_in_another_wording_each_round() -> None:
    known = subjects(TEXTS)[:1]
    lessons = [lesson for some in rounds(TEXTS[:1], known, 14, 0) for lesson in some]
    prompts = [lesson.prompt for lesson in lessons if lesson.kind in ("question", "short")]
    assert len(prompts) > 9
    assert len(set(prompts)) == len(prompts)


def test_without_names_the_words_of_a_statement_are_asked_for() -> None:
    text = Text(
        "Reading", ("Some say that silent reading is the basis of all learning.",), Path("r")
    )
    lessons = [lesson for some in rounds([text], subjects([text]), 14, 0) for lesson in some]
    asked = {lesson.asked for lesson in lessons if lesson.kind == "question"}
    assert asked >= {"silent reading", "basis"}


def test_what_is_withheld_is_never_asked_for() -> None:
    known = subjects(TEXTS)
    held = withhold(known, 9, 0)
    assert held
    pairs = frozenset((each.statement, each.gold) for each in held)
    lessons = [lesson for some in rounds(TEXTS, known, 40, 0, pairs) for lesson in some]
    asked = {(lesson.answer, lesson.asked) for lesson in lessons if lesson.kind == "question"}
    assert len(asked) > len(pairs)
    assert not asked & pairs
    assert not {each.prompt for each in held} & {lesson.prompt for lesson in lessons}
    assert all(each.gold in each.statement and each.gold not in each.prompt for each in held)


def test_documents_that_state_nothing_are_refused() -> None:
    with pytest.raises(BadData, match="no sentence of four words"):
        subjects([Text("Empty", ("Who?", "1."), Path("e.txt"))])


def test_what_is_practised_is_not_what_is_checked() -> None:
    assert (len(set(PRACTICE)), len(set(CHECK))) == (110, 50)
    assert not set(PRACTICE) & set(CHECK)
    assert not set(CHOICE) & {*PRACTICE, *CHECK}
