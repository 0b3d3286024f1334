"""A lock on an open file, which the system releases when the process ends in any way."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_SECONDS_BETWEEN_TRIES = 0.05


def try_lock(fd: int) -> bool:
    """False: another process holds the lock. On Windows it covers the byte at the file's position."""
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


@contextlib.contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Waits until no other process is here with this file, which is created and stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not try_lock(fd):
            time.sleep(_SECONDS_BETWEEN_TRIES)
        yield
    finally:
        os.close(fd)
