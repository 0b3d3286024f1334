"""A question -> the passages it is best answered from: BM25 over words, by SQLite's FTS5.

Okapi BM25 (k1 = 1.2, b = 0.75) over headings and text, English words by their stem, accents folded.
Words that stand in a large share of all passages leave the query: they say nothing, and cost most.
"""

import re
import sqlite3
from collections.abc import Iterable

from localcollab.documents import rows
from localcollab.documents.records import Hit

FREQUENT = 0.25
"""A word in more than this share of the passages leaves the query, if another one stays."""
_FEW = 100
"""In this many passages no word is frequent yet."""
_MOST_WORDS = 64
"""Of a long query (a pasted text), the rarest ones search."""
_WORD = re.compile(r"[^\W_]+")

_BEST = """SELECT rowid AS id, -rank AS score FROM words WHERE words MATCH ?
    ORDER BY rank, rowid LIMIT ?"""
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"


def search(connection: sqlite3.Connection, query: str, n: int) -> list[Hit]:
    """Inside a transaction. Passages that hold any of the query's words, the best first."""
    words = telling_words(connection, query)
    if not words or n < 1:
        return []
    return hits(connection, connection.execute(_BEST, (_any_of(words), n)).fetchall())


def hits(connection: sqlite3.Connection, ranked: Iterable[sqlite3.Row]) -> list[Hit]:
    """`ranked`: rows of id and score, in the order they are returned in."""
    scores = {row["id"]: row["score"] for row in ranked}
    marks = ",".join("?" * len(scores))
    found = connection.execute(f"{rows.PASSAGE} WHERE p.id IN ({marks})", tuple(scores)).fetchall()
    passages = {passage.id: passage for passage in rows.to_passages(connection, found)}
    return [Hit(passages[id_], score) for id_, score in scores.items()]


def telling_words(connection: sqlite3.Connection, query: str) -> list[str]:
    """The query's words without the very frequent and the unknown ones; rarest first."""
    (n_passages,) = connection.execute("SELECT count(*) FROM passages").fetchone()
    most = n_passages if n_passages <= _FEW else int(FREQUENT * n_passages)
    words = dict.fromkeys(word.lower() for word in _WORD.findall(query))
    counts = {word: _count(connection, word, most + 1) for word in words}
    known = sorted((word for word in counts if counts[word]), key=lambda word: counts[word])
    telling = [word for word in known if counts[word] <= most]
    return (telling or known)[:_MOST_WORDS]


def _count(connection: sqlite3.Connection, word: str, most: int) -> int:
    return int(connection.execute(_COUNT, (_any_of([word]), most)).fetchone()[0])


def _any_of(words: Iterable[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)
