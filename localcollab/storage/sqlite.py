"""A private SQLite file: one connection and the lock around it, file modes, migrations, errors.

The connection is reachable only inside `read` and `write`, one thread at a time; that is the whole
threading rule. What they return is a finished value. A `Format` says what the file holds and what the
user should do when it cannot be used.
"""

import contextlib
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcollab.errors import BadDatabase, BadOption
from localcollab.storage.os_errors import remedy
from localcollab.terminal.visible_text import one_line

_TICK = 100_000
_LEAST_STEPS, _STEPS_PER_BYTE = 30_000_000, 300
"""Steps of SQLite's machine that one transaction may take: pages that refer to each other never end."""
_UNREADABLE = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
    zlib.error,
)
"""What code raises on values that were not stored so."""

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted text is overwritten with zeros
    "PRAGMA temp_store = MEMORY",  # no text in temporary files
)


@dataclass(frozen=True, slots=True)
class Format:
    noun: str
    """What error messages call such a file."""
    error: type[BadDatabase]
    application_id: int
    """Marks the file as ours in its header."""
    migrations: tuple[tuple[str, ...], ...]
    """`migrations[n]` upgrades version n (PRAGMA user_version) to n + 1. The tables include an FTS5
    index named `words`."""
    if_damaged: str
    if_foreign: str
    pragmas: tuple[str, ...] = ()
    functions: Mapping[str, Callable[..., str]] = field(default_factory=dict)
    """SQL functions that triggers call: pure, of texts."""

    @property
    def version(self) -> int:
        return len(self.migrations)

    @property
    def remedies(self) -> Mapping[int, str]:
        locked = "is locked by another program: close that program and try again"
        closed = "change the permissions of the file and its folder"
        return {
            sqlite3.SQLITE_BUSY: locked,
            sqlite3.SQLITE_LOCKED: locked,
            sqlite3.SQLITE_READONLY: f"cannot be written: {closed}",
            sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk",
            sqlite3.SQLITE_CORRUPT: f"is damaged: {self.if_damaged}",
            sqlite3.SQLITE_FULL: "cannot grow, because the disk is full: free some space",
            sqlite3.SQLITE_CANTOPEN: f"cannot be opened: {closed}",
            sqlite3.SQLITE_INTERRUPT: f"is damaged, and reading it does not end: {self.if_damaged}",
            sqlite3.SQLITE_NOTADB: f"is not a {self.noun}, or is damaged: {self.if_damaged}",
            sqlite3.SQLITE_TOOBIG: "cannot hold a text of this size: give a shorter one",
        }


class UnreadableRow(ValueError):
    """A row that is not what was stored; inside a transaction it becomes the format's error."""


Types = Mapping[str, type | tuple[type, ...]]


def require_types(row: sqlite3.Row, types: Types) -> None:
    """Raises `UnreadableRow`: a damaged file may hold any type in any column."""
    for column, kind in types.items():
        if not isinstance(row[column], kind):
            raise UnreadableRow(f"{column} of a row is {type(row[column]).__name__}")


class Database:
    """Any thread may use it; calls run one after another. Every call may raise the format's error."""

    def __init__(self, path: Path | None, format: Format, seconds_busy: float) -> None:
        """`path` None: in memory. A missing file is created; a refused one is left unchanged.

        `seconds_busy`: how long a call waits for another process that is writing.
        """
        self.path = path
        self._format, self._seconds_busy = format, seconds_busy
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        with self._translated():
            connection = self._connect()
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A consistent view of the data."""
        with self._lock, self._translated(), _transaction(self._begun(), "BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed as a whole or rolled back."""
        with (
            self._lock,
            self._translated(),
            _transaction(self._begun(), "BEGIN IMMEDIATE") as connection,
        ):
            yield connection

    def scrub(self) -> None:
        """Overwrite deleted text in the search index and in the write-ahead log too."""
        with self.write() as connection:
            connection.execute("INSERT INTO words(words) VALUES ('optimize')")
        with self._lock, self._translated():
            self._usable().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _begun(self) -> sqlite3.Connection:
        self._steps_left = self._most_steps()
        return self._usable()

    def _most_steps(self) -> int:
        size = self.path.stat().st_size if self.path is not None else 0
        return _LEAST_STEPS + _STEPS_PER_BYTE * size

    def _step(self) -> bool:
        """True ends the running statement."""
        self._steps_left -= _TICK
        return self.path is not None and self._steps_left < 0

    def _usable(self) -> sqlite3.Connection:
        noun = self._format.noun
        if self._connection is None:
            raise self._format.error(f"the {noun} is closed: open it again")
        assert not self._connection.in_transaction, f"a call of the {noun} inside another one"
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        if self.path is not None:
            try:
                _make_private(self.path)
            except OSError as error:
                raise self._unusable(error) from error
        # `_lock` serializes the threads.
        connection = sqlite3.connect(
            self.path or ":memory:", isolation_level=None, check_same_thread=False,
            timeout=self._seconds_busy,
        )  # fmt: skip
        connection.row_factory = sqlite3.Row
        self._steps_left = self._most_steps()
        connection.set_progress_handler(self._step, _TICK)
        for name, function in self._format.functions.items():
            connection.create_function(name, -1, function, deterministic=True)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # One snapshot: another process may be creating the tables.
        with _transaction(connection, "BEGIN"):
            version = self._version(connection)
        for pragma in (*_PRAGMAS, *self._format.pragmas):
            connection.execute(pragma)
        if self.path is not None:
            _set_wal(connection, self._seconds_busy)
        if version == self._format.version:
            return
        self._before_migration(connection, version)
        with _transaction(connection, "BEGIN IMMEDIATE"):
            # Another process may have migrated it in the meantime.
            self._migrate(connection, self._version(connection))

    def _before_migration(self, connection: sqlite3.Connection, version: int) -> None:
        """Called outside the transaction; `version` is 0 for a new file."""

    def _version(self, connection: sqlite3.Connection) -> int:
        """Raises for a file of another program or of a newer localcollab."""
        newest, error = self._format.version, self._format.error
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != self._format.application_id and (n_tables or version or application):
            raise error(
                f"{self.path} is the database of another program: {self._format.if_foreign}"
            )
        if version > newest:
            raise error(
                f"{self.path} has version {version}, and this localcollab supports up to {newest}: "
                "use a newer localcollab"
            )
        return int(version)

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        """Called inside a transaction. Raises for tables that differ from what that version created."""
        newest = self._format.version
        try:
            for statements in self._format.migrations[version:]:
                for statement in statements:
                    connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            raise self._format.error(
                f"{self.path} cannot be upgraded from version {version} to {newest} ({error}): it is "
                f"unchanged; {self._format.if_damaged}"
            ) from error
        connection.execute(f"PRAGMA user_version = {newest}")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a wrong call, not a bad file
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            # Without a code it is Python's, and quotes the text that is not UTF-8.
            why = "text that is not UTF-8" if code is None else one_line(str(error))
            raise self._bad(self._format.remedies.get((code or 0) & 0xFF), why) from error
        except UnicodeEncodeError as error:
            raise BadOption("a text holds a lone surrogate: give valid Unicode") from error
        except _UNREADABLE as error:
            # Its own words may quote a text.
            why = str(error) if isinstance(error, UnreadableRow) else type(error).__name__
            raise self._bad(None, why) from error

    def _bad(self, remedy: str | None, why: str) -> BadDatabase:
        """`remedy` None: the statements are ours and fixed, so what fails is what the file holds."""
        remedy = remedy or f"is damaged: {self._format.if_damaged}"
        return self._format.error(
            f"the {self._format.noun} {self.path or 'in memory'} {remedy} ({why})"
        )

    def _unusable(self, error: OSError) -> BadDatabase:
        why = error.strerror or error
        return self._format.error(
            f"the {self._format.noun} {self.path} cannot be used ({why}): {remedy(error)}"
        )


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
    """Only the user may read the file; -wal and -shm inherit its mode. Folders are not changed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _set_wal(connection: sqlite3.Connection, seconds_busy: float) -> None:
    """Waits as SQLite itself does not when another process opens the file at the same time."""
    give_up = time.monotonic() + seconds_busy
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not is_busy or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
