"""Lists the files of a source in a fixed order, and why others are refused.

Hidden files and those matched by .gitignore or .ignore (gitignore(5)) are skipped, as search tools do.
Symbolic links are never followed: their targets are either in the source anyway or outside it.
"""

import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from localcollab.documents.parsing.limits import Limits

NAMES = (".gitignore", ".ignore")
"""Rules of the later file win, as in search tools that know .ignore."""
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    path: Path
    size_bytes: int = 0
    stamp: str = ""
    """Changes whenever the file's content does; see `stamp_of`."""
    refusal: str = ""
    """Why it is not read; empty: it is."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder that cannot be listed; its known documents are kept."""

    folder: Path
    error: str


def walk(source: Path, excluded: Collection[Path], limits: Limits) -> Iterator[Found | Unlisted]:
    """The file itself, or everything in the folder that is not excluded, by name."""
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
    """Changes with the file, even if its size and modification time are reset."""
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
        except OSError:  # removed in the meantime
            continue
    return entries


def _found(path: Path, status: os.stat_result, limits: Limits) -> Found:
    return Found(path, status.st_size, stamp_of(status), _refusal(status, limits))


def _refusal(status: os.stat_result, limits: Limits) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link, which is not followed: add its target"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    if status.st_size > limits.file_bytes:
        megabytes = limits.file_bytes // 1_000_000
        return f"is larger than {megabytes} MB: raise max_mb"
    return ""


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: re.Pattern[str]
    """For a path relative to the folder of the ignore file, with slashes."""
    ignores: bool
    folders_only: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a folder and of all folders above it up to the source."""

    folder: Path
    rules: tuple[Rule, ...]
    above: "Rules | None"


def is_ignored(rules: Rules | None, path: Path, *, is_folder: bool) -> bool:
    """The last rule that matches decides; a deeper folder's rules come before those above."""
    while rules is not None:
        relative = path.relative_to(rules.folder).as_posix()
        for rule in reversed(rules.rules):
            if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(relative):
                return rule.ignores
        rules = rules.above
    return False


def rules_in(folder: Path, above: Rules | None) -> Rules | None:
    """`above` if the folder has none. An ignore file that cannot be read counts as empty."""
    found = [rule for name in NAMES for rule in _read(folder / name)]
    return Rules(folder, tuple(found), above) if found else above


def _read(file: Path) -> list[Rule]:
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return []
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [rule for line in lines if (rule := parse_rule(line))]


def parse_rule(line: str) -> Rule | None:
    """None for a comment, a blank line, or an invalid pattern."""
    line = re.sub(r"(?<!\\)\s+$", "", line)
    if not line or line.startswith("#"):
        return None
    ignores = not line.startswith("!")
    line = line.removeprefix("!")
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    if not line:
        return None
    if "/" not in line:
        line = "**/" + line
    try:
        return Rule(re.compile(_regex(line.lstrip("/"))), ignores, folders_only)
    except re.error:
        return None


def _regex(glob: str) -> str:
    tokens = re.findall(r"\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\\.|.", glob, re.DOTALL)
    return "(?s:" + "".join(map(_token, tokens)) + ")"


def _token(token: str) -> str:
    if token == "**/":
        return "(?:.*/)?"
    if token == "/**":
        return "/.+"
    if token[0] == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token[0] == "[" and len(token) > 2:
        inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        inside = "^" + inside[1:] if inside[0] in "!^" else inside
        return f"(?!/)[{inside}]"
    return re.escape(token[-1] if token[0] == "\\" else token)
