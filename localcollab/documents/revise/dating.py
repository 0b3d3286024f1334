"""How old a document is: by the date its text says, else by its name, else by the file's time."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from localcollab.documents.checking.dates import dates
from localcollab.errors import BadOption

By = Literal["text", "name", "file", "user"]
_WORDS: dict[By, str] = {
    "text": "the date in its text", "name": "the date in its name", "file": "the file's time",
    "user": "the date given",
}  # fmt: skip
_HEAD = 1000
"""Characters in which a document says its date."""
_SAYS = re.compile(
    r"(?:^|\n|[|(])[ \t>*_#-]*(?:date|dated|last\s+(?:updated|changed|modified|revised)|updated|revised"
    r"|revision|version(?:\s+of)?|as\s+of|effective(?:\s+from)?|valid\s+from|issued|published"
    r"|datum|stand|gültig\s+ab|geändert\s+am|aktualisiert(?:\s+am)?"
    r"|date\s+d['’]effet|mise\s+à\s+jour|version\s+du|en\s+date\s+du"
    r"|fecha|actualizado(?:\s+el)?|vigente\s+desde|data|aggiornato(?:\s+al)?|valido\s+dal"
    r")[ \t*_]*[:=]?[ \t*_]*(?:the\s+|den\s+|le\s+|el\s+|il\s+|on\s+|of\s+)?",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[^\W\d_][\w .-]{0,40},\s*(?:den\s+|le\s+)?")
"""A place before the date of a letter."""
_TITLE = re.compile(r"[^\W\d_][^\s.!?]*(?:\s+[^\s.!?]+){0,4}\s*")
"""At most five words, without the end of a sentence."""
_OTHER_DAYS = re.compile(
    r"\b(?:until|till|by|due|before|deadline|expir\w*|ends?|begins?|starts?|from|since|bis|fällig|ab|seit"
    r"|frist|jusqu\w*|avant|hasta|antes|entro|fino|born|geboren)\b",
    re.IGNORECASE,
)
_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:[-_. ]?(\d\d)(?:[-_. ]?(\d\d))?)?(?!\d)")


@dataclass(frozen=True, slots=True)
class Dated:
    """From `start` to `end`: a year alone is as long as the year."""

    start: datetime
    end: datetime
    by: By

    def is_newer_than(self, other: "Dated") -> bool:
        return self.start > other.end

    def __str__(self) -> str:
        """As "2025-03-01, by the date in its text"."""
        days = (self.end - self.start).days
        if days > 31:
            when = f"{self.start:%Y}"
        elif days > 1:
            when = f"{self.start:%Y-%m}"
        else:
            when = f"{self.start:%Y-%m-%d}"
        return f"{when}, by {_WORDS[self.by]}"


def dated(text: str, path: Path, time_ns: int) -> Dated:
    """`time_ns`: of the file's last change."""
    found = _of_text(text[:_HEAD]) or _of_name(path)
    if found is not None:
        return found
    at = datetime.fromtimestamp(time_ns / 1e9, UTC)
    return Dated(at, at, "file")


def given(text: str) -> Dated:
    """A date that the user says. Raises `BadOption`."""
    found = _IN_NAME.fullmatch(text.strip())
    made = found and _span(*(int(part or 0) for part in found.groups()), by="user")
    if not made:
        raise BadOption(f"`dated` is {text!r}: give a date as 2025-03-01, 2025-03 or 2025")
    return made


def mtime_ns(path: Path) -> int:
    """0 for a file that is gone: older than all others."""
    try:
        return os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        return 0


def _of_text(head: str) -> Dated | None:
    """The first date that the text calls its own, or that stands alone on a line."""
    for start, end, readings in dates(head):
        before = head[max(0, start - 60) : start]
        line_start = head.rfind("\n", 0, start) + 1
        line_end = head.find("\n", end)
        rest = head[end : line_end if line_end >= 0 else len(head)]
        line = head[line_start:start].strip(" *_#>|\t")
        is_first = not head[:line_start].strip(" \n*_#>|-=")
        is_title = is_first and _TITLE.fullmatch(line) and not _OTHER_DAYS.search(line)
        is_alone = not rest.strip(" *_.)|\t") and (
            not line or _LETTER.fullmatch(line + " ") or is_title
        )
        says = any(found.end() == len(before) for found in _SAYS.finditer(before))
        if (is_alone or says) and len(readings) == 1:
            (date,) = readings
            if date.year and (made := _span(*date, by="text")):
                return made
    return None


def _of_name(path: Path) -> Dated | None:
    for found in _IN_NAME.finditer(path.stem):
        if made := _span(*(int(part or 0) for part in found.groups()), by="name"):
            return made
    return None


def _span(year: int, month: int, day: int, *, by: By) -> Dated | None:
    """Of a year, a month or a day; None where there is no such day."""
    try:
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
        if day:
            after = start + timedelta(days=1)
        elif month:
            after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        else:
            after = datetime(year + 1, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return Dated(start, after - timedelta(seconds=1), by)
