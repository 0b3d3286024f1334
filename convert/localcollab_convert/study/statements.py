"""Sentences of a text that can be asked about: statements that stand by themselves, tidied for a
reader."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from localcollab.documents.checking.detection import language_of

_WRAPPED = re.compile(
    r"^(?:did you know )?(?:\.\.\.|…)?\s*that\s+(?P<said>.+)\?$", re.IGNORECASE | re.DOTALL
)
"""A teaser: "... that the Paseo closed abruptly?\""""
_ASIDE = re.compile(r"\s*\((?:[^()]*\b)?(?:pictured|shown|left|right|above|below)\)", re.IGNORECASE)
_LOOSE = (
    (re.compile(r"\s+(['’]s?\b)(?=\s|[,.;:?!]|$)"), r"\1"),
    (re.compile(r"\s+([,;:?!.])(?=\s|$)"), r"\1"),
)
_LOOSE_QUOTE = re.compile(r"([\"“])\s+([^\"“”]+?)\s+([\"”])")
_DANGLING = re.compile(
    r"(?:this|that|these|those|it|its|he|she|his|her|they|their|such|there|here|one|both|others?)\b",
    re.IGNORECASE,
)
_MARK = re.compile(r"^(?:[-*•#>|]+|\(?\d{1,3}[.)])\s+")
_WORDS = range(4, 70)
_MOST_CHARACTERS = 420


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    """As an answer says it: one sentence, capitalized, with its full stop."""
    stands_alone: bool
    """It begins with no "This" or "He", so that it says what it is about."""


def statements(sentences: tuple[str, ...]) -> Iterator[Statement]:
    """Of those sentences that state something; questions, headings and long lists are left out."""
    for sentence in sentences:
        text = as_statement(sentence)
        if text is not None:
            yield Statement(text, not _DANGLING.match(text))


def as_statement(sentence: str) -> str | None:
    """None: nothing is stated, or too much."""
    text = _MARK.sub("", " ".join(sentence.split()))
    if wrapped := _WRAPPED.match(text):
        text = wrapped["said"].rstrip(" .") + "."
    if text.endswith("?") or len(text) > _MOST_CHARACTERS or len(text.split()) not in _WORDS:
        return None
    if text[-1] not in ".!\"”')":
        if text[-1] in ":;," or not language_of(text).code:
            return None
        text += "."
    return text[0].upper() + text[1:]


def tidied(text: str) -> str:
    """As somebody would write it: without blanks before punctuation, and without "(pictured)"."""
    text = _LOOSE_QUOTE.sub(r"\1\2\3", _ASIDE.sub("", text))
    for pattern, correct in _LOOSE:
        text = pattern.sub(correct, text)
    return " ".join(text.split())
