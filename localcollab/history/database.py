"""The history's file: what a collection's has not is its writers, its copies and its two durabilities."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from localcollab.errors import BadHistory
from localcollab.history.schema import APPLICATION_ID, MIGRATIONS
from localcollab.history.writers import Writer
from localcollab.storage import sqlite

SECONDS_BUSY = 5.0
"""How long a call waits for another process that writes."""
_FORMAT = sqlite.Format(
    noun="history",
    error=BadHistory,
    application_id=APPLICATION_ID,
    migrations=MIGRATIONS,
    if_damaged="move it away, or put a backup in its place",
    if_foreign="give another file",
)


class Database(sqlite.Database):
    """It belongs to the process that opened it."""

    def __init__(self, path: Path | None) -> None:
        self._process = os.getpid()
        self._writer: Writer | None = None
        super().__init__(path, _FORMAT, SECONDS_BUSY)

    @contextlib.contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing. Raises `BadHistory`.

        `durable`: survives a power failure too; the others survive the end of the process.
        """
        with self._lock:
            with self._translated():
                level = "FULL" if durable else "NORMAL"
                self._usable().execute(f"PRAGMA synchronous = {level}")
            with super().write() as connection:
                yield connection

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
        if not target.parent.is_dir():
            raise BadHistory(f"{target}: there is no folder {target.parent}: make it first")
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
        raise BadHistory(f"the folder {folder} cannot be used: {error}; mend it") from error


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
        # Without a log beside it, so that the one file is everything.
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    finally:
        copy.close()
    os.replace(partial, target)
