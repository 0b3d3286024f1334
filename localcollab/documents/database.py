"""A collection's file: its tables, and how older files become newer ones."""

import logging
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from localcollab.errors import BadCollection
from localcollab.storage import sqlite
from localcollab.terms.languages import language_of
from localcollab.terms.terms import TOKENIZER, terms, version

APPLICATION_ID = 0x4C434443
"""Marks the file as ours in its header ("LCDC")."""

_NOTES = logging.getLogger("localcollab.note")

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
    """CREATE VIRTUAL TABLE words USING fts5(
        heading, text, content='passages', content_rowid='id',
        tokenize='porter unicode61 remove_diacritics 2'
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

_TERMS = (
    "DROP TRIGGER words_added",
    "DROP TRIGGER words_removed",
    "DROP TABLE words",
    "ALTER TABLE passages ADD COLUMN language TEXT NOT NULL DEFAULT ''",  # ISO 639-1; '': unknown
    """CREATE TABLE languages (
        language TEXT PRIMARY KEY,
        n_passages INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE indexed (version TEXT NOT NULL)",  # one row: of the terms in the index
    # Of terms, not of texts: FTS5 reads no text, and the same calls tell it what to remove.
    f"""CREATE VIRTUAL TABLE words USING fts5(
        heading, text, further, content='', tokenize="{TOKENIZER}"
    )""",
    """CREATE TRIGGER words_added AFTER INSERT ON passages BEGIN
        INSERT INTO words(rowid, heading, text, further) VALUES (
            new.id, main_terms(new.heading, new.language), main_terms(new.text, new.language),
            further_terms(new.heading, new.text, new.language));
        INSERT INTO languages VALUES (new.language, 1)
            ON CONFLICT (language) DO UPDATE SET n_passages = n_passages + 1;
    END""",
    """CREATE TRIGGER words_removed AFTER DELETE ON passages BEGIN
        INSERT INTO words(words, rowid, heading, text, further) VALUES (
            'delete', old.id,
            main_terms(old.heading, old.language), main_terms(old.text, old.language),
            further_terms(old.heading, old.text, old.language));
        UPDATE languages SET n_passages = n_passages - 1 WHERE language = old.language;
    END""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (f"PRAGMA application_id = {APPLICATION_ID}", *_TABLES),
    _VECTORS,
    _TERMS,
    # None or one row: microseconds since 1970, when all sources were looked at.
    ("CREATE TABLE synced (at INTEGER NOT NULL)",),
)
"""`MIGRATIONS[n]` upgrades version n (PRAGMA user_version) to n + 1. Append only."""

DEFAULT_LANGUAGE = "en"
"""Of texts in Latin letters that do not tell, such as lists."""

_PASSAGES_THAT_TELL = 4
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
    functions={
        "main_terms": lambda text, language: terms(text, language).main,
        "further_terms": lambda heading, text, language: (
            f"{terms(heading, language).further} {terms(text, language).further}"
        ),
    },
)


class Database(sqlite.Database):
    def __init__(self, path: Path | None, first_passage: int = 0) -> None:
        super().__init__(path, _FORMAT, SECONDS_BUSY)
        if first_passage:
            with self.write() as connection:
                connection.execute(
                    "INSERT INTO sqlite_sequence(name, seq) VALUES ('passages', ?)",
                    (first_passage,),
                )
        with self.read() as connection:
            is_current = _indexed(connection) == version()
        if not is_current:
            self._index_again()

    def _index_again(self) -> None:
        """After an upgrade: the texts are as they were, their terms are not."""
        with self.write() as connection:
            if _indexed(connection) == version():  # by another process in the meantime
                return
            (n_passages,) = connection.execute("SELECT count(*) FROM passages").fetchone()
            if n_passages:
                _NOTES.warning(
                    f"{self.path}: the search index is made again for {n_passages} passages, once"
                )
            _index(connection)


def passage_languages(texts: Sequence[str]) -> list[str]:
    """Of each passage of a document; one that does not tell has the language of the document."""
    whole = language_of("\n".join(texts[:_PASSAGES_THAT_TELL]), DEFAULT_LANGUAGE)
    return [language_of(text, whole) for text in texts]


def _indexed(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT version FROM indexed").fetchone()
    return "" if row is None else str(row["version"])


def _index(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO words(words) VALUES ('delete-all')")
    connection.execute("DELETE FROM languages")
    for document in connection.execute("SELECT id FROM documents ORDER BY id").fetchall():
        _index_document(connection, document["id"])
    connection.execute("DELETE FROM indexed")
    connection.execute("INSERT INTO indexed VALUES (?)", (version(),))


def _index_document(connection: sqlite3.Connection, id_: int) -> None:
    found = connection.execute(
        "SELECT id, text FROM passages WHERE document = ? ORDER BY n", (id_,)
    ).fetchall()
    languages = passage_languages([row["text"] for row in found])
    connection.executemany(
        "UPDATE passages SET language = ? WHERE id = ?",
        [(language, row["id"]) for row, language in zip(found, languages, strict=True)],
    )
    connection.execute(
        """INSERT INTO words(rowid, heading, text, further) SELECT id, main_terms(heading, language),
            main_terms(text, language), further_terms(heading, text, language)
        FROM passages WHERE document = ?""",
        (id_,),
    )
    connection.executemany(
        """INSERT INTO languages VALUES (?, ?)
            ON CONFLICT (language) DO UPDATE SET n_passages = n_passages + excluded.n_passages""",
        list(Counter(languages).items()),
    )
