"""What a collection holds, as frozen records. How it is stored is `database`'s and `schema`'s."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["indexed", "empty", "refused", "failed"]
"""empty: no text in it; refused: not looked into (too large, no regular file, no known format);
failed: looked into and not readable. All but `indexed` have an `error`."""
Change = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder that was added: what `sync` looks at again."""

    path: Path
    is_excluded: bool = False
    """It was removed from within another source, and stays out."""


@dataclass(frozen=True, slots=True)
class Document:
    id: int
    path: Path
    """Absolute. May hold bytes that are no UTF-8, as `os.fsdecode` writes them."""
    format: str
    """As in `formats`: text, pdf, ...; empty where it was refused before that was known."""
    sha256: str
    """Of the bytes that were read; empty where none were."""
    size_bytes: int
    status: Status
    error: str
    """One line; empty where it is indexed whole."""
    n_passages: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document's text. All of them in order, joined, are the whole text."""

    id: int
    document: Document
    n: int
    """Its place among the document's passages, from 0."""
    page: int | None
    """From 1; None where the format has no pages."""
    heading: str
    """The heading it stands under; empty without one."""
    start: int
    end: int
    """Characters of the document's text: [start, end)."""
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What becomes a `Passage` once it is stored."""

    page: int | None
    heading: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    passage: Passage
    score: float
    """Greater is better; comparable within one search only."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What `add` or `sync` did with one file."""

    document: Document
    change: Change


@dataclass(frozen=True, slots=True)
class Tally:
    """What one `add` or `sync` did: files by change, and those that are not indexed."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    not_indexed: int = 0
    """Of all that are in the collection now: empty, refused and failed ones."""
