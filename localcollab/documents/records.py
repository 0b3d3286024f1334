"""What a collection holds, as frozen records. How they are stored is left to `store`."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

Status = Literal["indexed", "empty", "refused", "failed"]
"""empty: contains no text; refused: not opened (too large, not a regular file, unknown format);
failed: opened but not readable. All but `indexed` have an `error`."""
ATTACHED = "the attached files"
"""What stands for a collection's name where files are attached to questions."""
Change = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder that was added, and is checked by `sync`."""

    path: Path
    is_excluded: bool = False
    """It was removed from another source that contains it, and stays out."""


@dataclass(frozen=True, slots=True)
class Document:
    id: int
    path: Path
    """Absolute. May hold bytes that are not UTF-8, as `os.fsdecode` decodes them."""
    format: str
    """As in `formats`: text, pdf, ...; empty if it was refused before that was known."""
    sha256: str
    """Of the bytes read; empty if none were."""
    size_bytes: int
    status: Status
    error: str
    """One line; empty if it is fully indexed."""
    n_passages: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document's text. All passages in order, joined, are the whole text."""

    id: int
    document: Document
    n: int
    """Its index among the document's passages, from 0."""
    page: int | None
    """From 1; None if the format has no pages."""
    heading: str
    """The heading above it; empty without one."""
    start: int
    end: int
    """Characters of the document's text: [start, end)."""
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A `Passage` before it is stored."""

    page: int | None
    heading: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    passage: Passage
    score: float
    """Higher is better; comparable within one search only."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What `add` or `sync` did with one file."""

    document: Document
    change: Change


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far a collection is behind its files."""

    as_of: datetime
    """When all files were looked at last."""
    n_changed: int
    """New, changed or missing since then."""
    is_complete: bool = True
    """Not all files could be looked at in the time."""

    def __str__(self) -> str:
        local = self.as_of.astimezone()
        is_today = local.date() == datetime.now().astimezone().date()
        when = f"as of {local:%H:%M}" if is_today else f"as of {local:%Y-%m-%d %H:%M}"
        if not self.n_changed:
            return when
        least = "" if self.is_complete else "at least "
        files = f"{self.n_changed} changed file{'' if self.n_changed == 1 else 's'}"
        return f"{when}; {least}{files} not read yet"


@dataclass(frozen=True, slots=True)
class Tally:
    """What one `add` or `sync` did: files by change, and those that are not indexed."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    not_indexed: int = 0
    """Documents of the collection that are empty, refused or failed."""
