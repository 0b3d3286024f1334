"""Which processes are writing an answer now: a locked file each, which the system frees at any end.

A process that was killed leaves an unlocked file behind; its answer is then known to be unfinished.
"""

import os
import secrets
import sys
from pathlib import Path


class Writer:
    """A name and its lock, held until `close` or the end of the process."""

    def __init__(self, database: Path) -> None:
        self.name = secrets.token_hex(8)
        self._path = _lock_path(database, self.name)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        is_locked = _try_lock(self._fd)
        assert is_locked, "a name of 64 random bits is new"

    def close(self) -> None:
        os.close(self._fd)
        self._path.unlink(missing_ok=True)


def is_alive(database: Path, name: str) -> bool:
    """Whether the writer's lock is held. The file of one that ended is removed."""
    path = _lock_path(database, name)
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not _try_lock(fd):
            return True
    finally:
        os.close(fd)
    path.unlink(missing_ok=True)
    return False


def _lock_path(database: Path, name: str) -> Path:
    return database.with_name(f"{database.name}.writer-{name}")


def _try_lock(fd: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
