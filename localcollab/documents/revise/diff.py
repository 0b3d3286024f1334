"""A revision as a unified diff that `patch` and `git apply` read; every hunk names its sources."""

import difflib
import re
from collections.abc import Iterator, Sequence

from localcollab.documents.revise.revise import Change, Revision

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? ")
_NO_END = "\\ No newline at end of file\n"
_BOM = "\ufeff"


def line_of(text: str, at: int) -> int:
    """From 1."""
    return text.count("\n", 0, at) + 1


def original(revision: Revision, data: bytes) -> str | None:
    """The file's own characters, if they are what was read but for line ends and a byte order mark; None
    where a format stands between, as in HTML or PDF, or another encoding than UTF-8."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if _as_read(text) == revision.file.text else None


def unified_diff(revision: Revision, original: str, name: str) -> Iterator[str]:
    """Its lines, with their ends. `original`: the file's own characters."""
    changes = revision.changes
    before = _lines(original)
    after = _lines(_with_ends(revision.revised(), original))
    numbers = _numbers(revision.file.text, changes)
    for line in difflib.unified_diff(before, after, name, name):
        found = _HUNK.match(line)
        if found is not None:
            first = int(found[1])
            lines = range(first, first + int(found[2] or 1))
            named = "".join(f"[{n}]" for at, n in numbers if at in lines)
            line = f"{line.rstrip()} {named}\n"
        yield line if line.endswith("\n") else f"{line}\n{_NO_END}"


def _numbers(text: str, changes: Sequence[Change]) -> list[tuple[int, int]]:
    """(line, number from 1) of every change."""
    return [(line_of(text, change.start), n) for n, change in enumerate(changes, start=1)]


def _lines(text: str) -> list[str]:
    """With their ends; a carriage return alone ends none, as for `patch`."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _as_read(text: str) -> str:
    return text.removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")


def _with_ends(text: str, original: str) -> str:
    """With the line ends and the byte order mark of the original."""
    if "\r\n" in original:
        text = text.replace("\n", "\r\n")
    mark = _BOM if original.startswith(_BOM) else ""
    return mark + text
