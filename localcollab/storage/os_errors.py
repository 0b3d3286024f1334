"""Errors of the operating system in one line: the path, what the system says, and what to do."""

import errno
from pathlib import Path

_NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def explained(error: OSError, path: Path | str | None = None) -> str:
    """`path`: what was being used, where the error itself names none."""
    named = error.filename2 or error.filename or path
    if named is None or isinstance(named, int):
        return (
            f"reading or writing failed ({_reason(error)}): check the free space and what the "
            "streams lead to"
        )
    name = named.decode(errors="replace") if isinstance(named, bytes) else str(named)
    return f"{name}: cannot be used ({_reason(error)}): {remedy(error)}"


def remedy(error: OSError) -> str:
    if error.errno in _NO_ROOM:
        return "free some space, or give another path"
    if error.errno in _FORBIDDEN:
        return "change the permissions of the file or its folder, or give another path"
    if error.errno == errno.EIO:
        return "check the disk"
    return "check the path, or give another one"


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
