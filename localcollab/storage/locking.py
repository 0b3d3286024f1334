"""A lock on an open file, which the system releases when the process ends in any way."""

import sys


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
