"""Checks every sentence of an answer against its sources: does one follow from a passage alone?

What "supported" means is defined in docs/documents.md and decided by `checking`; this file finds
the statements of an
answer, the sources they name, and those that support them better.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from localcollab.documents.answer.content_words import (
    content_words,
    names_and_numbers,
)
from localcollab.documents.answer.support import (
    Found,
    Read,
    Said,
    Support,
    language_of_answer,
    read,
    support_of,
)
from localcollab.documents.checking.relevance import answers
from localcollab.documents.checking.sentences import sentences
from localcollab.documents.checking.statements import (
    is_greeting,
    is_heading,
    is_not_said,
    statement,
)

__all__ = [
    "Citable",
    "Citation",
    "Claim",
    "Support",
    "check_answer",
    "is_supported",
    "with_citations",
]
_RANK: dict[Support, int] = {"not found": 0, "weak": 1, "supported": 2}
_CITATION = re.compile(r"\s*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_SUM = re.compile(r"(\d[\d.,]*)\s*([x×*+−-])\s*(\d[\d.,]*)\s*=\s*(\d[\d.,]*\d|\d)")


@dataclass(frozen=True, slots=True)
class Citable:
    """A text that was sent and may be cited as 1, 2, ..."""

    text: str
    context: str = ""
    """Heading and title: what the passage is about, even if its text does not say so."""


@dataclass(frozen=True, slots=True)
class Citation:
    number: int
    """Counted from 1. A model may invent numbers, which belong to no source."""
    support: Support
    quote: tuple[int, int] | None = None
    """The supporting span of the passage's text."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer."""

    start: int
    end: int
    """Span of the answer, including its citation marks."""
    text: str
    """Without citation marks."""
    support: Support | None
    """The best of its citations; None: the sentence states nothing that can be checked."""
    citations: tuple[Citation, ...] = ()
    is_attributed: bool = False
    """The answer named no source, so the program looked for one."""
    is_computed: bool = False
    """Arithmetic on numbers from the question or a supported sentence; the program checked it."""
    better: int | None = None
    """A source that supports the sentence better than those it names."""
    answers: bool | None = None
    """Whether it answers the question, apart from its support; None: not known, or nothing was asked."""


def check_answer(answer: str, sources: Sequence[Citable], question: str = "") -> tuple[Claim, ...]:
    """Each sentence of `answer`, in order, with its support by the sources."""
    checked: list[Claim] = []
    language = language_of_answer(answer, question)
    sources_read = [read(source.text, source.context, language) for source in sources]
    lower = (
        frozenset().union(*(source.lower for source in sources_read)) if sources else frozenset()
    )
    marked_spans = tuple(_claims(answer))
    for n, (start, end) in enumerate(marked_spans):
        marked = answer[start:end]
        text = _CITATION.sub("", marked).strip()
        stated = _stated(marked)
        behind = _stated(answer[slice(*marked_spans[n + 1])]) if n + 1 < len(marked_spans) else ""
        said = Said(stated, content_words(stated, lower), question, behind, text)
        cited = cited_numbers(marked)
        claim = Claim(start, end, text, None)
        if _is_computed(text, question, checked):
            source = next((c.citations for c in reversed(checked) if c.citations), ())
            claim = replace(claim, support="supported", is_computed=True, citations=source)
        elif _states_nothing(text, said, is_alone=len(marked_spans) == 1) and not cited:
            pass
        elif cited:
            claim = _cited(claim, said, cited, sources_read)
        else:
            claim = _attributed(claim, said, sources_read)
        if claim.support is not None:
            claim = replace(
                claim, answers=True if claim.is_computed else answers(question, said.text)
            )
        checked.append(claim)
    return tuple(checked)


def _stated(marked: str) -> str:
    """Without citation marks, list marker and preface."""
    kept = statement(
        marked if not _CITATION.search(marked) else _CITATION.sub(_kept_in_front, marked)
    )
    return _CITATION.sub("", kept).strip()


def cited_numbers(sentence: str) -> tuple[int, ...]:
    """The numbers of `[1]`, `[2, 3]`, each once."""
    groups = (group.split(",") for group in _CITATION.findall(sentence))
    return tuple(dict.fromkeys(int(number) for group in groups for number in group))


def with_citations(answer: str, claims: Sequence[Claim]) -> str:
    """The answer with a mark after each sentence for which the program found the source."""
    parts, at = [], 0
    for claim in claims:
        parts.append(answer[at : claim.end])
        at = claim.end
        if claim.is_attributed or claim.is_computed:
            parts += [f" [{citation.number}]" for citation in claim.citations]
    return "".join([*parts, answer[at:]])


def is_supported(claims: Sequence[Claim]) -> bool:
    """Whether anything is stated and everything stated is supported."""
    stated = [claim.support for claim in claims if claim.support is not None]
    return bool(stated) and all(support == "supported" for support in stated)


def _claims(answer: str) -> Iterator[tuple[int, int]]:
    """Sentences; a citation mark after a full stop belongs to the sentence before it, a list
    marker to the one behind it."""
    pending: int | None = None
    for start, end in sentences(_CITATION.sub(lambda m: " " * len(m[0]), answer)):
        while (mark := _CITATION.match(answer, end)) is not None:
            end = mark.end()
        start = start if pending is None else pending
        pending = None
        if not statement(answer[start:end]) and not cited_numbers(answer[start:end]):
            pending = start
            continue
        yield start, end
    if pending is not None:
        yield pending, len(answer.rstrip())


def _kept_in_front(mark: re.Match[str]) -> str:
    """The mark of "According to [1]," stays until `statement` has taken both away."""
    return mark[0]


def _states_nothing(text: str, said: Said, *, is_alone: bool) -> bool:
    """A line in bold is a heading, unless it `is_alone` and answers a question."""
    words = said.words
    is_above = is_heading(text) and not (is_alone and said.question and text.endswith("*"))
    if words.is_question or not said.text or is_above or is_greeting(said.text):
        return True
    if is_not_said(text):
        return True
    return words.is_first_person and not words.names and not words.numbers


def _is_computed(text: str, question: str, before: Sequence[Claim]) -> bool:
    """Whether it is a correct equation of numbers from the question or a supported sentence."""
    found = _SUM.search(text)
    if found is None or content_words(_SUM.sub("", text)).names:
        return False
    left, sign, right, result = found.groups()
    a, b, c = (float(number.replace(",", "")) for number in (left, right, result))
    value = {"+": a + b, "-": a - b, "−": a - b}.get(sign, a * b)
    given = [question, *(claim.text for claim in before if claim.support == "supported")]
    known = {value for text in given for value, _ in content_words(text).numbers}
    return value == c and {n.value for n in names_and_numbers(left, right)} <= known


def _cited(claim: Claim, said: Said, cited: Sequence[int], read: Sequence[Read]) -> Claim:
    citations = tuple(
        _support(said, number, read) if 0 < number <= len(read) else Citation(number, "not found")
        for number in cited
    )
    best = max((citation.support for citation in citations), key=_RANK.__getitem__)
    others = [_support(said, n, read) for n in range(1, len(read) + 1) if n not in cited]
    best_other = max(others, key=_rank, default=Citation(0, "not found"))
    better = best_other.number if _RANK[best_other.support] > _RANK[best] else None
    return replace(claim, support=best, citations=citations, better=better)


def _attributed(claim: Claim, said: Said, read: Sequence[Read]) -> Claim:
    found = [_support(said, number, read) for number in range(1, len(read) + 1)]
    best = max(found, key=_rank, default=None)
    if best is None or best.support == "not found":
        return replace(claim, support="not found", is_attributed=True)
    return replace(claim, support=best.support, citations=(best,), is_attributed=True)


def _rank(citation: Citation) -> tuple[int, int]:
    return _RANK[citation.support], -citation.number


def _support(said: Said, number: int, read: Sequence[Read]) -> Citation:
    """How source `number` supports a sentence."""
    in_others = frozenset[str]().union(*(r.words for n, r in enumerate(read, 1) if n != number))
    found: Found = support_of(said, read[number - 1], in_others)
    return Citation(number, found.support, found.span)
