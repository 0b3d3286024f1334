"""The sentences of passages that a question asks about, and how surely.

A sentence's score is the logarithm of the odds that it holds the answer: a weighted sum of a few facts
about the words it shares with the question. A word counts by its rarity in the collection; the stem of
a word is the one that search compares. `scripts/experiments/asked_sentences.py` fits the weights.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from localcollab.documents.answer.events import SentPassage
from localcollab.documents.checking.detection import language_of as language_checked
from localcollab.documents.checking.kinds import Kind, asked_kind, kinds_in
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.questions import MEASURES
from localcollab.documents.checking.sentences import sentences
from localcollab.documents.checking.source import points_back
from localcollab.documents.checking.tokens import tokens
from localcollab.terms.languages import language_of
from localcollab.terms.terms import terms

Rarity = Callable[[str], float]
"""Of a term: the logarithm of the share of passages without it, at least 0."""
SURE = 1.7
"""From this score on, a sentence answers: 0.96 of such sentences did on questions that fitted nothing."""
NOWHERE = -1.5
"""Below it at the best, the passages do not say: so it is with 1 in 40 questions that they answer."""
_ASKING = (
    "who whom whose what which when where how why do does did is are was were many much name "
    "the a an of in on at to for by with from and or type kind"
)
_HOW_MUCH = re.compile(rf"\bhow (?:{'|'.join(MEASURES)})\b", re.IGNORECASE)
_RANKS = 5
_LEAST_ALIKE = 4
"""Letters at the beginning of two words of one family: "discover", "discovery"."""
_ALIKE = 0.7


class Facts(NamedTuple):
    """What a score is the weighted sum of."""

    lead: float
    """How much more of the question it shares than the next sentence does, or less than the best."""
    pairs: float
    """Share of the question's neighbouring words that are neighbours here."""
    shared: float
    """Rarity of the words it shares, all together, in tens."""
    before: float
    """Share of the question's words that only the sentence before it has."""
    rank: float
    """Of its passage: 0 for the best one, 1 from the sixth on."""
    lacks_kind: float
    """1 if it names nothing of the kind that is asked for."""
    points_back: float
    """1 if it begins with "this", "these" and their like: what it is about stands before it."""
    lacks_names: float
    """Share of the question in names that its whole passage does not have."""


WEIGHTS = Facts(5.6, 1.7, 0.36, 2.9, -6.3, -1.6, -0.6, -1.8)
BIAS = -1.05


@dataclass(frozen=True, slots=True)
class Sentence:
    passage: int
    """Its source's number."""
    start: int
    end: int
    """Characters of the source's text."""
    text: str
    score: float
    """Logarithm of the odds that it holds the answer."""
    is_about: bool = True
    """Whether it, or the sentence before it, has any word of the question."""


def best_sentences(
    passages: Sequence[SentPassage], question: str, n: int, rarity: Rarity
) -> list[Sentence]:
    """At most `n`, in the order of a prompt."""
    return in_order(ranked_sentences(passages, question, rarity)[:n])


def in_order(chosen: Sequence[Sentence]) -> list[Sentence]:
    """Best first -> by source and place; the source of the best one last, next to the question."""
    order = {number: -at for at, number in enumerate(dict.fromkeys(s.passage for s in chosen))}
    return sorted(chosen, key=lambda each: (order[each.passage], each.start))


def ranked_sentences(
    passages: Sequence[SentPassage], question: str, rarity: Rarity
) -> list[Sentence]:
    """All sentences, the one that the question asks about most likely first."""
    scored = [
        Sentence(
            number, start, end, text,
            BIAS + sum(w * f for w, f in zip(WEIGHTS, facts, strict=True)),
            facts.shared + facts.before > 0,
        )
        for (number, start, end, text), facts in facts_of(passages, question, rarity)
    ]  # fmt: skip
    return sorted(scored, key=lambda each: -each.score)


Place = tuple[int, int, int, str]
"""Source's number, start, end, text."""


@dataclass(frozen=True, slots=True)
class _Asked:
    words: Mapping[str, float]
    """Term -> rarity."""
    pairs: frozenset[tuple[str, str]]
    names: frozenset[str]
    kind: Kind | None
    texts: frozenset[str]
    """Of the tokens."""
    code: str
    language: Language

    @property
    def total(self) -> float:
        return sum(self.words.values()) or 1.0


def facts_of(
    passages: Sequence[SentPassage], question: str, rarity: Rarity
) -> list[tuple[Place, Facts]]:
    """Every sentence of the passages, in their order, with its facts."""
    asked = _asked(question, passages[0].text if passages else "", rarity)
    found, shares = list[tuple[Place, Facts]](), list[float]()
    for rank, passage in enumerate(passages):
        for place, share, facts in _of_passage(passage, rank, asked):
            found.append((place, facts))
            shares.append(share)
    second, best = sorted([0.0, 0.0, *shares])[-2:]
    return [
        (place, facts._replace(lead=share - (second if share == best else best)))
        for (place, facts), share in zip(found, shares, strict=True)
    ]


def _asked(question: str, text: str, rarity: Rarity) -> _Asked:
    code = language_of(text, "en")
    row = _terms(_HOW_MUCH.sub("how", question) if code == "en" else question, code)
    left_out = set(_terms(_ASKING, code)) if code == "en" else set()
    words = {term: rarity(term) for term in row if term not in left_out}
    language = language_checked(question)
    tokens_asked = tokens(question, language)
    names = frozenset(
        term for token in tokens_asked[1:] if token.is_capital or token.kind != "word"
        for term in _terms(token.text, code)
    )  # fmt: skip
    return _Asked(
        words, frozenset(pair for pair in pairwise(row) if not words.keys().isdisjoint(pair)),
        names & words.keys(), asked_kind(tokens_asked), frozenset(t.text for t in tokens_asked),
        code, language,
    )  # fmt: skip


def _of_passage(
    passage: SentPassage, rank: int, asked: _Asked
) -> Iterator[tuple[Place, float, Facts]]:
    """With the share of the question that each sentence has."""
    spans = list(sentences(passage.text))
    rows = [_terms(passage.text[start:end], asked.code) for start, end in spans]
    everywhere = {term for row in rows for term in row}
    lacks_names = sum(asked.words[t] for t in asked.names - everywhere) / asked.total
    before = frozenset[str]()
    for (start, end), row in zip(spans, rows, strict=True):
        held, text = frozenset(row), passage.text[start:end]
        share = sum(v * _held(term, held) for term, v in asked.words.items()) / asked.total
        yield (passage.number, start, end, text), share, Facts(
            lead=0.0,
            pairs=len(asked.pairs & set(pairwise(row))) / max(len(asked.pairs), 1),
            shared=sum(v for term, v in asked.words.items() if term in held) / 10,
            before=sum(v for t, v in asked.words.items() if t in before - held) / asked.total,
            rank=min(rank, _RANKS) / _RANKS,
            lacks_kind=float(_lacks_kind(text, asked)),
            points_back=float(points_back(text)),
            lacks_names=lacks_names,
        )  # fmt: skip
        before = held


def _lacks_kind(text: str, asked: _Asked) -> bool:
    if asked.kind is None:
        return False
    row = tokens(text, asked.language)
    return asked.kind not in kinds_in(row, asked.texts, asked.language)


def holds_words(sentence: str, words: str) -> bool:
    """Whether the sentence has all of the words, or words of their families."""
    code = language_of(sentence, "en")
    held = frozenset(_terms(sentence, code))
    return all(_held(term, held) for term in _terms(words, code))


def _held(term: str, held: frozenset[str]) -> float:
    """1 if the sentence has the word, less if it has one of its family."""
    if term in held:
        return 1.0
    return _ALIKE if any(_is_alike(term, other) for other in held) else 0.0


def _is_alike(one: str, other: str) -> bool:
    n = max(_LEAST_ALIKE, min(len(one), len(other)) - 2)
    return len(one) > _LEAST_ALIKE and one[:n] == other[:n] and len(other) >= n


def _terms(text: str, code: str) -> list[str]:
    return terms(text, code).main.split()
