"""The history's file: one connection and the lock around it, file modes, migrations, errors.

The connection is reachable only inside `read` and `write`, one thread at a time: that is the whole
threading rule. Everything handed out of them is a finished value.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from localcollab.errors import BadHistory
from localcollab.history.schema import APPLICATION_ID, MIGRATIONS, VERSION
from localcollab.history.writers import Writer

SECONDS_BUSY = 5.0
"""How long a call waits for another process that writes."""
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "is locked by another program: close that one, and try again",
    sqlite3.SQLITE_LOCKED: "is locked by another program: close that one, and try again",
    sqlite3.SQLITE_READONLY: "cannot be written: check the permissions of the file and its folder",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk",
    sqlite3.SQLITE_CORRUPT: "is damaged: move it away, or put a backup in its place",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; make room",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check the permissions of the file and its folder",
    sqlite3.SQLITE_NOTADB: "is no history, or damaged: move it away, or put a backup in its place",
    sqlite3.SQLITE_TOOBIG: "cannot hold a text of this size: give a shorter one",
}
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted text is overwritten with zeros
    "PRAGMA temp_store = MEMORY",  # no text in temporary files
)


class Database:
    """Any thread may use it; calls run one after another. It belongs to the process that opened it."""

    def __init__(self, path: Path | None) -> None:
        """None: in memory. Raises `BadHistory`; what is in the file is then as it was."""
        self.path = path
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._writer: Writer | None = None
        self._connection: sqlite3.Connection | None = None
        with self._translated():
            if path is not None:
                _make_private(path)
            self._connection = _connect(path)
            try:
                self._prepare(self._connection)
            except BaseException:
                self._connection.close()
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view. Raises `BadHistory`."""
        with self._lock, self._translated(), _transaction(self._usable(), "BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing. Raises `BadHistory`.

        `durable`: survives a power failure too; the others survive the end of the process.
        """
        with self._lock, self._translated():
            connection = self._usable()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    def scrub(self) -> None:
        """Make deleted text unreadable in the search index and in the write-ahead log too."""
        with self.write() as connection:
            connection.execute("INSERT INTO words(words) VALUES ('optimize')")
        with self._lock, self._translated():
            self._usable().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def writer(self) -> str | None:
        """The name under which this process streams; in memory nobody else can look."""
        if self.path is None:
            return None
        with self._lock, self._translated():
            self._usable()
            if self._writer is None:
                self._writer = Writer(self.path)
            return self._writer.name

    def copy_to(self, target: Path) -> None:
        """A complete copy in one file, under its name only when it is whole. Raises `BadHistory`."""
        if target.exists() and not _is_other_history(target, self.path):
            raise BadHistory(f"{target} exists and is no backup of a history: give another name")
        with self._lock, self._translated():
            _copy(self._usable(), target)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise BadHistory("the history is closed: open it again")
        if self._process != os.getpid():
            raise BadHistory("the history was opened by another process: open it in this one")
        assert not self._connection.in_transaction, "a call of the history inside another one"
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * SECONDS_BUSY)}")
        # One snapshot: another process may be making the tables.
        with _transaction(connection, "BEGIN"):
            version = _version(connection, self.path)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if self.path is not None:
            _set_wal(connection)
        if version == VERSION:
            return
        if version and self.path is not None:
            _copy(connection, self.path.with_name(f"{self.path.name}.version-{version}"))
        with _transaction(connection, "BEGIN IMMEDIATE"):
            # Another process may have done it meanwhile.
            _migrate(connection, _version(connection, self.path), self.path)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
            if remedy is None:
                raise
            raise BadHistory(
                f"the history {self.path or 'in memory'} {remedy} ({error})"
            ) from error
        except OSError as error:
            raise BadHistory(
                f"the history {self.path} cannot be used ({error}): check the permissions of the "
                "file and its folder"
            ) from error


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


def _connect(path: Path | None) -> sqlite3.Connection:
    # The lock of `Database` does what check_same_thread would forbid.
    connection = sqlite3.connect(
        path or ":memory:", isolation_level=None, check_same_thread=False, timeout=SECONDS_BUSY
    )
    connection.row_factory = sqlite3.Row
    return connection


def _make_private(path: Path) -> None:
    """The file is the user's alone; -wal and -shm take over its mode. A folder is made, not changed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(0o600)


def make_private_folder(folder: Path) -> None:
    """Raises `BadHistory`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise BadHistory(f"the folder {folder} cannot be used: {error}; mend it") from error


def _is_other_history(file: Path, own: Path | None) -> bool:
    if not file.is_file() or (own is not None and file.samefile(own)):
        return False
    with file.open("rb") as opened:
        return opened.read(72)[68:] == APPLICATION_ID.to_bytes(4, "big")


def _version(connection: sqlite3.Connection, path: Path | None) -> int:
    """Raises `BadHistory` for a file that is not ours, or of a newer localcollab."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (n_tables or version or application):
        raise BadHistory(f"{path} is the database of another program: give another file")
    if version > VERSION:
        raise BadHistory(
            f"{path} is of version {version}, and this localcollab knows up to {VERSION}: use a "
            "newer localcollab"
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, version: int, path: Path | None) -> None:
    """Inside a transaction. Raises `BadHistory` for tables that are not as that version made them."""
    try:
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        raise BadHistory(
            f"{path} of version {version} cannot be brought to version {VERSION} ({error}): it is as "
            "it was; move it away, or put a backup in its place"
        ) from error
    connection.execute(f"PRAGMA user_version = {VERSION}")


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


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy = sqlite3.connect(partial, isolation_level=None)
    try:
        connection.backup(copy)
        # Without a log beside it, so that the one file is everything.
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    finally:
        copy.close()
    os.replace(partial, target)
