"""Full-text search: turns any text a user types into a valid query, in any script."""

import json
import sqlite3
from collections.abc import Sequence

from localcollab.history import rows
from localcollab.history.records import Hit
from localcollab.history.snippet import excerpt, snippet
from localcollab.storage.sqlite import require_types
from localcollab.terms.terms import plain_phrase

RANKED = 1000
"""Ranking takes time per match."""
_MOST_WORDS = 32
"""A longer text, such as a pasted passage, is searched for literally."""
_BEST = """SELECT id, score FROM (
        SELECT rowid AS id, bm25(words) AS score FROM words WHERE words MATCH :query
        ORDER BY rowid DESC LIMIT :ranked
    ) ORDER BY score, id DESC LIMIT :limit"""
_FOUND = """SELECT m.id, m.conversation, m.role, m.created, m.text, c.title
    FROM messages m JOIN conversations c ON c.id = m.conversation """
_BY_IDS = _FOUND + "WHERE m.id IN (SELECT value FROM json_each(:ids))"
_BY_PASSAGE = _FOUND + "WHERE instr(m.text, :text) ORDER BY m.created DESC, m.id DESC LIMIT :limit"


def search(connection: sqlite3.Connection, text: str, limit: int) -> tuple[Hit, ...]:
    """Best first, then newest; of more than `RANKED` matches, the newest `RANKED` are ranked.

    Finds messages that contain every word, as a prefix; of a script without blanks, every part between
    blanks. If there are no words or too many (symbols, emoji, a pasted passage), finds messages that
    contain the text literally.
    """
    rows.checked("the search text", text)
    text = text.strip()
    if not text:
        return ()
    phrases = to_phrases(text)
    found = _by_words(connection, phrases, limit) if phrases else ()
    if found or (phrases and text.isascii()):
        return found
    return _by_passage(connection, text, limit)


def _by_words(
    connection: sqlite3.Connection, phrases: Sequence[Sequence[str]], limit: int
) -> tuple[Hit, ...]:
    query = " ".join(f'"{" ".join(phrase)}" *' for phrase in phrases)
    values = {"query": query, "ranked": RANKED, "limit": limit}
    scores = {row["id"]: row["score"] for row in connection.execute(_BEST, values)}
    found = connection.execute(_BY_IDS, {"ids": json.dumps(list(scores))}).fetchall()
    found.sort(key=lambda row: (scores[row["id"]], -row["created"], -row["id"]))
    return tuple(_hit(row, *snippet(row["text"], phrases)) for row in found)


def _by_passage(connection: sqlite3.Connection, text: str, limit: int) -> tuple[Hit, ...]:
    found = connection.execute(_BY_PASSAGE, {"text": text, "limit": limit}).fetchall()
    return tuple(_hit(row, *excerpt(row["text"], text)) for row in found)


def to_phrases(text: str) -> list[list[str]]:
    """The terms of each word; none if there are no words, or too many."""
    phrases = [terms for word in text.split() if (terms := plain_phrase(word))]
    return phrases if len(phrases) <= _MOST_WORDS else []


def _hit(row: sqlite3.Row, shown: str, marks: tuple[tuple[int, int], ...]) -> Hit:
    require_types(
        row,
        {"conversation": str, "title": str, "id": int, "role": str, "created": int, "text": str},
    )
    return Hit(
        conversation=row["conversation"],
        title=row["title"],
        message=row["id"],
        role=row["role"],
        created=rows.moment(row["created"]),
        snippet=shown,
        marks=marks,
    )
