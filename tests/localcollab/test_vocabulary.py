"""Two vocabularies are one by their strings, never by their counts."""

from dataclasses import replace

import pytest

from fakes import byte_vocabulary
from localcollab.errors import VocabularyMismatch
from localcollab.vocabulary import Vocabulary, differences, require_same

ONE = byte_vocabulary()


def with_strings(*strings: str) -> Vocabulary:
    return replace(ONE, strings=strings, control=frozenset(), end=frozenset())


def test_equal_strings_are_one_vocabulary() -> None:
    require_same("a", ONE, "b", byte_vocabulary())
    assert ONE.fingerprint == byte_vocabulary().fingerprint


def test_a_difference_is_refused_with_numbers() -> None:
    message = "'b' has 3 tokens, 'a' 2, and 1 of the shared ids differ"
    with pytest.raises(VocabularyMismatch, match=message):
        require_same("a", with_strings("x", "y"), "b", with_strings("x", "z", "y"))


def test_differences_are_ids_below_both_sizes() -> None:
    assert differences(with_strings("x", "y", "z"), with_strings("x", "q")) == [1]


def test_the_fingerprint_sees_order_borders_and_control_tokens() -> None:
    prints = {
        with_strings(*strings).fingerprint
        for strings in (("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a", "\udcff"))
    }
    control = replace(with_strings("a", "b"), control=frozenset({1}))
    assert len(prints | {control.fingerprint}) == 6


def test_decoding_shows_broken_characters() -> None:
    assert ONE.decode([*"é".encode(), 0xE6, 0xBC]) == "é\ufffd"
