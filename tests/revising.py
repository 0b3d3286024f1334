"""Revisions of texts by texts: a collection without files, filled as `sync` fills it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from localcollab.documents import store
from localcollab.documents.collection import Collection
from localcollab.documents.ingest.split import split
from localcollab.documents.parsing import markdown
from localcollab.documents.parsing.limits import DEFAULT_LIMITS
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.records import Piece
from localcollab.documents.revise.revise import File, Revision, revise_file

OLD = "guide-2024-01-01.md"
NEW = "letter-2025-03-01.md"


def pieces_of(text: str) -> tuple[Piece, ...]:
    return tuple(split(markdown.parse(Raw(text.encode(), ".md", DEFAULT_LIMITS))))


def collection_of(documents: Mapping[str, str]) -> Collection:
    """File name -> text."""
    collection = Collection(None)
    for name, text in documents.items():
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        with collection._database.write() as connection:
            store.put(
                connection,
                store.Reading(
                    Path("/nowhere") / name, "markdown", sha256, len(text), "indexed", "", "",
                    pieces_of(text),
                ),
            )  # fmt: skip
    return collection


def revised(old: str, *newer: str | Mapping[str, str], name: str = OLD) -> Revision:
    """`newer`: one text, or documents by name."""
    documents: dict[str, str] = {}
    for each in newer:
        documents |= {NEW: each} if isinstance(each, str) else each
    file = File(Path("/nowhere") / name, "markdown", "0", pieces_of(old))
    return revise_file(file, collection_of(documents))


def changes(old: str, *newer: str | Mapping[str, str], name: str = OLD) -> list[tuple[str, str]]:
    return [(c.old, c.new) for c in revised(old, *newer, name=name).changes]
