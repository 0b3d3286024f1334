"""Rows <-> records."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from localcollab.documents.records import Document, Passage

DOCUMENT = """SELECT d.id, d.path, d.format, d.sha256, d.size_bytes, d.status, d.error,
    (SELECT count(*) FROM passages WHERE document = d.id) AS n_passages FROM documents d"""
PASSAGE = """SELECT p.id, p.document, p.n, p.page, p.heading, p.start, p."end", p.text
    FROM passages p"""


def to_document(row: sqlite3.Row) -> Document:
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
    """With their documents; each document is read once."""
    documents: dict[int, Document] = {}
    for row in found:
        if row["document"] not in documents:
            documents[row["document"]] = document(connection, row["document"])
    return [_to_passage(row, documents[row["document"]]) for row in found]


def document(connection: sqlite3.Connection, id_: int) -> Document:
    return to_document(connection.execute(f"{DOCUMENT} WHERE d.id = ?", (id_,)).fetchone())


def to_path(stored: bytes) -> Path:
    return Path(os.fsdecode(stored))


def from_path(path: Path) -> bytes:
    return os.fsencode(path)


def _to_passage(row: sqlite3.Row, of: Document) -> Passage:
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
