"""Checks every sentence of an answer against its source: does a passage say what it says?

Words only: no model judges. A sentence is *supported* if one sentence of the passage contains all its
content words, in order. It is *weak* if up to three neighbouring sentences contain all its numbers and
names and most of its other words. Otherwise it is *not found*: a wrong number, unit or name, a negation
on one side only, or a word that occurs in another source instead. Words of the passage's heading count
as part of every sentence of it, unless that sentence names something else.

So "supported" means "these words occur there"; a paraphrase is weak, and nothing here understands irony,
tense, or who did what to whom beyond the order of words.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from localcollab.documents.answer.content_words import (
    ContentWords,
    content_words,
    is_in_order,
    names_and_numbers,
    sentences,
)

Support = Literal["supported", "weak", "not found"]
LEAST_COVERED = 0.6
"""The share of a sentence's content words that `weak` requires."""
_WINDOW = 3
"""Neighbouring sentences that may weakly support one together."""
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


def check_answer(answer: str, sources: Sequence[Citable], question: str = "") -> tuple[Claim, ...]:
    """Each sentence of `answer`, in order, with its support by the sources."""
    checked: list[Claim] = []
    read = [_read(source) for source in sources]
    lower = frozenset().union(*(passage.lower for passage in read)) if read else frozenset()
    for start, end in _claims(answer):
        marked = answer[start:end]
        text = _CITATION.sub("", marked).strip()
        said = content_words(text, lower)
        cited = cited_numbers(marked)
        claim = Claim(start, end, text, None)
        if _is_computed(text, question, checked):
            source = next((c.citations for c in reversed(checked) if c.citations), ())
            claim = replace(claim, support="supported", is_computed=True, citations=source)
        elif _states_nothing(said) and not cited:
            pass
        elif cited:
            claim = _cited(claim, said, cited, read)
        else:
            claim = _attributed(claim, said, read)
        checked.append(claim)
    return tuple(checked)


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


@dataclass(frozen=True, slots=True)
class _Read:
    """A source, analysed once for all sentences."""

    spans: tuple[tuple[int, int], ...]
    sentences: tuple[ContentWords, ...]
    context: frozenset[str]
    words: frozenset[str]
    lower: frozenset[str]


def _read(source: Citable) -> _Read:
    spans = tuple(sentences(source.text))
    said = tuple(content_words(source.text[start:end]) for start, end in spans)
    context = frozenset(content_words(source.context).words)
    words = context.union(*(w.words for w in said)) if said else context
    return _Read(spans, said, context, words, frozenset().union(*(w.lower for w in said)))


def _claims(answer: str) -> Iterator[tuple[int, int]]:
    """Sentences; a citation mark after a full stop belongs to the sentence before it."""
    for start, end in sentences(_CITATION.sub(lambda m: " " * len(m[0]), answer)):
        while (mark := _CITATION.match(answer, end)) is not None:
            end = mark.end()
        yield start, end


def _states_nothing(said: ContentWords) -> bool:
    if said.is_question or not said.words:
        return True
    if said.numbers:
        return False
    return len(set(said.words)) < 2 or (said.is_first_person and not said.names)


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


def _cited(claim: Claim, said: ContentWords, cited: Sequence[int], read: Sequence[_Read]) -> Claim:
    citations = tuple(
        _support(said, number, read) if 0 < number <= len(read) else Citation(number, "not found")
        for number in cited
    )
    best = max((citation.support for citation in citations), key=_RANK.__getitem__)
    others = [_support(said, n, read) for n in range(1, len(read) + 1) if n not in cited]
    best_other = max(others, key=_rank, default=Citation(0, "not found"))
    better = best_other.number if _RANK[best_other.support] > _RANK[best] else None
    return replace(claim, support=best, citations=citations, better=better)


def _attributed(claim: Claim, said: ContentWords, read: Sequence[_Read]) -> Claim:
    found = [_support(said, number, read) for number in range(1, len(read) + 1)]
    best = max(found, key=_rank, default=None)
    if best is None or best.support == "not found":
        return replace(claim, support="not found", is_attributed=True)
    return replace(claim, support=best.support, citations=(best,), is_attributed=True)


def _rank(citation: Citation) -> tuple[int, int]:
    return _RANK[citation.support], -citation.number


def _support(said: ContentWords, number: int, read: Sequence[_Read]) -> Citation:
    """How source `number` supports a sentence."""
    source = read[number - 1]
    in_others = frozenset[str]().union(*(r.words for n, r in enumerate(read, 1) if n != number))
    best: Citation = Citation(number, "not found")
    for n_joined in range(1, _WINDOW + 1):
        for first in range(len(source.sentences) - n_joined + 1):
            support = _window_support(said, source, first, n_joined, in_others)
            if _RANK[support] > _RANK[best.support]:
                quote = source.spans[first][0], source.spans[first + n_joined - 1][1]
                best = Citation(number, support, quote)
        if best.support != "not found":
            return best
    return best


def _window_support(
    said: ContentWords, source: _Read, first: int, n_joined: int, in_others: frozenset[str]
) -> Support:
    window = source.sentences[first : first + n_joined]
    words = [word for sentence in window for word in sentence.words]
    here = source.context.union(words)
    if not said.names <= here or not said.numbers_are_in([n for w in window for n in w.numbers]):
        return "not found"
    if said.n_negations % 2 != sum(w.n_negations for w in window) % 2:
        return "not found"
    missing = set(said.words) - here
    if not missing and n_joined == 1 and _says_it(said, window[0], source.context):
        return "supported"
    covered = 1 - len(missing) / len(set(said.words)) if said.words else 0.0
    return "weak" if covered >= LEAST_COVERED and not missing & in_others else "not found"


def _says_it(said: ContentWords, sentence: ContentWords, context: frozenset[str]) -> bool:
    """Whether the words, all present, are in this order and about the same names."""
    from_heading = said.names - set(sentence.words)
    if from_heading and sentence.names - set(said.words) - context:
        return False
    spoken = [word for word in said.words if word in sentence.words]
    return bool(spoken) and is_in_order(spoken, sentence.words)
