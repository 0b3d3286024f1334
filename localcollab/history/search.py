"""Full-text search: turns any text a user types into a valid query."""

import json
import sqlite3

from localcollab.history import rows
from localcollab.history.records import Hit
from localcollab.storage.sqlite import require_types

RANKED = 1000
"""Ranking takes time per match."""
_MOST_WORDS = 32
"""A longer text, such as a pasted passage, is searched for literally."""
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"  # noncharacters: no text should hold them
_AROUND = 40
"""Characters shown on each side of a literal match."""

_BEST = """SELECT id, score FROM (
        SELECT rowid AS id, bm25(words) AS score FROM words WHERE words MATCH :query
        ORDER BY rowid DESC LIMIT :ranked
    ) ORDER BY score, id DESC LIMIT :limit"""
_FOUND = """SELECT m.id, m.conversation, m.role, m.created, c.title, {snippet} AS snippet
    FROM {source} JOIN conversations c ON c.id = m.conversation """
# One pass over the matches: one query per row would run the search again each time.
_BY_WORDS = (
    _FOUND.format(
        snippet=f"snippet(words, 0, '{_OPEN}', '{_CLOSE}', '…', 16)",
        source="words JOIN messages m ON m.id = words.rowid",
    )
    + "WHERE words MATCH :query AND words.rowid BETWEEN :first AND :last"
    " AND +words.rowid IN (SELECT value FROM json_each(:ids))"
)
_BY_PASSAGE = (
    _FOUND.format(
        snippet="substr(m.text, max(1, instr(m.text, :text) - :around), :around * 2 + :length)",
        source="messages m",
    )
    + "WHERE instr(m.text, :text) ORDER BY m.created DESC, m.id DESC LIMIT :limit"
)


def search(connection: sqlite3.Connection, text: str, limit: int) -> tuple[Hit, ...]:
    """Best first, then newest; of more than `RANKED` matches, the newest `RANKED` are ranked.

    Finds messages that contain every word, as a prefix. If there are no words or too many (symbols,
    emoji, a pasted passage, scripts without spaces), finds messages that contain the text literally.
    """
    rows.checked("the search text", text)
    text = text.strip()
    if not text:
        return ()
    query = to_query(text)
    found = _by_words(connection, query, limit) if query else ()
    if found or (query and text.isascii()):
        return found
    return _by_passage(connection, text, limit)


def _by_words(connection: sqlite3.Connection, query: str, limit: int) -> tuple[Hit, ...]:
    values = {"query": query, "ranked": RANKED, "limit": limit}
    scores = {row["id"]: row["score"] for row in connection.execute(_BEST, values)}
    if not scores:
        return ()
    values = {
        "query": query,
        "first": min(scores),
        "last": max(scores),
        "ids": json.dumps(list(scores)),
    }
    found = connection.execute(_BY_WORDS, values).fetchall()
    found.sort(key=lambda row: (scores[row["id"]], -row["created"], -row["id"]))
    return tuple(_hit(row, *_marked(row["snippet"])) for row in found)


def _by_passage(connection: sqlite3.Connection, text: str, limit: int) -> tuple[Hit, ...]:
    values = {"text": text, "around": _AROUND, "length": len(text), "limit": limit}
    found = connection.execute(_BY_PASSAGE, values).fetchall()
    return tuple(_hit(row, row["snippet"], _places(row["snippet"], text)) for row in found)


def to_query(text: str) -> str:
    """Every word quoted, as a prefix; empty if there are none, or too many."""
    words = [word for word in text.replace("\0", " ").split() if any(map(str.isalnum, word))]
    if len(words) > _MOST_WORDS:
        return ""
    return " ".join('"' + word.replace('"', '""') + '" *' for word in words)


def _hit(row: sqlite3.Row, snippet: str, marks: tuple[tuple[int, int], ...]) -> Hit:
    require_types(
        row,
        {"conversation": str, "title": str, "id": int, "role": str, "created": int, "snippet": str},
    )
    return Hit(
        conversation=row["conversation"],
        title=row["title"],
        message=row["id"],
        role=row["role"],
        created=rows.moment(row["created"]),
        snippet=snippet,
        marks=marks,
    )


def _marked(snippet: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The snippet without the marks around its matches, and the spans they marked."""
    text, marks = "", []
    for n, part in enumerate(snippet.split(_OPEN)):
        match, closed, rest = part.partition(_CLOSE)
        if n and closed:
            marks.append((len(text), len(text) + len(match)))
        text += match + rest.replace(_CLOSE, "")
    return text, tuple(marks)


def _places(snippet: str, text: str) -> tuple[tuple[int, int], ...]:
    start = snippet.find(text)
    return ((start, start + len(text)),) if start >= 0 else ()
