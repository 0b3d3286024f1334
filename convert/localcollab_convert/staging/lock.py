"""One run at a time in a folder of work: a locked file that names its process, freed at any end of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.storage.locking import try_lock

_FAR = 2**30
"""Where the lock lies: where Windows locks bytes, nobody could read the process's number under it."""


@contextmanager
def hold(folder: Path, remedy: str, *, options: str = "--out") -> Iterator[None]:
    """Raises `BadOption` where another process works in `folder`, or where it cannot be made, which is
    what `options` say. The lock's file stays: were it removed, two later processes could each lock a
    file of that name."""
    path = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadOption(
            f"{folder}: cannot be made ({error.strerror}): give another {options}"
        ) from error
    try:
        os.lseek(fd, _FAR, os.SEEK_SET)
        if not try_lock(fd):
            raise BadOption(f"{folder}: {_owner(path)} is at work here: {remedy}")
        os.lseek(fd, 0, os.SEEK_SET)
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        yield
    finally:
        os.close(fd)


def _owner(path: Path) -> str:
    number = path.read_bytes()[:20].decode("ascii", "replace")
    return f"process {number}" if number.isdigit() else "another process"
