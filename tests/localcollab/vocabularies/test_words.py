"""Where words begin, and which tokens begin one."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from localcollab.vocabularies.words import Beginners, Kind, kind_at_end, last_starts, word_starts
from tiny_vocabularies import piece_vocabulary


def segments(text: str) -> list[str]:
    data = text.encode()
    bounds = [*word_starts(data), len(data)]
    return [data[a:b].decode() for a, b in pairwise(bounds)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat sat.", ["The", " cat", " sat", "."]),
        ("a  b\n\nc", ["a", "  b", "\n\nc"]),
        ("don't", ["don", "'", "t"]),
        ("read_rows(x2, [1])", ["read_rows", "(", "x2", ",", " [", "1", "])"]),
        ("東京 です", ["東", "京", " で", "す"]),
        ("हिन्दी में", ["हिन्दी", " में"]),
        ("cafe\u0301s!", ["cafe\u0301s", "!"]),
        ("end  ", ["end", "  "]),
        ("", []),
    ],
)
def test_a_text_is_cut_before_each_word(text: str, expected: list[str]) -> None:
    assert segments(text) == expected


@settings(max_examples=examples(100))
@given(st.text(alphabet=st.characters(max_codepoint=126), max_size=40))
def test_ascii_is_cut_as_by_the_regular_expression(text: str) -> None:
    assert segments(text) == re.findall(r"\s*(?:\w+|[^\w\s]+)|\s+$", text)


@settings(max_examples=examples(100))
@given(st.binary(max_size=600))
def test_looking_back_finds_the_last_starts(data: bytes) -> None:
    found = last_starts(data)
    assert found == word_starts(data)[len(word_starts(data)) - len(found) :]


def test_half_a_character_continues_its_word() -> None:
    data = "aé".encode()[:-1]
    assert word_starts(data) == [0]
    assert kind_at_end(data) is Kind.MARK


PIECES = ("a", " a", ".", "東", "\u0301", b"\xc3", "\n")


@pytest.mark.parametrize(
    ("after", "begin"),
    [
        (b"x", [" a", ".", "東", "\n"]),
        (b"!", ["a", " a", "東", "\n"]),
        (b" ", []),
        ("京".encode(), ["a", " a", ".", "東", "\n"]),
        (b"x\xc3", []),
    ],
)
def test_which_tokens_begin_a_word(after: bytes, begin: list[str]) -> None:
    vocabulary = piece_vocabulary(*PIECES)
    found = np.flatnonzero(Beginners(vocabulary).after(kind_at_end(after)))
    assert [PIECES[token] for token in found[:-1]] == begin
    assert found[-1] == vocabulary.eos  # the end stands behind every word
