"""A word of the prompt is known, however it is cut into tokens."""

from collections.abc import Sequence

import pytest

from localcollab.decoding.prompt_words import PromptWords


def known(prompt: str, *answer: str) -> list[bool]:
    pieces = [prompt, *answer]
    words = PromptWords([0], lambda token: pieces[token].encode())
    return [words.begins_one(token) for token in range(1, len(pieces))]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([" the", " cap", "ital"], [True] * 3),
        ([" The", " capitals"], [True, False]),
        ([" cap", "tain"], [True, False]),
        ([": ", "\n", "**", "Paris"], [True] * 4),
        (["19", "89", ".", "1990"], [True, True, True, False]),
        ([" 京", "都"], [True, False]),
        (["京都市"], [False]),
        ([" 東", "京"], [True, True]),
    ],
)
def test_a_word_is_known_while_one_of_the_prompt_begins_with_it(
    answer: Sequence[str], expected: list[bool]
) -> None:
    assert known("The capital, PARIS, in 1989: 東京", *answer) == expected


def test_half_a_character_is_no_word() -> None:
    pieces = [b"tea", "Ж".encode()[:1], "Ж".encode()[1:], "Ж".encode()]
    words = PromptWords([0], lambda token: pieces[token])
    assert [words.begins_one(token) for token in (1, 2, 3)] == [True, True, False]
