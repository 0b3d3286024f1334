"""Which processes are writing an answer: each locks a file, and the system releases the lock at its end.

A killed process leaves an unlocked file behind, which shows that its answer is unfinished.
"""

import contextlib
import os
import secrets
from pathlib import Path

from localcollab.storage.locking import try_lock


class Writer:
    """A name and its lock, held until `close` or the end of the process."""

    def __init__(self, database: Path) -> None:
        self.name = secrets.token_hex(8)
        self._path = _lock_path(database, self.name)
        self._fd = _open_locked(self._path)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._fd)


def is_alive(database: Path, name: str) -> bool:
    """Whether the writer's lock is held. The file of a writer that ended is removed."""
    path = _lock_path(database, name)
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not try_lock(fd):
            return True
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(fd)


def remove_dead(database: Path) -> None:
    """Remove the files of all writers that ended."""
    start = _lock_path(database, "").name
    for path in database.parent.iterdir():
        if path.name.startswith(start):
            is_alive(database, path.name.removeprefix(start))


def _open_locked(path: Path) -> int:
    """Retries if another process removes the new file, as a dead writer's, before it is locked."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(FileNotFoundError):
            if try_lock(fd) and _is_at(fd, path):
                return fd
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    return os.path.samestat(os.fstat(fd), path.stat())


def _lock_path(database: Path, name: str) -> Path:
    return database.with_name(f"{database.name}.writer-{name}")
