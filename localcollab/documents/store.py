"""Documents and their passages into and out of the tables, and whether a stored one is still current.

Functions that take a connection are called inside a transaction.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import NoneType

from localcollab.documents.database import passage_languages
from localcollab.documents.parsing import formats
from localcollab.documents.records import Change, Document, Passage, Piece, Status
from localcollab.storage.sqlite import Types, UnreadableRow, require_types

DOCUMENT = """SELECT d.id, d.path, d.format, d.sha256, d.size_bytes, d.status, d.error,
    (SELECT count(*) FROM passages WHERE document = d.id) AS n_passages FROM documents d"""
PASSAGE = """SELECT p.id, p.document, p.n, p.page, p.heading, p.start, p."end", p.text
    FROM passages p"""
SECONDS_SETTLED = 2.0
"""A file modified less than this before it was read may change again with the same times."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of a file from the last time."""

    id: int
    format: str
    sha256: str
    size_bytes: int
    status: Status
    error: str
    stamp: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was just read."""

    path: Path
    format: str
    sha256: str
    size_bytes: int
    status: Status
    error: str
    stamp: str
    pieces: Sequence[Piece] = ()


_DOCUMENT_TYPES: Types = {
    "id": int, "path": bytes, "format": str, "sha256": str, "size_bytes": int, "status": str,
    "error": str,
}  # fmt: skip
_STORED_TYPES: Types = {k: v for k, v in _DOCUMENT_TYPES.items() if k != "path"} | {"stamp": str}
_PASSAGE_TYPES: Types = {
    "id": int, "document": int, "n": int, "page": (int, NoneType), "heading": str, "start": int,
    "end": int, "text": str,
}  # fmt: skip


def to_document(row: sqlite3.Row) -> Document:
    require_types(row, _DOCUMENT_TYPES)
    return Document(
        id=row["id"],
        path=to_path(row["path"]),
        format=row["format"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        status=row["status"],
        error=row["error"],
        n_passages=row["n_passages"],
    )


def to_passages(connection: sqlite3.Connection, found: Sequence[sqlite3.Row]) -> list[Passage]:
    """Passages with their documents; each document is read once."""
    documents: dict[int, Document] = {}
    for row in found:
        if row["document"] not in documents:
            documents[row["document"]] = document(connection, row["document"])
    return [_to_passage(row, documents[row["document"]]) for row in found]


def document(connection: sqlite3.Connection, id_: int) -> Document:
    row = connection.execute(f"{DOCUMENT} WHERE d.id = ?", (id_,)).fetchone()
    if row is None:
        raise UnreadableRow(f"document {id_} is missing")
    return to_document(row)


def to_path(stored: bytes) -> Path:
    return Path(os.fsdecode(stored))


def from_path(path: Path) -> bytes:
    return os.fsencode(path)


def _to_passage(row: sqlite3.Row, of: Document) -> Passage:
    require_types(row, _PASSAGE_TYPES)
    return Passage(
        id=row["id"],
        document=of,
        n=row["n"],
        page=row["page"],
        heading=row["heading"],
        start=row["start"],
        end=row["end"],
        text=row["text"],
    )


def stored(connection: sqlite3.Connection, path: Path) -> Stored | None:
    row = connection.execute(
        "SELECT id, format, sha256, size_bytes, status, error, stamp FROM documents WHERE path = ?",
        (from_path(path),),
    ).fetchone()
    if row is None:
        return None
    require_types(row, _STORED_TYPES)
    return Stored(*row)


def all_stored(connection: sqlite3.Connection) -> dict[bytes, Stored]:
    """By path."""
    found = connection.execute(
        "SELECT path, id, format, sha256, size_bytes, status, error, stamp FROM documents"
    ).fetchall()
    for row in found:
        require_types(row, {"path": bytes} | dict(_STORED_TYPES))
    return {row["path"]: Stored(*tuple(row)[1:]) for row in found}


def read_at(connection: sqlite3.Connection) -> datetime | None:
    """When all sources were looked at last; None: never, or by an older release."""
    row = connection.execute("SELECT at FROM synced").fetchone()
    return None if row is None else datetime.fromtimestamp(row["at"] / 1e6, UTC)


def set_read_at(connection: sqlite3.Connection, at: datetime) -> None:
    connection.execute("DELETE FROM synced")
    connection.execute("INSERT INTO synced VALUES (?)", (int(at.timestamp() * 1e6),))


def put(connection: sqlite3.Connection, reading: Reading) -> tuple[int, Change]:
    """Store it. Returns the document's id and what changed. All passages are replaced."""
    known = stored(connection, reading.path)
    values = (reading.format, reading.sha256, reading.size_bytes, reading.status, reading.error,
              reading.stamp)  # fmt: skip
    if known is None:
        cursor = connection.execute(
            "INSERT INTO documents(path, format, sha256, size_bytes, status, error, stamp)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (from_path(reading.path), *values),
        )
        assert cursor.lastrowid is not None
        _insert(connection, cursor.lastrowid, reading.pieces)
        return cursor.lastrowid, "added"
    connection.execute("DELETE FROM passages WHERE document = ?", (known.id,))
    connection.execute(
        "UPDATE documents SET format = ?, sha256 = ?, size_bytes = ?, status = ?, error = ?,"
        " stamp = ? WHERE id = ?",
        (*values, known.id),
    )
    _insert(connection, known.id, reading.pieces)
    return known.id, "changed"


def is_there(connection: sqlite3.Connection, id_: int) -> bool:
    found = connection.execute("SELECT 1 FROM documents WHERE id = ?", (id_,))
    return found.fetchone() is not None


def set_stamp(connection: sqlite3.Connection, id_: int, stamp: str) -> None:
    connection.execute("UPDATE documents SET stamp = ? WHERE id = ?", (stamp, id_))


def delete(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    for id_ in ids:
        connection.execute("DELETE FROM passages WHERE document = ?", (id_,))
        connection.execute("DELETE FROM documents WHERE id = ?", (id_,))


def below(connection: sqlite3.Connection, folder: Path) -> Iterator[tuple[int, bytes]]:
    """Ids and paths of the document at `folder` itself and of all inside it, by path."""
    path = from_path(folder)
    first, after = path.rstrip(b"/") + b"/", path.rstrip(b"/") + b"0"  # 0 comes after /
    found = connection.execute(
        "SELECT id, path FROM documents WHERE path = ? OR (path >= ? AND path < ?) ORDER BY path",
        (path, first, after),
    )
    return ((row["id"], row["path"]) for row in found)


def _insert(connection: sqlite3.Connection, document: int, pieces: Sequence[Piece]) -> None:
    languages = passage_languages([piece.text for piece in pieces])
    connection.executemany(
        'INSERT INTO passages(document, n, page, heading, start, "end", text, language)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (document, n, piece.page, piece.heading, piece.start, piece.end, piece.text, language)
            for n, (piece, language) in enumerate(zip(pieces, languages, strict=True))
        ],
    )


PICTURES, _OCR = "pictures", "ocr-"
"""What a stamp says of pages without text: that they were not read, or in which languages."""


def full_stamp(format_: str, stamp: str, pictures: str) -> str:
    """Stamp of a file and its reader's version; without the file's part while it may still change.

    `pictures`: PICTURES, or what `by_ocr` gives; empty where every page has text.
    """
    changed_ns = int(stamp.split()[2])
    if time.time() - changed_ns / 1e9 < SECONDS_SETTLED:
        return f"{_reader(format_, pictures)} "
    return f"{_reader(format_, pictures)} {stamp}"


def is_current(stored: Stored, stamp: str) -> bool:
    return stored.stamp == f"{_reader(stored.format, pictures_of(stored))} {stamp}"


def is_same_reader(stored: Stored) -> bool:
    """Whether the reader would give the same text for the same bytes."""
    return stored.stamp.startswith(f"{_reader(stored.format, pictures_of(stored))} ")


def by_ocr(languages: str) -> str:
    return _OCR + languages


def pictures_of(stored: Stored) -> str:
    parts = stored.stamp.partition(" ")[0].split("/", 2)
    return parts[2] if len(parts) > 2 else ""


def languages_of(stored: Stored) -> str:
    """In which its pictures were read; empty: they were not."""
    pictures = pictures_of(stored)
    return pictures.removeprefix(_OCR) if pictures.startswith(_OCR) else ""


def _reader(format_: str, pictures: str) -> str:
    return f"{_parser(format_)}/{pictures}" if pictures else _parser(format_)


@cache
def _parser(format_: str) -> str:
    if format_ != "pdf":
        return f"{formats.VERSION}"
    try:
        return f"{formats.VERSION}/pypdf-{version('pypdf')}"
    except PackageNotFoundError:
        return f"{formats.VERSION}/no-pypdf"
