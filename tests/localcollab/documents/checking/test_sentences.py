"""A title stands apart from the sentence below it where it restricts nothing."""

import pytest

from localcollab.documents.checking.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Velora\nVelora is new. It helps.", ["Velora", "Velora is new.", "It helps."]),
        ("# The rent\nThe rent is 900.", ["# The rent", "The rent is 900."]),
        ("Children under 12\nTake one tablet.", ["Children under 12\nTake one tablet."]),
        ("the rent, without\nheating, is 900.", ["the rent, without\nheating, is 900."]),
        ("Rent\nrent is due.", ["Rent\nrent is due."]),
    ],
)  # fmt: skip
def test_a_title_of_its_sentence_is_a_sentence_of_its_own(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected
