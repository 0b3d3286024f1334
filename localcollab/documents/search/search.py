"""Finds the passages that best answer a question: BM25 over words, by SQLite's FTS5.

Okapi BM25 (k1 = 1.2, b = 0.75) over headings and text. Words that occur in a large share of all passages
are dropped from the query: they say little and cost most. A passage's score also gets small shares for
neighbouring words of the question that occur close together in it, and of the scores of the passages
before and after it. `scripts/experiments/retrieval.py` measures what both are worth. Where
passages have vectors (`vectors`), their ranking and this one are fused.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise

from localcollab.documents import store
from localcollab.documents.records import Hit
from localcollab.documents.search.vectors import fuse

FREQUENT = 0.25
"""A word in more than this share of the passages is dropped, if another word remains."""
_FEW = 100
"""In collections of up to this many passages no word is frequent."""
_MOST_SPOKEN = 2000
"""Words of a pasted text that are considered."""
_MOST_WORDS = 64
_MOST_PLACES = 30_000
"""The rarest words search, at least two, as long as they occur in no more passages than this together. It
bounds the time of a query."""
_CANDIDATES = 100
"""Passages that are scored more closely."""
_NEAR, _NEAR_SHARE = 2, 0.15
"""Maximum words between two words of the question; the share of their score."""
_BESIDE_SHARE = 0.15
"""The share of the scores of the passages before and after."""
_WORD = re.compile(r"[^\W_]+")

_RANKED = "SELECT rowid, -rank FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"

Scores = dict[int, float]
"""Of passages, by id."""


@dataclass(frozen=True, slots=True)
class Query:
    words: Sequence[str]
    """The informative words, rarest first."""
    neighbours: Sequence[tuple[str, str]]
    """Informative words that follow one another in the question."""


def search(
    connection: sqlite3.Connection,
    text: str,
    n: int,
    near: Callable[[int], Sequence[int]] | None = None,
) -> list[Hit]:
    """Inside a transaction. Passages that contain any word of the query, best first.

    `near(n)`: ids of the passages whose vectors are nearest; both rankings are then fused.
    """
    query = to_query(connection, text)
    n_candidates = max(n, _CANDIDATES)
    found = score(connection, query, n_candidates) if query.words and n > 0 else {}
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    if near is not None and n > 0:
        ranked = list(fuse([[id_ for id_, _ in ranked], near(n_candidates)]).items())
    return hits(connection, ranked[:n]) if ranked else []


def score(connection: sqlite3.Connection, query: Query, n: int) -> Scores:
    """The `n` best by their own words, with the shares for closeness and neighbours added."""
    own = _ranked(connection, _any_of(query.words), n)
    near = [f'NEAR("{a}" "{b}", {_NEAR})' for a, b in query.neighbours]
    close = _ranked(connection, " OR ".join(near), 10 * n) if near else {}
    return _with_surroundings(
        connection, {id_: each + _NEAR_SHARE * close.get(id_, 0.0) for id_, each in own.items()}
    )


def hits(connection: sqlite3.Connection, ranked: Iterable[tuple[int, float]]) -> list[Hit]:
    """In the given order."""
    scores = dict(ranked)
    marks = ",".join("?" * len(scores))
    found = connection.execute(f"{store.PASSAGE} WHERE p.id IN ({marks})", tuple(scores)).fetchall()
    passages = {passage.id: passage for passage in store.to_passages(connection, found)}
    return [Hit(passages[id_], each) for id_, each in scores.items()]


def to_query(connection: sqlite3.Connection, text: str) -> Query:
    """Without frequent words, unless all are, and without words that occur nowhere."""
    (n_passages,) = connection.execute("SELECT count(*) FROM passages").fetchone()
    most = n_passages if n_passages <= _FEW else int(FREQUENT * n_passages)
    spoken = [word.lower() for word in islice(_words(text), _MOST_SPOKEN)]
    counts = {word: _count(connection, word, most + 1) for word in dict.fromkeys(spoken)}
    known = sorted((word for word in counts if counts[word]), key=lambda word: counts[word])
    telling = [word for word in known if counts[word] <= most] or known
    telling = _affordable(telling, counts)[:_MOST_WORDS]
    following = [word for word in spoken if word in set(telling)]
    pairs = dict.fromkeys(pairwise(following))
    return Query(telling, [pair for pair in pairs if pair[0] != pair[1]][:_MOST_WORDS])


def _affordable(words: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """`words`: rarest first."""
    places = accumulate(counts[word] for word in words)
    return [w for n, (w, sum_) in enumerate(zip(words, places, strict=True))
            if n < 2 or sum_ <= _MOST_PLACES]  # fmt: skip


def _with_surroundings(connection: sqlite3.Connection, scores: Mapping[int, float]) -> Scores:
    marks = ",".join("?" * len(scores))
    found = connection.execute(
        f"SELECT id, document, n FROM passages WHERE id IN ({marks})", tuple(scores)
    ).fetchall()
    at = {(row["document"], row["n"]): scores[row["id"]] for row in found}
    return {
        id_: at[document, n]
        + _BESIDE_SHARE * (at.get((document, n - 1), 0.0) + at.get((document, n + 1), 0.0))
        for id_, document, n in found
    }


def holds(connection: sqlite3.Connection, word: str) -> bool:
    """Parts of a word, as in `Anne-Marie`, must be adjacent."""
    parts = " ".join(_words(word))
    return bool(parts) and _count(connection, parts, 1) > 0


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in _WORD.finditer(text))


def _ranked(connection: sqlite3.Connection, query: str, n: int) -> Scores:
    return {row[0]: row[1] for row in connection.execute(_RANKED, (query, n))}


def _count(connection: sqlite3.Connection, word: str, most: int) -> int:
    return int(connection.execute(_COUNT, (_any_of([word]), most)).fetchone()[0])


def _any_of(words: Iterable[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)
