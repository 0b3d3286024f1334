import pytest

from localcollab.documents.answer.answer import check
from localcollab.documents.answer.events import SentPassage
from localcollab.documents.answer.reasons import nearest, why_not


def passage(text: str) -> SentPassage:
    return SentPassage(1, "/a.txt", None, "", 0, len(text), text, (1,))


@pytest.mark.parametrize(
    ("source", "claim", "why"),
    [
        (
            "The warranty covers 24 months only if the seal is intact.",
            "The warranty covers 24 months.",
            "leaves out “only if the seal is intact”",
        ),
        ("Smith may have signed the deed.", "Smith signed the deed.", "leaves out “may have”"),
        ("Most flats have a balcony.", "Flats have a balcony.", "leaves out “most”"),
        (
            "The rent is 845 euros.",
            "The rent is 900 euros.",
            "says “900”, which stands in no sentence about it",
        ),
        ("The flat is warm.", "The flat is not warm.", "denies what the source says"),
        ("The flat is warm.", "The flat is cosy.", "says “cosy”, the nearest sentence does not"),
        (
            "Anna hired Ben.",
            "Ben hired Anna.",
            "puts the words of its source together in another way",
        ),
        ("Cats sleep.", "Dogs bark.", "is about nothing that the sources name"),
    ],
)
def test_the_reason_names_what_was_left_out_or_added(source: str, claim: str, why: str) -> None:
    passages = [passage(source)]
    (found,) = check(claim, passages).claims
    assert found.support != "supported"
    assert why_not(found, passages) == why


def test_the_nearest_sentence_shares_most_words() -> None:
    passages = [passage("Cats sleep. Old cats sleep long."), passage("Dogs bark.")]
    assert nearest("Do dogs bark?", passages) == "Dogs bark."
    assert nearest("Old cats", passages) == "Old cats sleep long."
    assert nearest("xyzzy", passages) is None
