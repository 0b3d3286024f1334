"""Questions made from statements by patterns."""

import random

import pytest

from localcollab.documents.checking.detection import language_of
from localcollab_convert.study import questions
from localcollab_convert.study.spans import Span, spans
from localcollab_convert.study.statements import as_statement, statements, tidied


def span_of(statement: str, text: str) -> Span:
    (found,) = [span for span in spans(statement) if span.text == text]
    return found


def asked(form: questions.Ask, statement: str, text: str) -> set[str | None]:
    span = span_of(statement, text)
    return {form(statement, span, random.Random(n)) for n in range(40)}


@pytest.mark.parametrize(
    ("statement", "text", "expected"),
    [
        ("Vael Ruyn mended clocks in Orne.", "Vael Ruyn",
         {"What mended clocks in Orne?", "Who mended clocks in Orne?",
          "Which one mended clocks in Orne?"}),
        ("The painter Vael Ruyn mended clocks.", "Vael Ruyn", {"Which painter mended clocks?"}),
        ("The mill was built in 1931 by monks.", "1931",
         {"The mill was built in what year by monks?", "The mill was built in which year by monks?"}),
        ("The choir sang 64 songs.", "64", {"The choir sang how many songs?"}),
    ],
)  # fmt: skip
def test_the_plain_question_puts_a_word_in_the_gap(
    statement: str, text: str, expected: set[str]
) -> None:
    assert asked(questions.plain, statement, text) == expected


def test_an_auxiliary_comes_first() -> None:
    assert asked(questions.inverted, "The mill was built by monks in 1931.", "1931") == {
        "When was the mill built by monks?"
    }


def test_an_apposition_is_left_out_or_asked_with() -> None:
    statement = "Incas, the last parrot of its kind, died alone."
    assert asked(questions.unadorned, statement, "Incas") == {
        "What died alone?", "Who died alone?", "Which one died alone?",
        "Who was the last parrot of its kind?", "What was the last parrot of its kind?",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "text", "asked_for"),
    [
        ("Incas, the last parrot of its kind, died alone.", "Incas", "last parrot of its kind"),
        ("The painter Vael Ruyn died alone.", "Vael Ruyn", "painter"),
    ],
)
def test_a_thing_is_asked_for_by_what_it_is_called(
    statement: str, text: str, asked_for: str
) -> None:
    assert asked(questions.titled, statement, text) == {
        f"Which {asked_for} died alone?", f"What {asked_for} died alone?",
        f"What is the name of the {asked_for} that died alone?",
        f"Who or what is the {asked_for} that died alone?",
        f"What is the title of the {asked_for} that died alone?",
    }  # fmt: skip


def test_no_question_holds_its_answer() -> None:
    statement = "In 1836, the painter Vael Ruyn of Orne, a friend of Incas, mended 64 clocks."
    for span in spans(statement):
        for n in range(200):
            found = questions.question(statement, span, random.Random(n))
            assert found is None or span.text not in found


def test_a_lacking_question_keeps_names_and_numbers() -> None:
    statement = "Vael Ruyn mended 64 very old and rusty clocks in Orne."
    wordings = asked(questions.fewer_words, statement, "Vael Ruyn") - {None}
    assert len(wordings) > 5
    for found in filter(None, wordings):
        assert "64" in found
        assert "Orne" in found


def test_a_statement_of_another_language_is_asked_for_without_english_words() -> None:
    statement = "Der Maler Vael Ruyn hat in Orne die alten Uhren und die Glocken repariert."
    language = language_of(statement)
    found = {questions.question(statement, s, random.Random(n), language)
             for s in spans(statement) for n in range(30)}  # fmt: skip
    words = {word.strip("?;,.").casefold() for each in found if each for word in each.split()}
    assert not words & {"what", "who", "which", "the", "fill"}
    assert len(words) > 5


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("... that the mill burned down twice?", "The mill burned down twice."),
        ("that Vael Ruyn mended old clocks?", "Vael Ruyn mended old clocks."),
        ("- The mill is old and grey", "The mill is old and grey."),
        ("Who mended the old clocks?", None),
        ("Opening hours:", None),
    ],
)
def test_what_states_something_is_a_statement(sentence: str, expected: str | None) -> None:
    assert as_statement(sentence) == expected


def test_what_begins_with_a_pronoun_does_not_stand_alone() -> None:
    found = statements(("It was built in 1931 by monks.", "The mill was built by monks."))
    assert [statement.stands_alone for statement in found] == [False, True]


def test_a_tidied_statement_has_no_loose_marks() -> None:
    loose = 'The play " Blue Hats " by Ruyn \'s pupil (example pictured) opened in Orne , once.'
    assert tidied(loose) == 'The play "Blue Hats" by Ruyn\'s pupil opened in Orne, once.'
