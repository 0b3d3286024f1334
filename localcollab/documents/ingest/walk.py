"""Which files a source offers, in a fixed order, and why the others are not among them.

Hidden files and what ignore files name are left out, as search tools do. Links are never followed:
what they lead to is either in the source anyway or outside of it.
"""

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from localcollab.documents.ingest.ignore import Rules, is_ignored, rules_in
from localcollab.documents.parsing.limits import Limits


@dataclass(frozen=True, slots=True)
class Found:
    path: Path
    size_bytes: int = 0
    stamp: str = ""
    """Changes whenever the file's content does; see `stamp_of`."""
    refusal: str = ""
    """Why it is not to be read; empty: it is."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder that cannot be looked into: what is known to be in it is kept."""

    folder: Path
    error: str


def walk(source: Path, excluded: Collection[Path], limits: Limits) -> Iterator[Found | Unlisted]:
    """Of a file, itself. Of a folder, everything below that is not excluded, by name."""
    try:
        status = source.lstat()
    except OSError as error:
        yield Unlisted(source, _reason(error))
        return
    if not stat.S_ISDIR(status.st_mode):
        yield _found(source, status, limits)
        return
    folders: list[tuple[Path, Rules | None]] = [(source, None)]
    while folders:
        folder, above = folders.pop()
        rules = rules_in(folder, above)
        entries = _entries(folder)
        if isinstance(entries, Unlisted):
            yield entries
            continue
        below = []
        for path, status in entries:
            is_folder = stat.S_ISDIR(status.st_mode)
            if path in excluded or is_ignored(rules, path, is_folder=is_folder):
                continue
            if is_folder:
                below.append((path, rules))
            else:
                yield _found(path, status, limits)
        folders += reversed(below)


def stamp_of(status: os.stat_result) -> str:
    """Of a file that changed, also where its size and modification time were set back."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _entries(folder: Path) -> list[tuple[Path, os.stat_result]] | Unlisted:
    try:
        with os.scandir(folder) as found:
            names = sorted(entry.name for entry in found if not entry.name.startswith("."))
    except OSError as error:
        return Unlisted(folder, _reason(error))
    entries = []
    for name in names:
        try:
            entries.append((folder / name, (folder / name).lstat()))
        except OSError:  # it went away meanwhile
            continue
    return entries


def _found(path: Path, status: os.stat_result, limits: Limits) -> Found:
    return Found(path, status.st_size, stamp_of(status), _refusal(status, limits))


def _refusal(status: os.stat_result, limits: Limits) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link, which is not followed: add what it leads to"
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_size > limits.file_bytes:
        megabytes = limits.file_bytes // 1_000_000
        return f"is larger than {megabytes} MB: raise --max-mb"
    return ""


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
