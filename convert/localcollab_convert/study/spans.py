"""What a sentence can be asked for: names, numbers, dates, quotations and its subject, without a parser.

A name is a run of capitalized words; small words may join two of them ("Museum of Modern Art"). The first
word of a sentence counts when a verb or a comma follows it. The subject is what stands before the first
auxiliary. Where no name tells what a sentence is about, runs of its content words do.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import UNKNOWN, Language

Kind = Literal["name", "number", "date", "quote", "subject", "thing"]

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
_MOST_QUOTED, _MOST_SUBJECT, _MOST_THING = 12, 7, 4
"""Words."""
_LEAST_THING = 5
"""Characters."""
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_CALLINGS = """
academic activist actor actress ambassador archaeologist architect artist astronaut astronomer athlete
author ballerina baritone biologist bishop bodybuilder botanist boxer businessman businesswoman cardinal
cartoonist chef chemist choreographer comedian comedienne composer conductor cricketer critic cyclist
dancer designer diplomat director doctor dramatist driver economist editor engineer entrepreneur
explorer filmmaker footballer geologist goalkeeper governor guitarist historian illustrator inventor
journalist judge lawyer lexicographer librarian linguist lyricist mathematician mayor mezzo-soprano
minister missionary musician naturalist novelist organist painter pharmacist philanthropist philosopher
photographer physician physicist pianist playwright poet politician president priest printmaker producer
professor psychiatrist psychologist rapper saxophonist scholar scientist screenwriter sculptor senator
singer sociologist soldier songwriter soprano suffragette suffragist surgeon swimmer tenor theologian
translator violinist wrestler writer zoologist
"""
CALLINGS = frozenset(_CALLINGS.split())
"""What a sentence may call a person by in front of the name, capitalized at its beginning alone."""
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
    named = [span for span in (*subject, *kept) if _is_once(span, sentence)]
    if any(span.kind in ("name", "quote", "subject") for span in named):
        return named
    free = [span for span in _things(sentence, language) if all(_is_apart(span, k) for k in named)]
    return sorted(named + [span for span in free if _is_once(span, sentence)])


def _is_apart(one: Span, other: Span) -> bool:
    return one.end <= other.start or other.end <= one.start


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
            start, text = _without_calling(start, text)
        if not sentence[start + len(text) :].strip():
            text = text.removesuffix(".")
        text = _POSSESSIVE.sub("", text).rstrip(",")
        is_number = text.isdigit()
        if len(text) >= _LEAST and text.casefold() not in language.common and not is_number:
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


def _without_calling(start: int, text: str) -> tuple[int, str]:
    """ "Kameron Simmonds" of "Footballer Kameron Simmonds"."""
    first, _, rest = text.partition(" ")
    if rest[:1].isupper() and first.casefold() in CALLINGS:
        return start + len(first) + 1, rest
    return start, text


def _things(sentence: str, language: Language) -> Iterator[Span]:
    """Runs of words that are not function words: "intrapersonal communication"."""
    if language.code != "en":
        return
    small = language.common | language.restrictions | language.prepositions | language.auxiliaries
    run = list[re.Match[str]]()
    for word in [*_WORD.finditer(sentence), None]:
        is_content = word is not None and word[0].casefold() not in small
        if (
            word is not None
            and is_content
            and (not run or sentence[run[-1].end() : word.start()] == " ")
        ):
            run.append(word)
            continue
        if run and len(run) <= _MOST_THING:
            start, end = run[0].start(), run[-1].end()
            if end - start >= _LEAST_THING:
                yield Span(start, end, sentence[start:end], "thing")
        run = [word] if word is not None and is_content else []


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
