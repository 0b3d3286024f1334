"""How one source supports one statement: supported, weak or not found.

*Supported* is decided by `checking`. *Weak*: up to three neighbouring sentences hold all its
names and numbers, every number in a
sentence about the same things, and most of its other words. Words of the passage's heading count
as part of every sentence of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from localcollab.documents.answer.content_words import ContentWords, content_words
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.following import Policy, is_same_token
from localcollab.documents.checking.language import UNKNOWN, Language
from localcollab.documents.checking.source import Source, read_source, supporting
from localcollab.documents.checking.tokens import Token, tokens

Support = Literal["supported", "weak", "not found"]
LEAST_COVERED = 0.6
"""The share of a statement's content words that `weak` requires."""
LEAST_BOUND = 0.5
"""The share of its other words that must stand in the sentence that holds one of its numbers."""
_WINDOW = 3
"""Neighbouring sentences that may weakly support one together."""
_FIXED = ("number", "date", "time")


@dataclass(frozen=True, slots=True)
class Said:
    """A statement, analysed once for all sources."""

    text: str
    words: ContentWords
    question: str = ""
    behind: str = ""
    """The statement behind it."""
    whole: str = ""
    """With what opens it, as "The answer is": a source may say that, too."""


@dataclass(frozen=True, slots=True)
class Read:
    """A source, analysed once for all statements."""

    source: Source
    sentences: tuple[ContentWords, ...]
    context: frozenset[str]
    words: frozenset[str]
    lower: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    support: Support
    span: tuple[int, int] | None = None


def read(text: str, context: str, default: Language = UNKNOWN) -> Read:
    """`default`: the language of a text without function words."""
    source = read_source(text, context, default)
    said = tuple(content_words(text[s.start : s.end]) for s in source.sentences)
    about = frozenset(content_words(context).words)
    words = about.union(*(w.words for w in said)) if said else about
    return Read(source, said, about, words, frozenset().union(*(w.lower for w in said)))


def support_of(
    said: Said, source: Read, in_others: frozenset[str], policy: Policy = "clauses"
) -> Found:
    """`in_others`: words of the other sources, none of which a weak support may lack here."""
    texts = dict.fromkeys(text for text in (said.text, said.whole) if text)
    found = (supporting(text, source.source, policy, said.question, said.behind) for text in texts)
    sentence = next((each for each in found if each is not None), None)
    if sentence is not None:
        return Found("supported", (sentence.start, sentence.end))
    for n_joined in range(1, _WINDOW + 1):
        for first in range(len(source.sentences) - n_joined + 1):
            if _is_weak(said, source, first, n_joined, in_others):
                spans = source.source.sentences
                return Found("weak", (spans[first].start, spans[first + n_joined - 1].end))
    return Found("not found")


def _is_weak(
    said: Said, source: Read, first: int, n_joined: int, in_others: frozenset[str]
) -> bool:
    window = source.sentences[first : first + n_joined]
    here = source.context.union(word for sentence in window for word in sentence.words)
    if not said.words.names <= here:
        return False
    sentences = source.source.sentences[first : first + n_joined]
    language = sentences[0].language
    mine = tokens(said.text, language)
    rows = [sentence.rows[0] for sentence in sentences]
    if not all(
        _is_bound(token, mine, rows, source.context, language)
        for token in mine
        if token.kind in _FIXED
    ):
        return False
    if _n_negations([mine], language) % 2 != _n_negations(rows, language) % 2:
        return False
    words = [word for word in said.words.words if not word[:1].isdigit()]
    missing = set(words) - here
    covered = 1 - len(missing) / len(set(words)) if words else 1.0
    return covered >= LEAST_COVERED and not missing & in_others


def _is_bound(
    fixed: Token,
    mine: Sequence[Token],
    rows: Sequence[Sequence[Token]],
    context: frozenset[str],
    language: Language,
) -> bool:
    """Whether one sentence holds the number or date, and enough of the words around it."""
    others = _around(fixed, mine, language.common | language.articles | context)
    return any(
        any(_is_alike(fixed, token, language) for token in row)
        and _share(others, row, language) >= LEAST_BOUND
        for row in rows
    )


def _around(fixed: Token, mine: Sequence[Token], left_out: frozenset[str]) -> set[str]:
    """Its two content words before and the one behind it: what it is a number of."""
    at = mine.index(fixed)
    before, behind = (
        [t.text for t in part if t.kind == "word" and t.text not in left_out]
        for part in (mine[:at], mine[at + 1 :])
    )
    return {*before[-2:], *behind[:1]}


def _is_alike(mine: Token, theirs: Token, language: Language) -> bool:
    """The same; a number without a unit is like one with any."""
    if (
        mine.kind == theirs.kind == "number"
        and mine.number
        and theirs.number
        and not mine.number.unit.dimension
    ):
        return bool(mine.number.values & theirs.number.values)
    return is_same_token(mine, theirs, language)


def _share(words: set[str], row: Sequence[Token], language: Language) -> float:
    if not words:
        return 1.0
    held = {token.text for token in row} | {f"{token.text}s" for token in row}
    return sum(word in held or f"{word}s" in held for word in words) / len(words)


def _n_negations(rows: Sequence[Sequence[Token]], language: Language) -> int:
    return sum(token.text in language.negations for row in rows for token in row)


def language_of_answer(answer: str, question: str) -> Language:
    return language_of(f"{answer} {question}")
