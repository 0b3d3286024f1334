"""A file and a collection -> the changes that newer documents ask for.

The newest document that speaks of a fact decides: it states it as it is, or gives one other value, or
leaves doubt, and then nothing is proposed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from localcollab.documents.checking.language import words_of
from localcollab.documents.collection import Collection
from localcollab.documents.ingest.split import split
from localcollab.documents.parsing.limits import DEFAULT_LIMITS, Limits
from localcollab.documents.parsing.reader import Reader, Task
from localcollab.documents.records import Document, Passage, Piece
from localcollab.documents.revise.dating import Dated, dated, mtime_ns
from localcollab.documents.revise.facts import Fact, facts
from localcollab.documents.revise.identity import (
    Identity,
    are_related,
    headings_agree,
    identity,
    may_be_same,
)
from localcollab.documents.revise.newer import Answer, Newer
from localcollab.documents.revise.values import Kind
from localcollab.errors import BadOption

_N_PASSAGES = 40
"""Passages of the collection that are looked at for one sentence."""
_VOID = words_of(
    "example examples sample template previous former history archive archived old outdated superseded"
    " beispiel beispiele muster vorlage früher archiv alt veraltet exemple modèle ancien ejemplo"
    " plantilla antiguo esempio modello vecchio"
)
"""Words of a heading, or a file's name, under which nothing is stated of now."""
_OFTEN = words_of("of the for in")
_LEAST_WORDS = 2

Found = tuple[tuple[Newer, Dated], Answer]
OnCompared = Callable[[int, int], None]
"""`on_compared(done, total)`, in sentences that hold a value."""


@dataclass(frozen=True, slots=True)
class Change:
    start: int
    end: int
    """Characters of the file's text: [start, end)."""
    old: str
    new: str
    kind: Kind
    passage: Passage
    quote: tuple[int, int]
    """The sentence of the passage's text that says so."""
    dated: Dated
    """Of the passage's document."""


@dataclass(frozen=True, slots=True)
class File:
    """The file that is revised, as it is read."""

    path: Path
    format: str
    sha256: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Revision:
    file: File
    dated: Dated
    changes: tuple[Change, ...]
    """By their place; no two overlap."""
    n_compared: int
    """Sentences with a value that may have changed."""
    n_newer: int
    """Documents of the collection that are newer than the file."""

    def revised(self) -> str:
        """The file's text with all changes."""
        old, text, at = self.file.text, "", 0
        for change in self.changes:
            text += old[at : change.start] + change.new
            at = change.end
        return text + old[at:]


def revise(
    path: Path,
    collection: Collection,
    *,
    date: Dated | None = None,
    limits: Limits = DEFAULT_LIMITS,
    on_compared: OnCompared | None = None,
) -> Revision:
    """`date`: of the file; None: what it or its file says. Raises `BadOption` for one without text."""
    with Reader(limits) as reader:
        ((_, parsed),) = reader.read([Task(path)])
    if parsed.status != "indexed":
        raise BadOption(f"{path} cannot be revised: {parsed.error or parsed.status}")
    file = File(path, parsed.format, parsed.sha256, tuple(split(parsed.sections)))
    return revise_file(file, collection, date=date, on_compared=on_compared)


def revise_file(
    file: File,
    collection: Collection,
    *,
    date: Dated | None = None,
    on_compared: OnCompared | None = None,
) -> Revision:
    """`revise`, of a file that is read."""
    date = date or dated(file.text, file.path, mtime_ns(file.path))
    library, mine = _Library(collection, file, date), _Mine(file)
    found = list(facts(file.pieces))
    changes: list[Change] = []
    for n, fact in enumerate(found):
        if on_compared is not None:
            on_compared(n, len(found))
        changes += library.changes(fact, mine)
    if on_compared is not None:
        on_compared(len(found), len(found))
    return Revision(file, date, _apart(changes), len(found), library.n_newer)


def _apart(changes: Iterable[Change]) -> tuple[Change, ...]:
    """By place; of those that overlap the first."""
    kept: list[Change] = []
    for change in sorted(changes, key=lambda change: (change.start, change.end)):
        if not kept or change.start >= kept[-1].end:
            kept.append(change)
    return tuple(kept)


class _Mine:
    """The file that is revised: what it is about, and what else it states."""

    def __init__(self, file: File) -> None:
        pieces = file.pieces
        first = pieces[0] if pieces else Piece(None, "", 0, 0, "")
        self.identity = identity(file.path.stem, first.heading, first.text)
        document = Document(0, file.path, "", "", 0, "indexed", "", len(pieces))
        self._passages = [
            Newer(Passage(0, document, n, p.page, p.heading, p.start, p.end, p.text), p.heading)
            for n, p in enumerate(pieces)
        ]

    def states(self, fact: Fact, answer: Answer) -> bool:
        """Whether it holds the new value elsewhere already, as of a sibling."""
        claims = fact.claims(answer.new)
        return any(passage.holds(claims) for passage in self._passages if passage.may_state(fact))


class _Library:
    """The documents of a collection that are newer than the file."""

    def __init__(self, collection: Collection, file: File, date: Dated) -> None:
        self._collection = collection
        self._passages: dict[int, Newer] = {}
        self._identities: dict[int, Identity] = {}
        self._newer: dict[int, Dated] = {}
        for document in collection.documents():
            is_itself = document.path == file.path or document.sha256 == file.sha256
            if is_itself or not document.n_passages:
                continue
            when = dated(self._beginning(document)[1], document.path, mtime_ns(document.path))
            if when.is_newer_than(date):
                self._newer[document.id] = when

    @property
    def n_newer(self) -> int:
        return len(self._newer)

    def changes(self, fact: Fact, mine: _Mine) -> Iterator[Change]:
        """Of one fact; none in doubt."""
        speaking = self._speaking(fact, mine) if self._newer else []
        decided = False
        for value in fact.values:
            stated = partial(Newer.states, fact=fact, value=value)
            found = _newest(speaking, stated, partial(Newer.answers, fact=fact, value=value))
            decided = decided or found is not None
            yield from self._as_changes(fact, mine, found or [])
        if len(fact.values) > 1 and not decided:
            to_all = _newest(speaking, lambda _: False, partial(Newer.answers_to_all, fact=fact))
            yield from self._as_changes(fact, mine, to_all or [])

    def _as_changes(self, fact: Fact, mine: _Mine, found: Sequence[Found]) -> Iterator[Change]:
        """None where they differ, or the file holds the new value elsewhere, as of a sibling."""
        said = {tuple(sorted((v.start, t) for v, t in a.new.items())) for _, a in found}
        if len(said) != 1 or mine.states(fact, found[0][1]):
            return
        (source, when), answer = found[0]
        for value, new in answer.new.items():
            yield Change(
                fact.start + value.start, fact.start + value.end, value.text, new, value.kind,
                source.passage, answer.quote, when,
            )  # fmt: skip

    def _speaking(self, fact: Fact, mine: _Mine) -> list[tuple[Newer, Dated]]:
        """Passages that may state the fact, those of the newest document first."""
        found = []
        for hit in self._collection.search(fact.said, _N_PASSAGES):
            document = hit.passage.document
            if document.id not in self._newer:
                continue
            newer = self._passages.setdefault(
                hit.passage.id, Newer(hit.passage, f"{hit.passage.heading}\n{document.path.stem}")
            )
            if self._is_of_the_same(fact, mine, hit.passage) and newer.may_state(fact):
                found.append((newer, self._newer[document.id]))
        return sorted(found, key=lambda each: each[1].start, reverse=True)

    def _is_of_the_same(self, fact: Fact, mine: _Mine, passage: Passage) -> bool:
        if _VOID.intersection(_words(f"{passage.heading} {passage.document.path.stem}")):
            return False
        theirs = self._identity(passage.document)
        if not may_be_same(mine.identity, theirs):
            return False
        if not headings_agree(fact.heading, passage.heading):
            return False
        return not _is_vague(fact) or are_related(mine.identity, theirs)

    def _identity(self, document: Document) -> Identity:
        if document.id not in self._identities:
            heading, text = self._beginning(document)
            self._identities[document.id] = identity(document.path.stem, heading, text)
        return self._identities[document.id]

    def _beginning(self, document: Document) -> tuple[str, str]:
        """Heading and text of its first passage; nothing of one that was removed in the meantime."""
        passages = self._collection.passages(document)
        return (passages[0].heading, passages[0].text) if passages else ("", "")


def _newest(
    speaking: Sequence[tuple[Newer, Dated]],
    states: Callable[[Newer], bool],
    answers: Callable[[Newer], Iterable[Answer]],
) -> list[Found] | None:
    """What the newest documents that decide say instead; empty: they state the fact as it is, None: none
    decides. `speaking`: the newest first."""
    for _, group in groupby(speaking, key=lambda each: each[1].start):
        same_date = list(group)
        if any(states(newer) for newer, _ in same_date):
            return []
        if found := [(each, answer) for each in same_date for answer in answers(each[0])]:
            return found
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())


def _is_vague(fact: Fact) -> bool:
    """Whether a line `key: value` says too little of what it is about: "Phone: ..."."""
    if not fact.is_key:
        return False
    key = _words(fact.text.partition(":")[0])
    return len([word for word in key if word not in _OFTEN]) < _LEAST_WORDS
