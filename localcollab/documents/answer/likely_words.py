"""The few words of some sentences that answer a question most likely, chosen without a model.

Every run of words within a sentence has a score: a weighted sum of some facts about its kind, its
length, its neighbours and how near the question's words stand. A softmax makes probabilities of them,
and the run that shares most words with the right one, as far as can be expected, is copied. Small models
choose worse: `scripts/experiments/asked_words.py` fits the weights and compares.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from localcollab.documents.answer.excerpts import Rarity, Sentence
from localcollab.documents.checking.detection import language_of as language_checked
from localcollab.documents.checking.kinds import Kind, asked_kind, kind_of
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.tokens import tokens
from localcollab.terms.languages import language_of
from localcollab.terms.terms import terms

Array = npt.NDArray[np.float64]
_SHARPNESS = 2.0
"""Of the probabilities; at 1 too many words are chosen, without bound the likeliest run alone counts."""
_N_LIKELY = 200
"""Runs that are compared."""
LONGEST = 14
"""Words and marks of an answer."""
_WORD = re.compile(r"[$€£¥]?\d[\d.,]*\d%?|[$€£¥]?\d+%?|[^\W\d_]+(?:['’.-][^\W\d_]+)*|[^\w\s]")
_BREAKS = frozenset(".;:!?")
_CLOSING = frozenset(")\"”»'’")
_OPENING = frozenset("(\"“«„'‘")
_PAIRS = (("(", ")"), ("“", "”"), ("«", "»"))
_ASKED_NOUN = re.compile(
    r"\b(?:what|which|how many)\s+(?:(?:type|kind) of |(?:is|was|are|were) the )?([^\W\d_]+)",
    re.IGNORECASE,
)


class Facts(NamedTuple):
    """What a score is the weighted sum of. Shares are of the question's rarity."""

    behind: float
    """How far its sentence's score is behind the best one's, in threes."""
    kind: float
    """1 if it names the kind of thing asked for."""
    lacks_kind: float
    """1 if it does not."""
    name: float
    """1 if all its words are capitalized or numbers, and no kind is asked for."""
    length: float
    """In fives of words, at most 2."""
    length_of_value: float
    """The same where a time or number is asked for."""
    length_of_name: float
    """The same where a name is."""
    asked: float
    """Share of the question that it repeats."""
    repeated: float
    """Share of its own words that stand in the question."""
    only_asked: float
    """1 if all do."""
    near: float
    """Share of the question near its first or last word: each word over its distance."""
    amid: float
    """The same, on the average of its words."""
    rarity: float
    """Of its words on the average, in fives."""
    prepositions: float
    """Inside, in twos."""
    verb: float
    """1 if an auxiliary stands inside."""
    comma: float
    """1 if one stands inside."""
    cuts_name: float
    """Ends that are inside of a name."""
    cuts_words: float
    """Ends beside another content word."""
    begins_small: float
    """1 if it begins with a preposition or another function word than an article."""
    to_end: float
    """1 if the sentence or clause ends with it."""
    noun: float
    """1 if the noun asked for ("which river") is its last word or the next one."""


WEIGHTS = Facts(
    behind=1.3,
    kind=1.8,
    lacks_kind=-1.3,
    name=1.1,
    length=-0.1,
    length_of_value=-1.6,
    length_of_name=-0.9,
    asked=-1.8,
    repeated=-0.8,
    only_asked=-1.6,
    near=4.2,
    amid=9.0,
    rarity=2.0,
    prepositions=-0.5,
    verb=-0.4,
    comma=-0.1,
    cuts_name=-0.6,
    cuts_words=-0.2,
    begins_small=-0.4,
    to_end=0.9,
    noun=1.5,
)


class Run(NamedTuple):
    """Neighbouring words of one sentence."""

    text: str
    sentence: int
    start: int
    end: int
    facts: Facts


def likeliest(sentences: Sequence[Sentence], question: str, rarity: Rarity) -> str:
    """Of sentences, best first. Empty where they have no words, or in a language whose function words
    are not known."""
    found = list(runs(sentences, question, rarity))
    if not found:
        return ""
    return " ".join(found[best_of(found, np.array(WEIGHTS))].text.split())


def best_of(found: Sequence[Run], weights: Array) -> int:
    """The run with the highest expected token F1."""
    scores = np.array([run.facts for run in found]) @ weights
    p = np.exp(_SHARPNESS * (scores - scores.max()))
    likely = np.argsort(-p)[:_N_LIKELY]
    sentence, start, end = np.array([found[n][1:4] for n in likely]).T
    shared = np.minimum(end[:, None], end) - np.maximum(start[:, None], start)
    shared = np.where(sentence[:, None] == sentence, shared.clip(0), 0)
    f1 = 2 * shared / ((end - start)[:, None] + (end - start))
    return int(likely[(f1 @ p[likely]).argmax()])


def runs(sentences: Sequence[Sentence], question: str, rarity: Rarity) -> Iterator[Run]:
    """All of them."""
    language = language_checked(" ".join([question, *(each.text for each in sentences)]))
    if not language.common:
        return
    asked = _asked(question, sentences[0].text if sentences else "", language, rarity)
    for number, sentence in enumerate(sentences):
        row = _Row(sentence.text, asked)
        behind = (sentence.score - sentences[0].score) / 3
        for start, end in row.runs():
            text = sentence.text[row.words[start].start() : row.words[end - 1].end()]
            yield Run(text, number, start, end, row.facts(start, end)._replace(behind=behind))


@dataclass(frozen=True, slots=True)
class _Asked:
    terms: Mapping[str, float]
    """Term -> its share of the question's rarity."""
    kind: Kind | None
    noun: str
    code: str
    language: Language
    rarity: Rarity


def _asked(question: str, text: str, language: Language, rarity: Rarity) -> _Asked:
    code = language_of(text, "en")
    weights = {term: rarity(term) for term in terms(question, code).main.split()}
    total = sum(weights.values()) or 1.0
    noun = _ASKED_NOUN.search(question)
    return _Asked(
        {term: weight / total for term, weight in weights.items()},
        asked_kind(tokens(question, language)),
        terms(noun[1], code).main if noun else "",
        code, language, rarity,
    )  # fmt: skip


class _Row:
    """A sentence as words and marks."""

    def __init__(self, sentence: str, asked: _Asked) -> None:
        language = asked.language
        self.words = list(_WORD.finditer(sentence))
        self._asked, self._language = asked, language
        self._low = [word[0].casefold() for word in self.words]
        small = language.common | language.articles | language.auxiliaries | language.prepositions
        self._is_mark = [re.match(r"[^\w$€£¥]", word[0]) is not None for word in self.words]
        self._is_small = [word in small for word in self._low]
        self._terms = [terms(word[0], asked.code).main.partition(" ")[0] for word in self.words]
        self._shares = [
            0.0 if is_small else asked.terms.get(term, 0.0)
            for term, is_small in zip(self._terms, self._is_small, strict=True)
        ]
        self._rarity = [asked.rarity(term) if term else 0.0 for term in self._terms]
        self._kinds = [self._kind(n) for n in range(len(self.words))]
        self._near = [
            sum(s / (1 + abs(n - m)) for m, s in enumerate(self._shares) if s and m != n)
            for n in range(len(self.words))
        ]

    def _kind(self, n: int) -> Kind | None:
        if self._is_mark[n] or (n == 0 and self._is_small[0]):
            return None
        row = tokens(self.words[n][0], self._language)
        return kind_of(row[0], self._language) if row else None

    def _is_content(self, n: int) -> bool:
        return 0 <= n < len(self.words) and not self._is_mark[n] and not self._is_small[n]

    def runs(self) -> Iterator[tuple[int, int]]:
        """(first, end): none ends with a mark, a function word or a number of what follows; none goes
        beyond a clause."""
        for start in range(len(self.words)):
            if self._is_mark[start] and self.words[start][0] not in _OPENING:
                continue
            if self._asked.kind == "name" and self._low[start] in self._language.prepositions:
                continue  # "by Anna Brask"
            for end in range(start + 1, min(len(self.words), start + LONGEST) + 1):
                last = self.words[end - 1][0]
                if end - 1 > start and last in _BREAKS:
                    break
                is_end = self._is_content(end - 1) or (last in _CLOSING and end - start > 2)
                is_end = is_end and not self._parts_number(end)
                if is_end and _is_balanced(self._low[start:end]):
                    yield start, end

    def _parts_number(self, end: int) -> bool:
        """Whether `end` parts a number from what it counts, unless the question says that."""
        return self._kinds[end - 1] == "number" and self._cuts(end)

    def facts(self, start: int, end: int) -> Facts:
        """`behind` is left at 0."""
        inside, asked = range(start, end), self._asked
        content = [n for n in inside if self._is_content(n)] or [start]
        kinds = [self._kinds[n] for n in content]
        repeated = [self._shares[n] > 0 for n in content]
        length = min(end - start, 10) / 5
        low = self._low[start:end]
        is_value = asked.kind in ("time", "number")
        return Facts(
            behind=0.0,
            kind=float(asked.kind is not None and asked.kind in kinds),
            lacks_kind=float(asked.kind is not None and asked.kind not in kinds),
            name=float(asked.kind is None and None not in kinds),
            length=length,
            length_of_value=length * is_value,
            length_of_name=length * (asked.kind == "name"),
            asked=sum(self._shares[n] for n in inside),
            repeated=sum(repeated) / len(content),
            only_asked=float(all(repeated)),
            near=max(self._near[start], self._near[end - 1]),
            amid=sum(self._near[n] for n in content) / len(content),
            rarity=sum(self._rarity[n] for n in content) / len(content) / 5,
            prepositions=sum(word in self._language.prepositions for word in low[1:]) / 2,
            verb=float(not self._language.auxiliaries.isdisjoint(low)),
            comma=float("," in low),
            cuts_name=float(self._is_name(start - 1, start)) + self._is_name(end - 1, end),
            cuts_words=float(self._cuts(start - 1)) + self._cuts(end),
            begins_small=float(self._is_small[start] and low[0] not in self._language.articles),
            to_end=float(end == len(self.words) or self.words[end][0] in _BREAKS),
            noun=float(bool(asked.noun) and asked.noun in self._terms[end - 1 : end + 1]),
        )

    def _is_name(self, one: int, other: int) -> bool:
        """Whether two neighbours are parts of one name."""
        return all(0 <= n < len(self.words) and self._kinds[n] == "name" for n in (one, other))

    def _cuts(self, beside: int) -> bool:
        return self._is_content(beside) and not self._shares[beside]


def _is_balanced(words: Sequence[str]) -> bool:
    return all(words.count(opening) == words.count(closing) for opening, closing in _PAIRS)
