"""What a sentence can be asked for: names, numbers, dates, quotations and its subject, without a parser.

A name is a run of capitalized words; small words may join two of them ("Museum of Modern Art"). The first
word of a sentence counts when a verb or a comma follows it. The subject is what stands before the first
auxiliary.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import UNKNOWN, Language

Kind = Literal["name", "number", "date", "quote", "subject"]

_CAPITAL = r"(?:[a-z]{1,3}[-'’])?[^\W\d_a-zà-öø-ÿ](?:[\w'’&./–-]*[\w])?\.?"
_NAME = re.compile(
    rf"(?<![\w'’-]){_CAPITAL}(?:(?:\s+(?:of|the|de|la|le|von|van|der|du|for|del|di|al|el|and|&)){{0,2}}\s+"
    rf"(?:{_CAPITAL}|\d[\d.,–-]*(?![\w%])))*"
)
_AND = re.compile(r"\s(?:and|for)\s")
_QUOTE = re.compile(r"[\"“„]\s?([^\"“”„]{2,80}?)\s?[\"”]")
_NUMBER = re.compile(
    r"(?<![\w.,–-])[$€£]?\d[\d.,]*(?:\s?(?:%|percent\b|million\b|billion\b|thousand\b|hundred\b))?(?![\w–-])"
)
_DATE = re.compile(
    r"(?<!\w)(?:\d{1,2}\s)?(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"(?:\s\d{1,2}(?:st|nd|rd|th)?)?(?:,?\s\d{4})?(?!\w)"
)
_YEAR = re.compile(r"1[0-9]\d\d|20\d\d")
_POSSESSIVE = re.compile(r"\s?['’]s?$")
AUXILIARY = re.compile(
    r"\s(?P<aux>is|are|was|were|has|have|had|can|will|would|could|should|may|might|must)\s"
)
_MOST_QUOTED, _MOST_SUBJECT = 12, 7
"""Words."""
_LEAST = 2
"""Characters of a span."""


class Span(NamedTuple):
    start: int
    end: int
    text: str
    kind: Kind


def spans(sentence: str, default: Language = UNKNOWN) -> list[Span]:
    """Everything that can be asked for, in order, each of which stands in the sentence once. Of two that
    overlap, the one that begins first, or the longer. `default`: the language of a sentence without
    function words."""
    language = language_of(sentence, default)
    found = [
        *_quotes(sentence),
        *_dates(sentence),
        *_names(sentence, language),
        *_numbers(sentence),
    ]
    kept = list[Span]()
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    subject = [
        span for span in _subject(sentence, language) if all(k.start >= span.end for k in kept)
    ]
    return [span for span in (*subject, *kept) if _is_once(span, sentence)]


def _is_once(span: Span, sentence: str) -> bool:
    """What stands twice gives itself away."""
    return len(re.findall(rf"(?<!\w){re.escape(span.text)}(?!\w)", sentence)) == 1


def _quotes(sentence: str) -> Iterator[Span]:
    for found in _QUOTE.finditer(sentence):
        text = found[1].strip(" .,;")
        if 0 < len(text.split()) <= _MOST_QUOTED and len(text) < len(sentence) // 2:
            yield Span(found.start(), found.end(), text, "quote")


def _dates(sentence: str) -> Iterator[Span]:
    for found in _DATE.finditer(sentence):
        if any(c.isdigit() for c in found[0]):
            yield Span(found.start(), found.end(), found[0], "date")


def _numbers(sentence: str) -> Iterator[Span]:
    for found in _NUMBER.finditer(sentence):
        text = found[0].rstrip(".,")
        kind: Kind = "date" if _YEAR.fullmatch(text) else "number"
        yield Span(found.start(), found.start() + len(text), text, kind)


def _names(sentence: str, language: Language) -> Iterator[Span]:
    for found in _NAME.finditer(sentence):
        start, text = found.start(), found[0]
        if start == 0:
            start, text = _without_opening(text, sentence, language)
        if not sentence[start + len(text) :].strip():
            text = text.removesuffix(".")
        text = _POSSESSIVE.sub("", text).rstrip(",")
        if len(text) >= _LEAST and text.casefold() not in language.common:
            yield Span(start, start + len(text), text, "name")


def _without_opening(text: str, sentence: str, language: Language) -> tuple[int, str]:
    """The name at the start of a sentence; empty where its only word may be capitalized for the place."""
    first, _, rest = text.partition(" ")
    if first.casefold() in language.common | language.restrictions | language.prepositions:
        return len(text) - len(rest) if rest else len(text), rest
    if rest:
        return 0, text
    following = sentence[len(text) :]
    word = re.match(r"\s(\w+)", following)
    is_verb = word is not None and (
        word[1] in language.auxiliaries | language.past or word[1].endswith(("ed", "s"))
    )
    return (0, text) if is_verb or following[:1] in (",", "'", "’") else (len(text), "")


def _subject(sentence: str, language: Language) -> Iterator[Span]:
    """ "The bondiola sandwich" of "The bondiola sandwich is ..."."""
    found = AUXILIARY.search(sentence)
    if found is None or language.code != "en":
        return
    text = sentence[: found.start()]
    first, _, rest = text.partition(" ")
    if first in ("The", "A", "An") and rest:
        text = rest
    elif first.casefold() in language.common | language.restrictions | language.prepositions:
        return
    if "," not in text and len(text.split()) <= _MOST_SUBJECT:
        yield Span(found.start() - len(text), found.start(), text, "subject")
