"""Documents and their passages into and out of the tables. Every call stands inside a transaction."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcollab.documents.ingest.split import Piece
from localcollab.documents.records import Change, Status
from localcollab.documents.store import rows


@dataclass(frozen=True, slots=True)
class Stored:
    """What the next look at a file is compared with."""

    id: int
    format: str
    sha256: str
    size_bytes: int
    status: Status
    error: str
    stamp: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was just looked at."""

    path: Path
    format: str
    sha256: str
    size_bytes: int
    status: Status
    error: str
    stamp: str
    pieces: Sequence[Piece] = ()


def stored(connection: sqlite3.Connection, path: Path) -> Stored | None:
    row = connection.execute(
        "SELECT id, format, sha256, size_bytes, status, error, stamp FROM documents WHERE path = ?",
        (rows.from_path(path),),
    ).fetchone()
    return None if row is None else Stored(*row)


def put(connection: sqlite3.Connection, reading: Reading) -> tuple[int, Change]:
    """The document's id, and what became of it. Passages are replaced as a whole."""
    known = stored(connection, reading.path)
    values = (reading.format, reading.sha256, reading.size_bytes, reading.status, reading.error,
              reading.stamp)  # fmt: skip
    if known is None:
        cursor = connection.execute(
            "INSERT INTO documents(path, format, sha256, size_bytes, status, error, stamp)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (rows.from_path(reading.path), *values),
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
    """Ids and paths of the document at `folder` itself and of all in it, by path."""
    path = rows.from_path(folder)
    first, after = path.rstrip(b"/") + b"/", path.rstrip(b"/") + b"0"  # 0 comes after /
    found = connection.execute(
        "SELECT id, path FROM documents WHERE path = ? OR (path >= ? AND path < ?) ORDER BY path",
        (path, first, after),
    )
    return ((row["id"], row["path"]) for row in found)


def _insert(connection: sqlite3.Connection, document: int, pieces: Sequence[Piece]) -> None:
    connection.executemany(
        'INSERT INTO passages(document, n, page, heading, start, "end", text)'
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (document, n, piece.page, piece.heading, piece.start, piece.end, piece.text)
            for n, piece in enumerate(pieces)
        ],
    )
