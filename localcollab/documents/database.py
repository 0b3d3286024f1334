"""A collection's file: one connection and the lock around it, file modes, migrations, errors.

The connection is reachable only inside `read` and `write`, one thread at a time. What they hand out
are finished values.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from localcollab.documents.schema import APPLICATION_ID, MIGRATIONS, VERSION
from localcollab.errors import BadCollection

SECONDS_BUSY = 10.0
"""How long a call waits for another process that writes."""
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "is locked by another program: close that one, and try again",
    sqlite3.SQLITE_LOCKED: "is locked by another program: close that one, and try again",
    sqlite3.SQLITE_READONLY: "cannot be written: check the permissions of the file and its folder",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk",
    sqlite3.SQLITE_CORRUPT: "is damaged: delete it and add the documents again",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; make room",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check the permissions of the file and its folder",
    sqlite3.SQLITE_NOTADB: "is no collection, or damaged: delete it and add the documents again",
}
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted text is overwritten with zeros
    "PRAGMA temp_store = MEMORY",  # no text in temporary files
    "PRAGMA synchronous = NORMAL",  # a power failure costs the latest files, which sync finds again
)


class Database:
    """Any thread may use it; calls run one after another."""

    def __init__(self, path: Path | None) -> None:
        """None: in memory. A file that is not there is made. Raises `BadCollection`."""
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        with self._translated():
            if path is not None:
                _make_private(path)
            connection = sqlite3.connect(
                path or ":memory:", isolation_level=None, check_same_thread=False,
                timeout=SECONDS_BUSY,
            )  # fmt: skip
            try:
                connection.row_factory = sqlite3.Row
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view. Raises `BadCollection`."""
        with self._lock, self._translated(), _transaction(self._usable(), "BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing. Raises `BadCollection`."""
        with (
            self._lock,
            self._translated(),
            _transaction(self._usable(), "BEGIN IMMEDIATE") as connection,
        ):
            yield connection

    def scrub(self) -> None:
        """Make deleted text unreadable in the search index and in the write-ahead log too."""
        with self.write() as connection:
            connection.execute("INSERT INTO words(words) VALUES ('optimize')")
        with self._lock, self._translated():
            self._usable().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise BadCollection("the collection is closed: open it again")
        assert not self._connection.in_transaction, "a call of the collection inside another one"
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # One snapshot: another process may be making the tables.
        with _transaction(connection, "BEGIN"):
            version = _version(connection, self.path)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if self.path is not None:
            _set_wal(connection)
        if version == VERSION:
            return
        with _transaction(connection, "BEGIN IMMEDIATE"):
            # Another process may have done it meanwhile.
            for statements in MIGRATIONS[_version(connection, self.path) :]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
            if remedy is None:
                raise
            name = self.path or "in memory"
            raise BadCollection(f"the collection {name} {remedy} ({error})") from error


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    connection.execute(begin)
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make_private(path: Path) -> None:
    """The file is the user's alone; -wal and -shm take over its mode. Raises `BadCollection`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
    except OSError as error:
        raise BadCollection(
            f"the collection {path} cannot be used ({error}): check the permissions of the file "
            "and its folder"
        ) from error


def _version(connection: sqlite3.Connection, path: Path | None) -> int:
    """Raises `BadCollection` for a file that is not ours, or of a newer localcollab."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (n_tables or version or application):
        raise BadCollection(f"{path} is the database of another program: give another name")
    if version > VERSION:
        raise BadCollection(
            f"{path} is of version {version}, and this localcollab knows up to {VERSION}: use a "
            "newer localcollab"
        )
    return int(version)


def _set_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait here by itself when another process opens the file at the same time."""
    give_up = time.monotonic() + SECONDS_BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not is_busy or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
