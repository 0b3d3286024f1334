"""What a search shows of a message: the place of most words, and their spans."""

import pytest

from localcollab.history.search import to_phrases
from localcollab.history.snippet import excerpt, snippet

LONG = "Nothing here. " * 20


def shown(text: str, query: str) -> tuple[str, list[str]]:
    part, marks = snippet(text, to_phrases(query))
    return part, [part[start:end] for start, end in marks]


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("The Müller's mill", "muller", ["Müller"]),
        ("aspirins and ASPIRIN", "aspirin", ["aspirins", "ASPIRIN"]),
        ("東京の図書館は月曜日", "図書館", ["図書館"]),
        ("東京の図書館は月曜日", "京", ["京の"]),
        ("one-two three", "one-two", ["one-two"]),
        ("two one", "one-two", []),
        ("ｶﾞﾗｽ and tea", "tea", ["tea"]),
    ],
)
def test_what_matched_is_marked(text: str, query: str, marked: list[str]) -> None:
    assert shown(text, query) == (text, marked)


def test_the_place_of_most_words_is_shown() -> None:
    text = f"fever {LONG}fever and cough {LONG}"
    part, marked = shown(text, "cough fever")
    assert marked == ["fever", "cough"]
    assert part.startswith("…")
    assert part.endswith("…")
    assert len(part) < 120


def test_a_literal_part_is_shown_where_it_stands() -> None:
    part, marks = excerpt(f"{LONG}It is 💊 for x->y", "x->y")
    assert [part[start:end] for start, end in marks] == ["x->y"]
    assert part.startswith("…")
