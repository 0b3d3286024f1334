"""A collection's file: its tables, and how older files become newer ones."""

from pathlib import Path

from localcollab.errors import BadCollection
from localcollab.storage import sqlite

APPLICATION_ID = 0x4C434443
"""Marks the file as ours in its header ("LCDC")."""

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""Words by their English stem, without accents; applied alike to text and query in any language."""

_TABLES = (
    """CREATE TABLE sources (
        path BLOB PRIMARY KEY,       -- absolute, as the file system spells it
        is_excluded INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path BLOB NOT NULL UNIQUE,
        format TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('indexed', 'empty', 'refused', 'failed')),
        error TEXT NOT NULL,
        stamp TEXT NOT NULL          -- of the file when it was read: see `store.full_stamp`
    )""",
    """CREATE TABLE passages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        document INTEGER NOT NULL REFERENCES documents(id),
        n INTEGER NOT NULL,
        page INTEGER,
        heading TEXT NOT NULL,
        start INTEGER NOT NULL,      -- characters of the document's text
        "end" INTEGER NOT NULL,
        text TEXT NOT NULL,
        UNIQUE (document, n)
    )""",
    # The index holds no copy of the texts; the triggers tell it what to remove.
    f"""CREATE VIRTUAL TABLE words USING fts5(
        heading, text, content='passages', content_rowid='id', tokenize='{TOKENIZER}'
    )""",
    """CREATE TRIGGER words_added AFTER INSERT ON passages BEGIN
        INSERT INTO words(rowid, heading, text) VALUES (new.id, new.heading, new.text);
    END""",
    """CREATE TRIGGER words_removed AFTER DELETE ON passages BEGIN
        INSERT INTO words(words, rowid, heading, text)
        VALUES ('delete', old.id, old.heading, old.text);
    END""",
)

_VECTORS = (
    """CREATE TABLE embeddings (      -- none or one row: the encoder that the vectors are of
        path BLOB NOT NULL,
        sha256 TEXT NOT NULL,
        before_query TEXT NOT NULL,
        before_passage TEXT NOT NULL
    )""",
    """CREATE TABLE vectors (
        passage INTEGER PRIMARY KEY REFERENCES passages(id) ON DELETE CASCADE,
        vector BLOB NOT NULL           -- of length 1, in half precision, little-endian
    )""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (f"PRAGMA application_id = {APPLICATION_ID}", *_TABLES),
    _VECTORS,
)
"""`MIGRATIONS[n]` upgrades version n (PRAGMA user_version) to n + 1. Append only."""

SECONDS_BUSY = 10.0
"""How long a call waits for another process that is writing."""
_FORMAT = sqlite.Format(
    noun="collection",
    error=BadCollection,
    application_id=APPLICATION_ID,
    migrations=MIGRATIONS,
    if_damaged="move it away and add the documents again (localcollab docs add)",
    if_foreign="give another name",
    # After a power failure the latest files may be missing; sync finds them again.
    pragmas=("PRAGMA synchronous = NORMAL",),
)


class Database(sqlite.Database):
    def __init__(self, path: Path | None) -> None:
        super().__init__(path, _FORMAT, SECONDS_BUSY)
