"""Where a command may write, checked before its work starts; one process at a time in a work folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.header import read_header
from localcollab.storage.locking import try_lock

_LOCK_OFFSET = 2**30
"""Position of the lock: Windows locks bytes, and locked bytes cannot be read. The process id is at 0."""


def require_writable(out: Path) -> None:
    """Creates the parent folder. An older result may be replaced.

    Raises `BadOption` where that fails, or where `out` is a folder or a model.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOption(
            f"`out` is {out}: its folder cannot be created ({error.strerror}): give another path"
        ) from error
    if out.is_dir():
        raise BadOption(f"`out` is {out}, a folder: give the name of a file in it")
    if not out.exists():
        return
    try:
        read_header(out)
    except BadModelFile:
        return
    raise BadOption(f"`out` is {out}, a model, which would be overwritten: give another name")


def work_folder(out: Path, work: Path | None) -> Path:
    """`work`, or OUT.work."""
    return work or out.with_name(out.name + ".work")


@contextmanager
def claim(out: Path, work: Path) -> Iterator[None]:
    """For a training that writes `out` and resumes in `work`.

    Raises `BadOption` where `out` cannot be written, or where another process runs in `work`.
    """
    require_writable(out)
    options = "`out` or `work`"
    with hold(work, f"wait for it to end, or give another {options}", options=options):
        yield


@contextmanager
def hold(folder: Path, remedy: str, *, options: str = "`out`") -> Iterator[None]:
    """Lock `folder` with a file that holds the process id.

    Raises `BadOption` where another process has locked it, or where it cannot be created; `options` are
    the parameters that choose the folder. The lock file is never deleted: two later processes could each
    lock a file of that name.
    """
    path = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadOption(
            f"{folder}: cannot be created ({error.strerror}): give another {options}"
        ) from error
    try:
        os.lseek(fd, _LOCK_OFFSET, os.SEEK_SET)
        if not try_lock(fd):
            raise BadOption(f"{folder}: {_owner(path)} is running here: {remedy}")
        os.lseek(fd, 0, os.SEEK_SET)
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        yield
    finally:
        os.close(fd)


def _owner(path: Path) -> str:
    number = path.read_bytes()[:20].decode("ascii", "replace")
    return f"process {number}" if number.isdigit() else "another process"
