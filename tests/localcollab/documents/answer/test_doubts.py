"""What passages make a team doubt."""

import pytest

from fakes import ScriptedModel
from localcollab.decoding.second_thoughts import Doubts
from localcollab.decoding.triggers import Span
from localcollab.documents.answer.doubts import (
    PassagesSay,
    claimed,
    doubt_of,
    stated,
    with_passages,
)
from localcollab.documents.answer.quoting import Quotes

TEXTS = [
    "# Zelin\nThe maker of Zelin is Brixton Labs. One dose of Zelin is 60 mg.",
    "# Vorin\nThe maker of Vorin is Ashdown Labs. One dose of Vorin is 5 mg.",
]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("Well, one dose of Zelin is", [" 60 mg"]),
        ("The maker of Vorin\nis ", ["Ashdown Labs"]),
        ("The maker of Kelin is", []),  # two words are the same
        ("The maker of", []),  # no name
        ("The maker of Zelin is Brixton Labs.", []),
        ("", []),
    ],
)
def test_a_passage_goes_on_from_the_words_that_it_shares(before: str, said: list[str]) -> None:
    assert list(PassagesSay(TEXTS)(before)) == said


def why(text: str, before: str) -> list[str]:
    vocabulary = ScriptedModel(b"").vocabulary
    doubts = Doubts(members=("base", "expert"))
    added = with_passages(doubts, TEXTS, ["zelin.md"], "6 doses?", Quotes(TEXTS, vocabulary), None)
    span = Span("expert", before, text, ".", (), ())
    return [found for trigger in added.triggers if (found := trigger.doubt(span))]


def test_the_value_of_another_medicine_is_doubted() -> None:
    assert why(" Ashdown", "The maker of Zelin is") == ["is not what the passages say there"]
    assert why(" Brixton", "The maker of Zelin is") == []


def test_a_number_that_neither_passages_nor_question_have_is_doubted() -> None:
    assert why(" 7", "It has") == ["says 7, which no passage says"]
    assert why(" 6", "It has") == []


def test_passages_copy_as_an_expert_that_quotes_does() -> None:
    vocabulary = ScriptedModel(b"").vocabulary
    quotes = Quotes(TEXTS, vocabulary)
    doubts = Doubts(members=("base",))
    tokens = list(b"The maker of Zelin is ")
    added = with_passages(doubts, TEXTS, [], "", quotes, None)
    assert added.copies(tokens) == ({ord("B"): 1.0}, quotes.after(tokens).weight)


def test_a_team_in_which_no_member_writes_by_itself_stays_as_it_is() -> None:
    vocabulary = ScriptedModel(b"").vocabulary
    assert with_passages(Doubts(), TEXTS, [], "", Quotes(TEXTS, vocabulary), None) == Doubts()


def test_names_and_numbers_have_one_form() -> None:
    assert stated("Ashdown's 1,000 mg and 5.0") == {"ashdown", "1000", "5"}


def test_an_answer_is_doubted_for_what_no_passage_says() -> None:
    doubt = doubt_of(TEXTS, "Is it 6?")
    assert doubt("Well, 60 mg by Brixton, not 6.") is None
    assert doubt("It is 7 mg.") == "says 7, which no passage says"
    assert doubt_of([], "Is it 6?")("It is 7 mg.") is None


def test_a_capital_at_the_start_of_a_sentence_makes_no_name() -> None:
    assert claimed("Well, Ann came. Then Bob: Yes 5", True) == {"ann", "bob", "5"}
    assert claimed("Well Ann", False) == {"well", "ann"}
