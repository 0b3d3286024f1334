"""A source as the sentences that a claim may follow from, read once for all claims."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from localcollab.documents.checking import records
from localcollab.documents.checking.aliases import Alias, aliases, with_short_names
from localcollab.documents.checking.asides import restricts
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.following import Policy, Setting, follows, is_same_token
from localcollab.documents.checking.language import UNKNOWN, Language
from localcollab.documents.checking.questions import ASKING, MEASURES, is_fragment, statements
from localcollab.documents.checking.sentences import sentences
from localcollab.documents.checking.tokens import tokens
from localcollab.documents.checking.variants import Row, orders

_POSSESSIVE = re.compile(
    r"\b((?:[Tt]he\s[a-z][\w-]*|(?:[A-Z][\w-]*\s)*[A-Z][\w-]*))['’]s\s([a-z][\w-]*)"
    r"(?=\s(?:is|are|was|were)\b|:)"
)
_PLACING = frozenset(["in", "at", "near"])
_OWN_LINE = re.compile(r"^\s*(?:[-*•#>]|\d{1,3}[.)])+\s*")


@dataclass(frozen=True, slots=True)
class Sentence:
    start: int
    end: int
    rows: tuple[Row, ...]
    """What it states: itself first, then the same in other orders; of a table's row every
    value under its column."""
    language: Language
    is_void: bool = False
    """Something before it takes it back: "He claimed:"."""
    limit: str = ""
    """The sentence behind it, where that limits it: "However, ..."."""


@dataclass(frozen=True, slots=True)
class Source:
    sentences: tuple[Sentence, ...]
    names: tuple[Alias, ...]
    about: frozenset[str]
    """Words of the heading, folded."""


def read_source(text: str, context: str = "", default: Language = UNKNOWN) -> Source:
    """`context`: heading and title. `default`: the language of a text that has no function
    words."""
    language = language_of(text, default)
    names = aliases(text)
    spans = tuple(_lines(text))
    heading_is_void = _is_void_heading(context, language)
    heading = tokens(context.partition("\n")[0], language)
    subjects = _subjects(
        text, spans, heading if _leading_name(heading, language) == heading else (), names, language
    )
    read = []
    for n, ((start, end), subject) in enumerate(zip(spans, subjects, strict=True)):
        own = language_of(text[start:end], language)
        rows = _rows(text, spans, n, names, own, subject)
        is_void = heading_is_void or _is_introduced(text, spans, n, own)
        behind = text[slice(*spans[n + 1])] if n + 1 < len(spans) else ""
        limit = behind if limits(behind, own) else ""
        read.append(Sentence(start, end, rows, own, is_void, limit))
    about = frozenset(t.text for t in tokens(context, language) if t.kind == "word")
    return Source(tuple(read), names, about)


def supporting(
    claim: str,
    source: Source,
    policy: Policy = "clauses",
    question: str = "",
    behind: str = "",
) -> Sentence | None:
    """The first sentence that the claim follows from; that of a bare answer, with the
    question's words. What limits such a sentence must stand `behind` the claim, word for word."""
    claim = with_short_names(claim, source.names)
    question = with_short_names(question, source.names)
    claims: dict[str, _Claim] = {}
    for sentence in source.sentences:
        code = sentence.language.code
        if code not in claims:
            claims[code] = _read_claim(claim, question, sentence.language)
        setting = Setting(sentence.language, source.about, policy)
        is_whole = not sentence.limit or sentence.limit.split() == behind.split()
        if is_whole and not sentence.is_void and _follows(claims[code], sentence, setting):
            return sentence
    return None


@dataclass(frozen=True, slots=True)
class _Claim:
    rows: tuple[Row, ...]
    said: tuple[Row, ...]
    """A bare answer in the question's words, in all orders."""
    asked: frozenset[str]
    """The content words of its question."""


def _read_claim(claim: str, question: str, language: Language) -> _Claim:
    row = tokens(_possessive_as_of(claim), language, is_claim=True)
    if not question or not is_fragment(row, language):
        return _Claim(orders(row, language), (), frozenset())
    said = tuple(dict.fromkeys(statements(question, row, language)))
    asked = frozenset(
        t.text for t in tokens(question, language)
        if t.kind == "word" and t.text not in language.common | language.auxiliaries | ASKING | MEASURES
    )  # fmt: skip
    return _Claim(orders(row, language), said, asked)


def _follows(claim: _Claim, sentence: Sentence, setting: Setting) -> bool:
    for row in sentence.rows:
        said = claim.said if claim.said and _may_answer(claim.asked, row) else ()
        if any(
            _can_follow(mine, row, setting) and follows(mine, row, setting)
            for mine in (*claim.rows, *said)
        ):
            return True
    return False


def _may_answer(asked: frozenset[str], row: Row) -> bool:
    """A quick look: the question's words begin like one of the sentence, but for an irregular verb."""
    starts = {token.text[:3] for token in row}
    return sum(word[:3] in starts for word in asked) >= len(asked) - 1


def _can_follow(claim: Row, row: Row, setting: Setting) -> bool:
    """A quick look before the search: the numbers and dates occur."""
    fixed = [token for token in claim if token.kind in ("number", "date", "time")]
    return all(
        any(is_same_token(mine, theirs, setting.language) for theirs in row) for mine in fixed
    )


def _possessive_as_of(sentence: str) -> str:
    """ "Gozovir's maker is" -> "the maker of Gozovir is"."""
    return _POSSESSIVE.sub(r"the \2 of \1", sentence)


def _rows(
    text: str,
    spans: tuple[tuple[int, int], ...],
    n: int,
    names: Sequence[Alias],
    language: Language,
    subject: Row,
) -> tuple[Row, ...]:
    start, end = spans[n]
    line = with_short_names(_OWN_LINE.sub("", text[start:end]), names)
    pairs = records.record(line) or records.row_of(_header(text, spans, n), line)
    rows = list(orders(tokens(_possessive_as_of(line), language), language))
    rows += [tokens(said, language) for said in records.statements(pairs)] if pairs else []
    if pairs and not any(
        records.record(text[slice(*other)]) for other in spans[:n] + spans[n + 1 :]
    ):
        # A table of one row: its columns need no row's name.
        rows += [tokens(f"{name}: {value}", language) for name, value in pairs]
    rows += [resolved] if (resolved := _with_subject(rows[0], subject, language)) else []
    return tuple(rows)


def _with_subject(row: Row, subject: Row, language: Language) -> Row:
    """ "It is sold in Peru" with what it stands for; empty where nothing does."""
    if not subject or len(row) < 2 or row[0].text not in language.pronouns:
        return ()
    return (*subject, *row[1:])


def _subjects(
    text: str,
    spans: Sequence[tuple[int, int]],
    heading: Row,
    names: Sequence[Alias],
    language: Language,
) -> Iterator[Row]:
    """For every sentence what its "it" or "he" stands for: the only name spoken of so far;
    empty if there is doubt."""
    subject = heading
    for start, end in spans:
        yield subject
        row = tokens(with_short_names(text[start:end], names), language)
        first = _leading_name(row, language)
        others = _names_behind(row, len(first) or 1)
        if others - _names(first or subject):
            subject = ()
        elif first and not _names(first) <= _names(subject):
            subject = first
        elif (
            not first
            and row
            and row[0].text not in language.pronouns
            and not _names(subject) & _names(row)
        ):
            subject = ()


def _names_behind(row: Row, start: int) -> set[str]:
    """Names behind the subject that a pronoun could stand for: not those of places and times."""
    found, is_place = set[str](), False
    for before, token in pairwise(row[max(start - 1, 0) :]):
        is_place = before.text in _PLACING or (is_place and before.is_capital)
        if token.is_capital and token.kind == "word" and not is_place:
            found.add(token.text)
    return found


def _names(row: Row) -> set[str]:
    return {token.text for token in row}


def _leading_name(row: Row, language: Language) -> Row:
    """The capitalized words it begins with, unless the first is a function word."""
    end = next((n for n, t in enumerate(row) if not t.is_capital or t.kind != "word"), len(row))
    known = language.common | language.articles | language.pronouns | language.prepositions
    is_name = end > 0 and row[0].text not in known and not language.restricts(row[0].text)
    return row[:end] if is_name else ()


def _header(text: str, spans: Sequence[tuple[int, int]], n: int) -> str:
    """The first line of the table that span `n` is a row of; empty if it is none."""
    first = n
    while first and "|" in text[slice(*spans[first])] and "|" in text[slice(*spans[first - 1])]:
        first -= 1
    return text[slice(*spans[first])] if first < n else ""


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Sentences; a row of a table is one, whatever stands in it."""
    at = block = 0
    for line in text.splitlines(keepends=True):
        if " | " in line:
            yield from _within(text, block, at)
            yield at + len(line) - len(line.lstrip()), at + len(line.rstrip())
            block = at + len(line)
        at += len(line)
    yield from _within(text, block, at)


def _within(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for first, last in sentences(text[start:end]):
        yield start + first, start + last


def _words(text: str) -> list[str]:
    return [word.casefold() for word in re.findall(r"[^\W\d_]+", text)]


def _is_void_heading(context: str, language: Language) -> bool:
    return any(word in language.void_headings for word in _words(context))


def points_back(sentence: str) -> bool:
    """Whether it begins with "this", "these", "all of this"."""
    words = _words(sentence)[:3]
    return words[:1] != [] and (
        words[0] in _POINTING or (words[1:2] == ["of"] and words[-1] in _POINTING)
    )


def limits(sentence: str, language: Language) -> bool:
    """Whether it limits or takes back what stands before it."""
    words = _words(sentence)
    if not words:
        return False
    if words[0] in language.limiting_sentences:
        return True
    if words[0] in _POINTING:
        return any(
            word in language.negations or word in language.limiting_sentences for word in words[1:4]
        )
    return False


def _is_introduced(text: str, spans: Sequence[tuple[int, int]], n: int, language: Language) -> bool:
    """Below "He claimed:" or "Not covered:", also as a later item of that list."""
    first = n
    while first and _OWN_LINE.match(text[slice(*spans[first])]):
        first -= 1
        if text[slice(*spans[first])].endswith(":"):
            break
    else:
        first = max(n - 1, 0)
    before = text[slice(*spans[first])] if first < n else ""
    return before.endswith(":") and restricts(tokens(before, language), language)


_POINTING = frozenset(
    [
        "this",
        "that",
        "these",
        "those",
        "dies",
        "diese",
        "dieser",
        "esto",
        "esta",
        "ce",
        "ceci",
        "cela",
        "questo",
        "questa",
    ]
)
