"""What a sentence can be asked for."""

import pytest

from localcollab_convert.study.spans import spans


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Zordia Vael founded the Museum of Lost Keys in 1931.",
         [("Zordia Vael", "name"), ("Museum of Lost Keys", "name"), ("1931", "date")]),
        ("The little red boat is older than the harbour.", [("little red boat", "subject")]),
        ('A critic called the opera "a long evening" on 3 May 1907.',
         [("a long evening", "quote"), ("3 May 1907", "date")]),
        ("About 64 percent of 1,200 keys were made by Abdul al-Zah.",
         [("64 percent", "number"), ("1,200", "number"), ("Abdul al-Zah", "name")]),
        ("When it rained, nothing happened.", [("rained", "thing"), ("happened", "thing")]),
        ("Some say that silent reading in 1931 is the basis of learning.",
         [("silent reading", "thing"), ("1931", "date"), ("basis", "thing"), ("learning", "thing")]),
        ("The 1931 film Orne won.", [("1931", "date"), ("Orne", "name")]),
        ("Footballer Selma Ruyn plays alone.", [("Selma Ruyn", "name")]),
        ("Political scientist Selma Ruyn's book sold out.", [("Selma Ruyn", "name")]),
        ("Incas, the last parrot, died alone.", [("Incas", "name")]),
    ],
)  # fmt: skip
def test_names_numbers_dates_quotations_and_the_subject(
    sentence: str, expected: list[tuple[str, str]]
) -> None:
    assert [(span.text, span.kind) for span in spans(sentence)] == expected


def test_a_span_stands_where_it_says() -> None:
    sentence = 'In 1836 Daniel Arn found "the key" near Port Vael.'
    for span in spans(sentence):
        assert span.text in sentence[span.start : span.end]


def test_what_stands_twice_is_not_asked_for() -> None:
    assert [span.text for span in spans("Vael met Vael in Orne.")] == ["Orne"]
