"""Finds the passages that best answer a question: BM25 over the terms of its words, by SQLite's FTS5.

Okapi BM25 (k1 = 1.2, b = 0.75) over headings and text. Words are compared as `terms` cuts, folds and
stems them, by every language of the collection. Words that occur in a large share of all passages
are dropped from the query: they say little and cost most. A passage's score also gets small shares for
neighbouring words of the question that occur close together in it, for compounds with a word of the
question, and of the scores of the passages before and after it. `scripts/experiments/retrieval.py`
measures what they are worth. Where passages have vectors (`vectors`), both rankings are fused.
"""

import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from localcollab.documents import store
from localcollab.documents.records import Hit
from localcollab.documents.search.vectors import fuse
from localcollab.terms import terms
from localcollab.terms.terms import (
    COMPOUNDING,
    MAIN,
    SUFFIXING,
    Word,
    beginnings_of,
    compounds_of,
    parts_of,
    phrases,
)

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
_COMPOUND_SHARE = 0.3
"""The share of the score of compounds that begin or end with a word of the question, and of words that
begin alike."""
_WELL_COVERED = 0.5
"""From this share of the question's words in the first passage on, words count as much as vectors."""
_MOST_LANGUAGES = 6
"""Languages of most passages, whose stems a query is searched by."""

_RANKED = "SELECT rowid, -rank FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?"
_IN_ONE = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"

Scores = dict[int, float]
"""Of passages, by id."""


@dataclass(frozen=True, slots=True)
class Query:
    words: Sequence[Word]
    """The informative words, rarest first."""
    neighbours: Sequence[tuple[Word, Word]]
    """Informative words that follow one another in the question."""
    compounds: Sequence[str] = ()
    """FTS5 phrases of longer words with one of these words."""


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
    found = score(connection, query, n_candidates) if n > 0 else {}
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    if near is not None and n > 0:
        weight = _trust(_covered(connection, text, ranked[0][0])) if ranked else 0.0
        by_words = [id_ for id_, _ in ranked]
        ranked = list(fuse([by_words, near(n_candidates)], [weight, 1.0]).items())
    return hits(connection, ranked[:n]) if ranked else []


def score(connection: sqlite3.Connection, query: Query, n: int) -> Scores:
    """The `n` best by their own words, with the shares for closeness, compounds and neighbours added."""
    scores = _ranked(connection, _any_of(query.words), n)
    close = _ranked(connection, _close(query.neighbours), 10 * n)
    scores = {id_: own + _NEAR_SHARE * close.get(id_, 0.0) for id_, own in scores.items()}
    for id_, each in _ranked(connection, " OR ".join(query.compounds), n).items():
        scores[id_] = scores.get(id_, 0.0) + _COMPOUND_SHARE * each
    return _with_surroundings(connection, scores)


def _close(neighbours: Iterable[tuple[Word, Word]]) -> str:
    return " OR ".join(f"{MAIN} : NEAR({a.forms[0]} {b.forms[0]}, {_NEAR})" for a, b in neighbours)


def hits(connection: sqlite3.Connection, ranked: Iterable[tuple[int, float]]) -> list[Hit]:
    """In the given order."""
    scores = dict(ranked)
    marks = ",".join("?" * len(scores))
    found = connection.execute(f"{store.PASSAGE} WHERE p.id IN ({marks})", tuple(scores)).fetchall()
    passages = {passage.id: passage for passage in store.to_passages(connection, found)}
    return [Hit(passages[id_], each) for id_, each in scores.items()]


def to_query(connection: sqlite3.Connection, text: str) -> Query:
    """Without frequent words, unless all are, and without words that occur nowhere."""
    languages = _languages(connection)
    n_passages = sum(languages.values())
    most = n_passages if n_passages <= _FEW else int(FREQUENT * n_passages)
    spoken = terms.words(text, list(languages)[:_MOST_LANGUAGES])[:_MOST_SPOKEN]
    counts = _counts(connection, spoken, most)
    if len(spoken) > 1 and not any(counts.values()) and all(word.is_dense for word in spoken):
        spoken = terms.characters(text)[:_MOST_SPOKEN]
        counts = _counts(connection, spoken, most)
    known = sorted((word for word in counts if counts[word]), key=lambda word: counts[word])
    telling = [word for word in known if counts[word] <= most] or known
    telling = _affordable(telling, counts)[:_MOST_WORDS]
    following = [word for word in spoken if word in set(telling)]
    pairs = dict.fromkeys(pairwise(following))
    rare = [word for word in counts if counts[word] <= most][:_MOST_WORDS]
    return Query(
        telling,
        [pair for pair in pairs if pair[0] != pair[1]][:_MOST_WORDS],
        _compounds(
            connection, rare, [each for each in languages if each in COMPOUNDING | SUFFIXING], most
        ),
    )


def _counts(connection: sqlite3.Connection, words: Iterable[Word], most: int) -> dict[Word, int]:
    """Passages with each word, up to one more than `most`."""
    return {word: _count(connection, word.query, most + 1) for word in dict.fromkeys(words)}


def _compounds(
    connection: sqlite3.Connection, words: Sequence[Word], languages: Sequence[str], most: int
) -> list[str]:
    """Phrases of compounds with one of the words, of the two parts of those that are compounds, and of
    words that begin alike."""
    found = []
    for word in words if languages else ():
        longer = [*compounds_of(word, languages), *beginnings_of(word, languages)]
        found += [phrase for phrase in longer if 0 < _count(connection, phrase, most + 1) <= most]
        for parts in parts_of(word, [each for each in languages if each in COMPOUNDING]):
            if all(0 < _count(connection, part, most + 1) <= most for part in parts):
                found += parts
                break
    return list(dict.fromkeys(found))


def _languages(connection: sqlite3.Connection) -> dict[str, int]:
    """Language -> number of passages, those of most passages first."""
    found = connection.execute(
        "SELECT language, n_passages FROM languages WHERE n_passages > 0"
        " ORDER BY n_passages DESC, language"
    )
    return {row["language"]: row["n_passages"] for row in found}


def _affordable(words: Sequence[Word], counts: Mapping[Word, int]) -> list[Word]:
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
    languages = list(_languages(connection))[:_MOST_LANGUAGES]
    return any(_count(connection, phrase, 1) for phrase in phrases(word, languages))


def _trust(covered: float) -> float:
    """The weight of the ranking by words beside that by vectors."""
    return min(1.0, covered / _WELL_COVERED) ** 2


def _covered(connection: sqlite3.Connection, text: str, id_: int) -> float:
    """The share of the question's words that a passage has, 0 to 1, by their rarity."""
    languages = _languages(connection)
    n_passages = sum(languages.values())
    spoken = terms.words(text, list(languages)[:_MOST_LANGUAGES])[:_MOST_WORDS]
    counts = _counts(connection, spoken, n_passages)
    weights = {word: math.log((n_passages + 1) / (n + 0.5)) for word, n in counts.items()}
    there = sum(weight for word, weight in weights.items() if _is_in(connection, word.query, id_))
    return max(0.0, there) / max(1e-9, sum(weights.values()))


def _is_in(connection: sqlite3.Connection, query: str, id_: int) -> bool:
    found = connection.execute(_IN_ONE, (query, id_))
    return found.fetchone() is not None


def rarity(connection: sqlite3.Connection, term: str) -> float:
    """Inverse document frequency of a term of the index, at least 0."""
    n_passages = sum(_languages(connection).values())
    n_with = _count(connection, f'{MAIN} : "{term}"', n_passages + 1)
    return math.log((n_passages + 1) / (n_with + 0.5)) if n_with <= n_passages else 0.0


def _ranked(connection: sqlite3.Connection, query: str, n: int) -> Scores:
    found = connection.execute(_RANKED, (query, n)) if query else ()
    return {row[0]: row[1] for row in found}


def _count(connection: sqlite3.Connection, query: str, most: int) -> int:
    return int(connection.execute(_COUNT, (query, most)).fetchone()[0])


def _any_of(words: Iterable[Word]) -> str:
    return " OR ".join(word.query for word in words)
