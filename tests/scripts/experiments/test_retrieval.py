"""Our search on questions people wrote, beside a plain BM25 library on the same tokens."""

from dataclasses import astuple

import pytest

import retrieval
from conftest import fixture_file

pytestmark = pytest.mark.slow


def test_search_finds_the_right_paragraph_at_least_as_often_as_a_plain_library() -> None:
    scores = retrieval.measure(fixture_file("data", "xquad.en.json"))
    ours, library = astuple(scores["localcollab"]), astuple(scores["rank_bm25"])
    assert min(ours) > 0.9
    assert [ours_ >= theirs for ours_, theirs in zip(ours, library, strict=True)] == [True] * 3


def test_the_scores_are_those_counted_by_hand() -> None:
    assert astuple(retrieval.score([1, 2, None, 10])) == (0.25, 0.5, (1 + 1 / 2 + 1 / 10) / 4)


def test_tokens_are_those_of_the_index() -> None:
    found = retrieval.tokens(["The Dogs' café", "Dog"], ["en", "en"])
    assert found == [["the", "dog", "café"], ["dog"]]


@pytest.mark.parametrize("language", ["ar", "hi", "th", "zh"])
def test_search_finds_the_right_paragraph_in_other_scripts(language: str) -> None:
    scores = retrieval.measure(fixture_file("data", f"xquad.{language}.json"))
    assert scores["localcollab"].recall_at_5 >= 0.95
