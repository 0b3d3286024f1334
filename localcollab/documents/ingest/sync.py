"""Brings a collection up to date with its files: new, changed and missing ones.

A file whose stamp is unchanged is not opened; one whose bytes are unchanged is not parsed. A document is
replaced in one transaction; after a kill at any moment the next run continues and ends with the same
content.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from localcollab.documents import store
from localcollab.documents.database import Database
from localcollab.documents.ingest.batch import Batch, OnVisit
from localcollab.documents.ingest.split import split
from localcollab.documents.ingest.walk import Found, Unlisted, stamp_of, walk
from localcollab.documents.parsing.limits import Limits
from localcollab.documents.parsing.ocr import check_languages, read_pictures
from localcollab.documents.parsing.reader import Parsed, Reader, Task
from localcollab.documents.records import Document, Status, Tally
from localcollab.documents.store import (
    PICTURES,
    Reading,
    Stored,
    by_ocr,
    full_stamp,
    is_current,
    is_same_reader,
    languages_of,
    pictures_of,
)
from localcollab.errors import BadOption


def add(
    database: Database, paths: Sequence[Path], limits: Limits, ocr: str, on_visit: OnVisit | None
) -> Tally:
    """Raises `BadOption` for a path that does not exist, and then adds nothing; for `ocr` as well."""
    sources = [real_path(path) for path in paths]
    if ocr:
        check_languages(ocr)
    with database.write() as connection:
        for source in sources:
            connection.execute(
                "INSERT INTO sources VALUES (?, 0) ON CONFLICT (path) DO UPDATE SET is_excluded = 0",
                (store.from_path(source),),
            )
    return _Walk(database, limits, ocr, on_visit).over(sources)


def sync(database: Database, limits: Limits, on_visit: OnVisit | None) -> Tally:
    return _Walk(database, limits, "", on_visit).over(None)


def remove(database: Database, paths: Sequence[Path]) -> tuple[Document, ...]:
    """Raises `BadOption` for a path from which nothing was added, and then removes nothing."""
    with database.write() as connection:
        gone: dict[int, Document] = {}
        for path in [Path(os.path.realpath(path)) for path in paths]:
            ids = [id_ for id_, _ in store.below(connection, path)]
            sources = sources_of(connection)
            inside = [source for source in sources if source.is_relative_to(path)]
            if not ids and not inside:
                raise BadOption(f"{path} is not in the collection: see localcollab docs list")
            for source in inside:
                connection.execute("DELETE FROM sources WHERE path = ?", (store.from_path(source),))
            if any(path.is_relative_to(source) for source in sources if source not in inside):
                connection.execute("INSERT INTO sources VALUES (?, 1)", (store.from_path(path),))
            gone |= {id_: store.document(connection, id_) for id_ in ids}
            store.delete(connection, ids)
    return tuple(gone.values())


class _Walk:
    """One walk over some sources, or all."""

    def __init__(
        self, database: Database, limits: Limits, ocr: str, on_visit: OnVisit | None
    ) -> None:
        self._database, self._limits, self._ocr = database, limits, ocr
        self._batch = Batch(database, on_visit)
        self._seen: set[bytes] = set()
        self._unlisted: list[Path] = []

    def over(self, sources: Sequence[Path] | None) -> Tally:
        with self._database.read() as connection:
            known = sources_of(connection)
        began = datetime.now(UTC)
        included = [path for path, is_excluded in known.items() if not is_excluded]
        excluded = {path for path, is_excluded in known.items() if is_excluded}
        walked = included if sources is None else sources
        found = (each for source in walked for each in walk(source, excluded, self._limits))
        with Reader(self._limits) as reader, closing(reader.read(self._tasks(found))) as answers:
            for task, parsed in answers:
                self._take(task, parsed)
        self._batch.flush()
        self._batch.delete(self._gone(walked, [path for path in included if path not in walked]))
        if sources is None or set(included) <= set(sources):
            with self._database.write() as connection:
                store.set_read_at(connection, began)
        return self._batch.tally()

    def _tasks(self, found: Iterable[Found | Unlisted]) -> Iterator[Task]:
        """The files that must be read; all others are handled here."""
        for each in found:
            if isinstance(each, Unlisted):
                self._keep(each)
                continue
            path = store.from_path(each.path)
            if path in self._seen:
                continue
            self._seen.add(path)
            stored = self._stored(each.path)
            if each.refusal:
                self._put_unread(each.path, "refused", each.refusal, stored, each.size_bytes)
            elif stored is None:
                yield Task(each.path, "", each.stamp, self._ocr)
            elif is_current(stored, each.stamp) and not self._has_new_pictures(stored):
                self._batch.add_unchanged(stored.id)
            else:
                is_comparable = is_same_reader(stored) and not self._has_new_pictures(stored)
                known = stored.sha256 if is_comparable else ""
                # What was read by OCR before is so again.
                yield Task(each.path, known, each.stamp, self._ocr or languages_of(stored))

    def _has_new_pictures(self, stored: Stored) -> bool:
        """Pages without text that were not read in these languages."""
        return bool(self._ocr) and pictures_of(stored) not in ("", by_ocr(self._ocr))

    def _take(self, task: Task, parsed: Parsed) -> None:
        stored = self._stored(task.path)
        if parsed.is_same and stored is not None:
            stamp = full_stamp(stored.format, task.stamp, pictures_of(stored))
            self._batch.add_unchanged(stored.id, stamp)
            return
        pictures = PICTURES if parsed.pictures else ""
        if pictures and task.ocr:
            pictures = by_ocr(task.ocr)
            parsed = _with_pictures(task, parsed)
        stamp = "" if parsed.may_pass else full_stamp(parsed.format, task.stamp, pictures)
        self._batch.add(
            Reading(task.path, parsed.format, parsed.sha256, parsed.size_bytes, parsed.status,
                    parsed.error, stamp, tuple(split(parsed.sections)))
        )  # fmt: skip

    def _keep(self, unlisted: Unlisted) -> None:
        """A folder that cannot be listed becomes a failed document; a missing file does not."""
        stored = self._stored(unlisted.folder)
        if stored is not None and stored.sha256:
            return
        self._unlisted.append(unlisted.folder)
        self._seen.add(store.from_path(unlisted.folder))
        error = f"{unlisted.error}: what was read from it before is kept"
        self._put_unread(unlisted.folder, "failed", error, stored, 0)

    def _put_unread(
        self, path: Path, status: Status, error: str, stored: Stored | None, size_bytes: int
    ) -> None:
        if stored is not None and (stored.status, stored.error) == (status, error):
            self._batch.add_unchanged(stored.id)
        else:
            self._batch.add(Reading(path, "", "", size_bytes, status, error, ""))

    def _stored(self, path: Path) -> Stored | None:
        with self._database.read() as connection:
            return store.stored(connection, path)

    def _gone(self, walked: Sequence[Path], others: Sequence[Path]) -> list[int]:
        """Documents of the walked sources that were not found; those of other sources inside stay."""
        untouched = (*others, *self._unlisted)
        gone = []
        with self._database.read() as connection:
            for source in walked:
                below = [path for path in untouched if path.is_relative_to(source)]
                for id_, path in store.below(connection, source):
                    at = store.to_path(path)
                    if path not in self._seen and not any(at.is_relative_to(k) for k in below):
                        gone.append(id_)
        return gone


def _with_pictures(task: Task, parsed: Parsed) -> Parsed:
    """By OCR; another try next time where the file was changed meanwhile."""
    parsed = read_pictures(task.path, parsed, task.ocr)
    try:
        is_same = stamp_of(task.path.lstat()) == task.stamp
    except OSError:
        is_same = False
    return parsed if is_same else replace(parsed, may_pass=True)


def sources_of(connection: sqlite3.Connection) -> dict[Path, bool]:
    """Path -> whether it is excluded."""
    found = connection.execute("SELECT path, is_excluded FROM sources ORDER BY path")
    return {store.to_path(row["path"]): bool(row["is_excluded"]) for row in found}


def real_path(path: Path) -> Path:
    """Resolves links, because the user named the path. Raises `BadOption`."""
    try:
        return Path(os.path.realpath(path, strict=True))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BadOption(f"{path} cannot be added ({why}): give a file or folder") from error
