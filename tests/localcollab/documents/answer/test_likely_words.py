"""The words of a sentence that a question most likely asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcollab.documents.answer.excerpts import Sentence
from localcollab.documents.answer.likely_words import LONGEST, likeliest, runs

MILL = "The mill in Norwick was built in 1790 by Anna Brask, and it has 14 rooms."
RIVER = "The bridge crosses the Elsa river near the village of Holm."


def rarity(term: str) -> float:
    return 0.1 if term in ("the", "in", "of", "was", "by", "it", "has", "and") else 3.0


def sentence(text: str, score: float = 0.0) -> Sentence:
    return Sentence(1, 0, len(text), text, score)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was the mill in Norwick built?", "1790"),
        ("Who built the mill in Norwick?", "Anna Brask"),
        ("How many rooms has the mill?", "14"),
    ],
)
def test_the_kind_of_thing_that_is_asked_for_is_answered(question: str, answer: str) -> None:
    assert likeliest([sentence(MILL)], question, rarity) == answer


def test_a_number_is_not_parted_from_what_it_counts() -> None:
    text = "Take one tablet of Ferrosan every second day, always before breakfast."
    found = [run.text for run in runs([sentence(text)], "How often do I take Ferrosan?", rarity)]
    assert "one tablet" in found
    assert "one" not in found


def test_the_better_sentence_counts_more() -> None:
    asked = "Who built the mill in Norwick?"
    other = sentence(MILL.replace("Anna Brask", "Carl Olsen"), -4.0)
    assert likeliest([sentence(MILL), other], asked, rarity) == "Anna Brask"


def test_the_noun_that_is_asked_for_is_beside_the_answer() -> None:
    assert "Elsa" in likeliest([sentence(RIVER)], "Which river does the bridge cross?", rarity)


def test_a_language_without_known_function_words_has_no_answer() -> None:
    assert (
        likeliest([sentence("ノルウィックの水車は1790年に建てられた。")], "水車はいつ?", rarity)
        == ""
    )


@given(st.text(max_size=120), st.text(max_size=60))
def test_every_answer_is_copied(text: str, question: str) -> None:
    said = likeliest([sentence(text)], question, rarity)
    assert said in " ".join(text.split())
    for run in runs([sentence(text)], question, rarity):
        assert run.text in text
        assert 0 < run.end - run.start <= LONGEST
