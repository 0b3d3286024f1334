"""The history's file: its tables and migrations, its copies, and how durable a write is."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from localcollab.errors import BadHistory
from localcollab.history.writers import Writer
from localcollab.storage import sqlite
from localcollab.storage.os_errors import explained
from localcollab.terms.terms import TOKENIZER, plain_terms

APPLICATION_ID = 0x4C434842
"""Marks the file as ours in its header ("LCHB")."""

_TABLES = (
    """CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        system TEXT NOT NULL,
        team TEXT NOT NULL,
        created INTEGER NOT NULL,  -- microseconds since 1970, UTC
        updated INTEGER NOT NULL,
        pinned INTEGER NOT NULL,
        leaf INTEGER REFERENCES messages(id)
    )""",
    "CREATE INDEX conversations_shown ON conversations(pinned DESC, updated DESC, id)",
    """CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation TEXT NOT NULL REFERENCES conversations(id),
        parent INTEGER REFERENCES messages(id),
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        status TEXT NOT NULL CHECK (status IN ('complete', 'stopped', 'streaming', 'failed')),
        created INTEGER NOT NULL,
        seen INTEGER NOT NULL,     -- grows each time a branch is shown up to here
        text TEXT NOT NULL,
        provenance TEXT,           -- JSON
        outcome TEXT,              -- JSON
        writer TEXT                -- who streams it: see `writers`
    )""",
    "CREATE INDEX messages_of_conversation ON messages(conversation, parent)",
    "CREATE INDEX messages_of_parent ON messages(parent)",
    "CREATE INDEX messages_streaming ON messages(status) WHERE status = 'streaming'",
    """CREATE TABLE tokens (         -- while an answer streams, one row a save; then one row
        message INTEGER NOT NULL REFERENCES messages(id),
        n INTEGER NOT NULL,
        packed BLOB NOT NULL,      -- see `rows.pack`
        PRIMARY KEY (message, n)
    ) WITHOUT ROWID""",
)

# The index holds no copy of the texts; the triggers tell it what to remove.
_SEARCH = (
    """CREATE VIRTUAL TABLE words USING fts5(
        text, content='messages', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'
    )""",
    """CREATE TRIGGER words_added AFTER INSERT ON messages BEGIN
        INSERT INTO words(rowid, text) VALUES (new.id, new.text);
    END""",
    """CREATE TRIGGER words_removed AFTER DELETE ON messages BEGIN
        INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, old.text);
    END""",
    """CREATE TRIGGER words_changed AFTER UPDATE OF text ON messages BEGIN
        INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, old.text);
        INSERT INTO words(rowid, text) VALUES (new.id, new.text);
    END""",
    "INSERT INTO words(words) VALUES ('rebuild')",
)

_TERMS = (
    "DROP TRIGGER words_added",
    "DROP TRIGGER words_removed",
    "DROP TRIGGER words_changed",
    "DROP TABLE words",
    f"""CREATE VIRTUAL TABLE words USING fts5(
        text, content='', tokenize="{TOKENIZER}", prefix='1 2 3'
    )""",
    """CREATE TRIGGER words_added AFTER INSERT ON messages BEGIN
        INSERT INTO words(rowid, text) VALUES (new.id, plain_terms(new.text));
    END""",
    """CREATE TRIGGER words_removed AFTER DELETE ON messages BEGIN
        INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, plain_terms(old.text));
    END""",
    """CREATE TRIGGER words_changed AFTER UPDATE OF text ON messages BEGIN
        INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, plain_terms(old.text));
        INSERT INTO words(rowid, text) VALUES (new.id, plain_terms(new.text));
    END""",
    "INSERT INTO words(rowid, text) SELECT id, plain_terms(text) FROM messages",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (f"PRAGMA application_id = {APPLICATION_ID}", *_TABLES),
    _SEARCH,
    _TERMS,
)
"""`MIGRATIONS[n]` upgrades version n (PRAGMA user_version) to n + 1. Append only."""

VERSION = len(MIGRATIONS)

SECONDS_BUSY = 5.0
"""How long a call waits for another process that is writing."""
_FORMAT = sqlite.Format(
    noun="history",
    error=BadHistory,
    application_id=APPLICATION_ID,
    migrations=MIGRATIONS,
    if_damaged=(
        "write what can still be read to a file (localcollab history export --salvage FILE), then move "
        "it away or restore a backup"
    ),
    if_foreign="give another file",
    functions={"plain_terms": lambda text: " ".join(plain_terms(text))},
)


class Database(sqlite.Database):
    """Usable only in the process that opened it."""

    def __init__(self, path: Path | None) -> None:
        self._process = os.getpid()
        self._writer: Writer | None = None
        super().__init__(path, _FORMAT, SECONDS_BUSY)

    @contextlib.contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction: committed as a whole or rolled back. Raises `BadHistory`.

        `durable`: also survives a power failure; otherwise it survives the end of the process only.
        """
        with self._lock:
            with self._translated():
                level = "FULL" if durable else "NORMAL"
                self._usable().execute(f"PRAGMA synchronous = {level}")
            with super().write() as connection:
                yield connection

    def writer(self) -> str | None:
        """The name under which this process streams; None in memory, which no other process can see."""
        if self.path is None:
            return None
        with self._lock, self._translated():
            self._usable()
            if self._writer is None:
                self._writer = Writer(self.path)
            return self._writer.name

    def copy_to(self, target: Path) -> None:
        """A copy in one file, which gets its name when it is complete. Raises `BadHistory`."""
        if target.exists() and not _is_other_history(target, self.path):
            raise BadHistory(f"{target} exists and is not a backup of a history: give another name")
        if not target.parent.is_dir():
            raise BadHistory(f"{target}: there is no folder {target.parent}: create it first")
        with self._lock, self._translated():
            _copy(self._usable(), target)

    def close(self) -> None:
        with self._lock:
            super().close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _usable(self) -> sqlite3.Connection:
        if self._connection is not None and self._process != os.getpid():
            raise BadHistory("the history was opened by another process: open it in this one")
        return super()._usable()

    def _before_migration(self, connection: sqlite3.Connection, version: int) -> None:
        if version and self.path is not None:
            _copy(connection, self.path.with_name(f"{self.path.name}.version-{version}"))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        # A writer and a copy are files beside the database.
        with super()._translated():
            try:
                yield
            except OSError as error:
                raise self._unusable(error) from error


def make_private_folder(folder: Path) -> None:
    """Raises `BadHistory`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise BadHistory(explained(error, folder)) from error


def _is_other_history(file: Path, own: Path | None) -> bool:
    if not file.is_file() or (own is not None and file.samefile(own)):
        return False
    with file.open("rb") as opened:
        return opened.read(72)[68:] == APPLICATION_ID.to_bytes(4, "big")


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy = sqlite3.connect(partial, isolation_level=None)
    try:
        connection.backup(copy)
        # Without a write-ahead log, so that one file is the whole copy.
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    finally:
        copy.close()
    os.replace(partial, target)
