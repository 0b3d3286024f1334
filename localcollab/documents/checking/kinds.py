"""Which kind of thing a question asks for, and which kinds a sentence names.

English only: in other languages nothing is asked for, and any sentence may answer.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from localcollab.documents.checking.language import Language
from localcollab.documents.checking.tokens import Token

Kind = Literal["name", "time", "number"]
_OF_WORD: dict[str, Kind] = {
    "who": "name",
    "whom": "name",
    "whose": "name",
    "where": "name",
    "when": "time",
}
_TIMES = frozenset(["year", "years", "date", "century", "decade", "month", "day", "time"])
_COUNTS = frozenset(["percentage", "percent", "number", "amount", "population"])
_MEASURED = frozenset(
    [
        *("many", "much", "long", "old", "far", "tall", "high", "large"),
        *("big", "deep", "wide", "heavy", "fast"),
    ]
)
_FRONT = 5
"""Words behind "what is" in which "the number of" may stand."""
_YEAR = re.compile(r"(?:1\d{3}|20\d\d)s?")
_PERIODS = frozenset(
    [
        *("century", "decade", "day", "month", "week", "quarter"),
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ]
)
"""Of a calendar. "Two weeks" is a number."""


def asked_kind(question: Sequence[Token]) -> Kind | None:
    """None: any kind, or the question is not understood."""
    words = [token.text for token in question]
    for at, (word, following) in enumerate(pairwise([*words, ""])):
        if word in _OF_WORD:
            return _OF_WORD[word]
        if word == "how":
            return "number" if following in _MEASURED else None
        if word in ("what", "which"):
            return _of_noun(words[at + 1 : at + 1 + _FRONT])
    return None


def _of_noun(behind: Sequence[str]) -> Kind | None:
    """ "What year", "which percentage", "what is the number of"."""
    if behind and behind[0] in _TIMES:
        return "time"
    is_count = bool(behind) and (
        behind[0] in _COUNTS or (behind[0] == "is" and not _COUNTS.isdisjoint(behind))
    )
    return "number" if is_count else None


def kinds_in(row: Sequence[Token], asked: frozenset[str], language: Language) -> frozenset[Kind]:
    """The kinds of what the sentence names besides `asked`, the texts of the question's tokens."""
    found = set[Kind]()
    for at, token in enumerate(row):
        is_start = at == 0 and token.text in language.common | language.prepositions
        kind = kind_of(token, language)
        if kind is not None and token.text not in asked and not is_start:
            found.add(kind)
    return frozenset(found)


def kind_of(token: Token, language: Language) -> Kind | None:
    """Of what one token names."""
    if token.kind in ("date", "time") or token.text in _PERIODS:
        return "time"
    if token.kind == "number":
        return "time" if _YEAR.fullmatch(token.text) else "number"
    if token.kind == "word" and token.text in language.months:
        return "time"
    return "name" if token.kind == "word" and token.is_capital else None
