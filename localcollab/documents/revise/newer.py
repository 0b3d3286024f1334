"""What a newer passage states, in plainer words too, and which value it gives instead of an older one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.source import Source, read_source, supporting
from localcollab.documents.records import Passage
from localcollab.documents.revise.facts import DEFINITE, Fact
from localcollab.documents.revise.values import Value, names, values
from localcollab.documents.revise.wordings import Wording, wordings

_MOST_WORDINGS = 8
_MOST_CANDIDATES = 24
_SHARED = 0.8
"""The share of a claim's words that a passage must have, before it is read closely."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_PREFIX = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """The values that a passage gives instead of those of a fact."""

    new: Mapping[Value, str]
    """Old value -> new text; empty: the passage states the fact as it is."""
    quote: tuple[int, int]
    """The sentence that says so, in the passage's text."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A passage with each sentence in one wording."""

    source: Source
    sentences: tuple[tuple[Wording, tuple[int, int]], ...]
    """Of each sentence of the source its wording, and its place in the passage."""


class Newer:
    """One passage of a newer document, read once for all facts."""

    def __init__(self, passage: Passage, context: str) -> None:
        """`context`: heading and title."""
        self.passage, self._context = passage, context

    def may_state(self, fact: Fact) -> bool:
        """A quick look: most words of the fact's shortest claim occur."""
        claims = fact.claims(dict.fromkeys(fact.values[:1], ""))
        free = fact.language.common | DEFINITE
        words = {w[:_PREFIX] for w in _words(min(claims, key=len)) if w not in free}
        return len(words & self._starts) >= _SHARED * len(words)

    def states(self, fact: Fact, value: Value) -> bool:
        """Whether it says the same."""
        return self.holds(fact.claims({value: value.text}))

    def holds(self, claims: Sequence[str]) -> bool:
        return any(self._find(claims, reading) is not None for reading in self._readings)

    def answers(self, fact: Fact, value: Value) -> Iterator[Answer]:
        """Another value instead of this one."""
        for reading in self._readings:
            yield from self._of_one(fact, value, reading)

    def answers_to_all(self, fact: Fact) -> Iterator[Answer]:
        """Other values instead of two or more."""
        for reading in self._readings:
            yield from self._of_all(fact, reading)

    @cached_property
    def _starts(self) -> frozenset[str]:
        text = f"{self._context} {self.passage.text}"
        return frozenset(word[:_PREFIX] for word in _words(text))

    @cached_property
    def _readings(self) -> list[_Reading]:
        text = self.passage.text
        language = language_of(text)
        source = read_source(text, self._context, language)
        spans = [(each.start, each.end) for each in source.sentences]
        said = [
            wordings(text[start:end], each.language)[:_MOST_WORDINGS]
            for (start, end), each in zip(spans, source.sentences, strict=True)
        ]
        readings = []
        for n in range(max(map(len, said), default=0)):
            made = _reworded(text, spans, [each[min(n, len(each) - 1)] for each in said])
            reading = read_source(made, self._context, language)
            # A wording that is cut into other sentences is left out.
            if len(reading.sentences) == len(spans):
                chosen = [each[min(n, len(each) - 1)] for each in said]
                readings.append(_Reading(reading, tuple(zip(chosen, spans, strict=True))))
        return readings

    def _find(
        self, claims: Sequence[str], reading: _Reading
    ) -> tuple[Wording, tuple[int, int]] | None:
        for claim in claims:
            found = supporting(claim, reading.source)
            if found is not None:
                return reading.sentences[reading.source.sentences.index(found)]
        return None

    def _of_one(self, fact: Fact, value: Value, reading: _Reading) -> Iterator[Answer]:
        for text in _candidates(value, reading, fact):
            found = self._find(fact.claims({value: text}), reading)
            if found is None:
                continue
            wording, quote = found
            new = _with_since({value: text}, fact, wording)
            if new and _was(value, wording, fact):
                yield Answer(new, quote)

    def _of_all(self, fact: Fact, reading: _Reading) -> Iterator[Answer]:
        """All values at once, where a sentence has as many of the same kinds in the same order."""
        since = fact.since()
        for wording, _ in reading.sentences:
            theirs = [v for v in _all_values(wording.text, fact) if v.kind != "name"]
            mine = [v for v in fact.values if v.kind != "name"]
            pairs = list(zip(mine, theirs, strict=False))
            differ = [(old, new) for old, new in pairs if not old.is_same(new)]
            are_alike = len(mine) == len(theirs) and all(old.is_like(new) for old, new in pairs)
            if not are_alike or len(differ) < 2:
                continue
            if any(old.kind not in ("number", "contact") and old != since for old, _ in differ):
                continue
            new = {old: old.styled(each) for old, each in differ}
            found = self._find(fact.claims(new), reading)
            if found is not None:
                yield Answer(new, found[1])


def _candidates(value: Value, reading: _Reading, fact: Fact) -> list[str]:
    """How the value would read instead, each once."""
    found: dict[str, None] = {}
    for wording, _ in reading.sentences:
        for other in _all_values(wording.text, fact):
            if value.is_like(other) and not value.is_same(other):
                found[value.styled(other)] = None
    return list(found)[:_MOST_CANDIDATES]


def _all_values(text: str, fact: Fact) -> Iterator[Value]:
    language = fact.language
    yield from values(text, language)
    for name in names(text):
        first, _, rest = name.text.partition(" ")
        if first.casefold() in language.articles | language.common | language.prepositions:
            if rest:
                at = name.start + len(first) + 1
                yield Value(at, name.end, rest, "name")
        else:
            yield name


def _with_since(
    new: Mapping[Value, str], fact: Fact, wording: Wording
) -> Mapping[Value, str] | None:
    """With the new date from which it holds, where the fact has one; None where none is said."""
    since = fact.since()
    if since is None and fact.said_since():
        return None
    if since is None or since in new:
        return new
    return {**new, since: wording.since} if wording.since else None


def _was(value: Value, wording: Wording, fact: Fact) -> bool:
    """Whether the sentence says no other old value: "was raised from 900 to 1,000 euros"."""
    if not wording.old:
        return True
    stated = [v for v in _all_values(wording.old, fact) if v.kind == value.kind]
    return any(
        value.is_same(v)
        or (
            v.kind == "number"
            and not v.number.unit.dimension
            and value.number.values & v.number.values
        )
        for v in stated
    )


def _reworded(text: str, spans: Sequence[tuple[int, int]], said: Sequence[Wording]) -> str:
    made, at = "", 0
    for (start, end), wording in zip(spans, said, strict=True):
        made += text[at:start] + wording.text
        at = end
    return made + text[at:]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
