"""The sentences of the passages that share most with a question, in the order in which they stand.

A word counts by its rarity in the collection, a sentence by the words it shares with the question and by
the rank of its passage. The stem of a word is the one that search compares.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from localcollab.documents.answer.events import SentPassage
from localcollab.documents.checking.sentences import sentences
from localcollab.terms.languages import language_of
from localcollab.terms.terms import terms

_RANK_DECAY = 0.85
"""Of a passage's sentences, by its rank: the search has seen more than one sentence."""

Rarity = Callable[[str], float]
"""Of a term: the logarithm of the share of passages without it, at least 0."""


@dataclass(frozen=True, slots=True)
class Sentence:
    passage: int
    """Its source's number."""
    start: int
    end: int
    """Characters of the source's text."""
    text: str
    score: float


def best_sentences(
    passages: Sequence[SentPassage], question: str, n: int, rarity: Rarity
) -> list[Sentence]:
    """At most `n`, by source and place; the source of the best one last, next to the question."""
    language = language_of(passages[0].text if passages else "", "en")
    asked = {term: rarity(term) for term in _terms(question, language)}
    found = [
        sentence for rank, passage in enumerate(passages)
        for sentence in _scored(passage, asked, _RANK_DECAY**rank, language)
    ]  # fmt: skip
    found.sort(key=lambda each: -each.score)
    chosen = found[:n]
    order = {number: -at for at, number in enumerate(dict.fromkeys(s.passage for s in chosen))}
    return sorted(chosen, key=lambda each: (order[each.passage], each.start))


def _scored(
    passage: SentPassage, asked: Mapping[str, float], weight: float, language: str
) -> list[Sentence]:
    found = []
    for start, end in sentences(passage.text):
        text = passage.text[start:end]
        shared = sum(asked[term] for term in _terms(text, language) & asked.keys())
        found.append(Sentence(passage.number, start, end, text, weight * shared))
    return found


def _terms(text: str, language: str) -> set[str]:
    return set(terms(text, language).main.split())
