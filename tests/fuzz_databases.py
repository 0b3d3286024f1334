"""Reads damaged histories and collections as the program does."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from localcollab.errors import (
    BadDatabase,
    BadOption,
    LocalcollabError,
)

if TYPE_CHECKING:
    from localcollab.documents.collection import Collection
    from localcollab.documents.records import Document
    from localcollab.history import History


_WAYS: tuple[Callable[["History", str], object], ...] = (
    lambda history, id_: [history.tokens(message.id) for message in history.branch(id_)],
    lambda history, id_: history.export_json(id_),
    lambda history, id_: history.export_markdown(id_),
    lambda history, id_: history.turns(id_, "12" * 32),
    lambda history, id_: history.add_question(id_, "the tin"),
    lambda history, id_: history.undo(id_),
    lambda history, id_: history.rename(id_, "x"),
)


def histories(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab.history import open_history

    _without_journal(path)
    yield _is_database(path)
    with open_history(path) as history:
        found = history.conversations(limit=100)
        ways: list[Callable[[], object]] = [
            history.count, lambda: history.search("tin"), lambda: history.search("in"),
            lambda: history.backup(folder / "backup.sqlite3"),
            lambda: history.create(title="new"),
        ]  # fmt: skip
        for one in found:
            ways += [partial(way, history, one.id) for way in _WAYS]
        ways += [partial(history.delete, one.id) for one in found[:1]]
        _each(ways)


def _each(ways: list[Callable[[], object]]) -> None:
    """All of them, whatever the first ones raise of what is documented; then the first error."""
    errors: list[LocalcollabError] = []
    for way in ways:
        try:
            way()
        except (BadDatabase, BadOption) as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _passages(collection: "Collection", document: "Document") -> None:
    for each in collection.passages(document)[:3]:
        collection.neighbours(each)


def collections(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab.documents.collection import Collection
    from localcollab.documents.database import Database
    from localcollab.documents.search import search, vectors

    _without_journal(path)
    yield _is_database(path)
    with Collection(path) as collection:
        documents = collection.documents()
        ways: list[Callable[[], object]] = [
            collection.sources, collection.embedding, collection.content_sha256,
            lambda: collection.search("inner tin"), lambda: collection.search("q" * 300),
            lambda: collection.holds("tin"), lambda: collection.find("0.md"),
        ]  # fmt: skip
        ways += [partial(_passages, collection, document) for document in documents]
        _each(ways)
    database = Database(path)
    try:
        with database.read() as connection:
            search.search(connection, "inner tin", 5)
            loaded = vectors.load(connection)
            loaded.nearest(
                np.full(loaded.values.shape[1] if loaded.values.ndim > 1 else 8, 0.3, np.float32), 3
            )
    finally:
        database.close()


def _is_database(path: Path) -> bool:
    import sqlite3

    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except (sqlite3.Error, UnicodeDecodeError):
        return False
    finally:
        connection.close()


def _without_journal(path: Path) -> None:
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.with_name("backup.sqlite3").unlink(missing_ok=True)
