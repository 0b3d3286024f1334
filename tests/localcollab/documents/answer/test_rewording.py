"""The sentence that `strict` shows in the place of an answer in other words."""

import pytest

from localcollab.documents.answer.answer import check
from localcollab.documents.answer.events import SentPassage
from localcollab.documents.answer.rewording import spoken_for

LEASE = (
    "Anna Berg rented the flat in the old mill. The allies left the town in 1930 and the army came back "
    "in 1936. However, the bridge stayed closed. But nobody minded. The gallery closed on 25 February "
    "2010, which many regretted. The tape, remaining in black and white, was restored at the museum."
)


def rarity(term: str) -> float:
    return 0.1 if term in ("the", "do", "for", "in", "of") else 2.0


def spoken(question: str, answer: str, text: str = LEASE) -> str | None:
    passages = (SentPassage(1, "/d/lease.txt", None, "", 0, len(text), text, (1,)),)
    source = spoken_for(check(answer, passages, question), passages, question, rarity)
    if source is None:
        return None
    assert check(source.text, passages, question).is_supported
    assert text[source.start : source.end] == source.text
    return source.text


@pytest.mark.parametrize(
    ("question", "answer", "begin"),
    [
        ("Who lived in the mill's flat?", "It was Anna Berg who lived there.", "Anna Berg rented"),
        ("In which year did the gallery shut down?", "2010", "The gallery closed"),
        (
            "Was the tape restored in colour or did it remain black and white?",
            "black and white", "The tape, remaining",
        ),
    ],
)  # fmt: skip
def test_the_source_of_an_answer_in_other_words(question: str, answer: str, begin: str) -> None:
    assert (spoken(question, answer) or "").startswith(begin)


@pytest.mark.parametrize("answer", ["Carl Olsen rented it.", "2011", "1936"])
def test_nothing_speaks_for_what_no_asked_sentence_holds(answer: str) -> None:
    assert spoken("Who rented the flat in the old mill?", answer) is None


def test_the_false_one_of_two_things_asked_about_has_no_source() -> None:
    asked = "Was the tape restored in colour or did it remain black and white?"
    assert spoken(asked, "The tape was restored in colour.") is None


def test_what_limits_a_sentence_is_shown_with_it() -> None:
    assert spoken("When was the army back in town?", "1936") == (
        "The allies left the town in 1930 and the army came back in 1936. However, the bridge stayed "
        "closed. But nobody minded."
    )


def test_without_what_limits_it_a_sentence_is_not_supported() -> None:
    passages = (SentPassage(1, "/d/lease.txt", None, "", 0, len(LEASE), LEASE, (1,)),)
    said = "The allies left the town in 1930 and the army came back in 1936."
    assert [c.support for c in check(said, passages).claims] == ["weak"]
    other = f"{said} However, the bridge was opened."
    assert check(other, passages).claims[0].support == "weak"


@pytest.mark.parametrize(
    "said",
    [
        "The answer is {}.", "The correct answer to your question is: {}.", "According to the text, {}.",
        "The document says that {}.", "The text states {}.", "This refers to {}.", "**{}**", "It was {}.",
        "Die Antwort lautet: {}.",
    ],
)  # fmt: skip
def test_what_only_opens_an_answer_does_not_hide_its_source(said: str) -> None:
    asked = "Who lived in the mill's flat?"
    assert (spoken(asked, said.format("Anna Berg")) or "").startswith("Anna Berg rented")
    assert spoken(asked, said.format("Carl Olsen")) is None


@pytest.mark.parametrize(
    "said",
    [
        "This refers to section four of the lease.", "The answer is forty-two.",
        "The document says that rent is due monthly.", "It would be useful to call first.",
        "According to the text, rent is due.",
    ],
)  # fmt: skip
def test_a_sentence_of_the_source_that_has_an_opening_is_supported(said: str) -> None:
    text = f"It begins here. {said} It ends there."
    passages = (SentPassage(1, "/d/lease.txt", None, "", 0, len(text), text, (1,)),)
    assert [claim.support for claim in check(said, passages).claims] == ["supported"]


def test_a_speaker_is_no_opening() -> None:
    text = "Mr Olsen says that the flat is damp. It has two rooms."
    passages = (SentPassage(1, "/d/lease.txt", None, "", 0, len(text), text, (1,)),)
    assert check("The flat is damp.", passages).claims[0].support != "supported"
    assert check("The text says that the flat is damp.", passages).claims[0].support != "supported"
