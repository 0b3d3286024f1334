"""Regular expressions inside a JSON string."""

import json
import re

import pytest

from gbnf_regex import to_regex
from localcollab.errors import BadOption
from localcollab.grammar.patterns import pattern

_TEXTS = ["", "a", "ab", "b", "1", "12", "123", "a1", "_", "-", "A-1", "é", "a b", 'a"b', "a\\b",
          "a.b", "aaa"]  # fmt: skip


@pytest.mark.parametrize(
    "source",
    ["^a+$", "^[a-z]{2,3}$", r"^\d+$", r"^\w*$", "^(a|b)1?$", "^[^a]$", "a", "^a", "b$", r"^a\.b$",
     "^.$", "^a.b$", "^(?:ab)*$", r'^a"b$', r"^a\\b$", "^[A-Z]-[0-9]$", "^$", "^a{3}$", r"^\S+$"],
)  # fmt: skip
def test_only_what_matches_is_allowed(source: str) -> None:
    expression, _, _ = pattern(source)
    matches = to_regex(expression).fullmatch
    for text in _TEXTS:
        if matches(json.dumps(text, ensure_ascii=False)[1:-1]):
            assert re.search(source, text), text


@pytest.mark.parametrize(
    ("source", "text"),
    [("^a+$", "aaa"), (r"^\d{3}$", "123"), ("^(a|b)1?$", "a1"), ("b", "ab"), (r'^a"b$', 'a"b'),
     (r"^a\\b$", "a\\b"), ("^[^a]$", "é"), (r"^a\sb$", "a b")],
)  # fmt: skip
def test_what_matches_is_allowed(source: str, text: str) -> None:
    expression, _, _ = pattern(source)
    assert to_regex(expression).fullmatch(json.dumps(text, ensure_ascii=False)[1:-1])


@pytest.mark.parametrize(
    ("source", "length"), [("^a{2,5}$", (2, 5)), ("^abc$", (3, 3)), ("^(a|bcd)$", (1, 3))]
)
def test_the_length_is_known(source: str, length: tuple[int, int]) -> None:
    assert pattern(source)[1:] == length


@pytest.mark.parametrize(
    "source", ["(", "a(?=b)", r"(a)\1", "a^b", "[", r"a\b", "x{9999}", r'^["\\]$']
)
def test_what_cannot_be_promised_is_refused(source: str) -> None:
    with pytest.raises(BadOption, match="pattern"):
        pattern(source)
