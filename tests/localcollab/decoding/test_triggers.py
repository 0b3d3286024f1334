"""What makes a team doubt a span."""

import pytest

from localcollab.decoding.triggers import Span, disagreement, otherwise, unfamiliar, unheard


def span(
    text: str, before: str = "", after: str = ".", own: tuple[float, ...] = (),
    base: tuple[float, ...] = (),
) -> Span:  # fmt: skip
    return Span("expert", before, text, after, own, base)


def words(text: str, begins_sentence: bool) -> set[str]:
    text = text.lower() if begins_sentence else text
    return {word.strip(".") for word in text.split() if word[:1].isupper() or word[:1].isdigit()}


@pytest.mark.parametrize(
    ("own", "base", "is_doubted"),
    [((-2.0,), (-3.0, -3.0), True), ((-0.1,), (-3.0, -3.0), False), ((-2.0,), (-3.0, -0.1), False)],
)
def test_a_span_is_doubted_where_its_author_and_the_base_find_it_unlikely(
    own: tuple[float, ...], base: tuple[float, ...], is_doubted: bool
) -> None:
    assert bool(disagreement().doubt(span(" 60", own=own, base=base))) == is_doubted


def test_a_name_that_no_passage_has_is_doubted() -> None:
    doubt = unheard(words, {"Brixton", "60"}).doubt
    assert doubt(span(" Ashdown", before="by")) == "says Ashdown, which no passage says"
    assert doubt(span(" Brixton", before="by")) is None
    assert doubt(span(" Ashdown", before="It is so.")) is None  # the start of a sentence


def test_a_word_is_looked_for_as_a_whole() -> None:
    doubt = unheard(words, {"Brixton", "605"}).doubt
    assert doubt(span("ix", before="by Br", after="ton Labs")) is None
    assert doubt(span(" 60", after="5 mg")) is None


def test_a_result_need_not_stand_in_a_passage() -> None:
    doubt = unheard(words, {"60"}).doubt
    assert doubt(span(" 360", before="60 mg. 6 x 60 =")) is None
    assert doubt(span(" 360", before="a dose of")) is not None


@pytest.mark.parametrize(
    ("text", "is_doubted"),
    [(" pectine and", False), (" Pectine and morphane. Then", False), (" glucane", True)],
)
def test_what_the_passages_put_otherwise_is_doubted(text: str, is_doubted: bool) -> None:
    doubt = otherwise(lambda before: [" pectine and morphane"]).doubt
    assert bool(doubt(span(text))) == is_doubted


def test_without_the_same_words_in_a_passage_nothing_is_otherwise() -> None:
    assert otherwise(lambda before: []).doubt(span(" glucane")) is None


def test_who_cannot_spell_a_name_is_doubted_where_another_can() -> None:
    knows = {"expert": lambda name: False, "other": lambda name: name == "Zelin"}
    trigger = unfamiliar(lambda answer: ["Zelin"] if "Zelin" in answer else [], knows)
    doubted = span(" 60", before="One dose of Zelin is")
    assert trigger.doubt(doubted) == "is about Zelin, which expert cannot spell"
    assert [trigger.may_write(name, doubted) for name in ("expert", "other", "base")] == [
        False, True, False,
    ]  # fmt: skip
    alone = unfamiliar(lambda answer: ["Zelin"], {"expert": lambda name: False})
    assert alone.doubt(doubted) is None


@pytest.mark.parametrize(
    ("text", "after", "ends"),
    [(" Nor", "wood ", True), (" Nor", "wood", False), (" 3", ".5", False), (" 3", ". ", True),
     (" Labs.", "", False), (" Labs", ".", True)],
)  # fmt: skip
def test_a_word_has_ended_where_something_else_follows(text: str, after: str, ends: bool) -> None:
    assert span(text, after=after).ends_word == ends
