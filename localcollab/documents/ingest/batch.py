"""Stores many small files per transaction: commits every second or every few megabytes."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from localcollab.documents import store
from localcollab.documents.database import Database
from localcollab.documents.records import Change, Tally, Visit
from localcollab.documents.store import Reading

OnVisit = Callable[[Visit], None]
_CHARS = 2_000_000
SECONDS = 1.0
_DELETED_AT_ONCE = 500


class Batch:
    """Calls `on_visit` only for what has been committed."""

    def __init__(self, database: Database, on_visit: OnVisit | None) -> None:
        self._database, self._on_visit = database, on_visit
        self._readings: list[Reading] = []
        self._unchanged: list[tuple[int, str | None]] = []
        self._n_chars, self._began = 0, time.monotonic()
        self._counts: Counter[Change] = Counter()

    def add(self, reading: Reading) -> None:
        self._readings.append(reading)
        self._n_chars += sum(len(piece.text) for piece in reading.pieces)
        self._flush_if_due()

    def add_unchanged(self, document: int, stamp: str | None = None) -> None:
        """`stamp`: the file's new stamp, if it was touched."""
        self._unchanged.append((document, stamp))
        self._flush_if_due()

    def flush(self) -> None:
        visits = []
        with self._database.write() as connection:
            for document, stamp in self._unchanged:
                if not store.is_there(connection, document):  # another process removed it
                    continue
                if stamp is not None:
                    store.set_stamp(connection, document, stamp)
                visits.append(Visit(store.document(connection, document), "unchanged"))
            for reading in self._readings:
                id_, change = store.put(connection, reading)
                visits.append(Visit(store.document(connection, id_), change))
        self._readings, self._unchanged = [], []
        self._n_chars, self._began = 0, time.monotonic()
        self._tell(visits)

    def delete(self, ids: Sequence[int]) -> None:
        for first in range(0, len(ids), _DELETED_AT_ONCE):
            with self._database.write() as connection:
                some = ids[first : first + _DELETED_AT_ONCE]
                some = [id_ for id_ in some if store.is_there(connection, id_)]
                visits = [Visit(store.document(connection, id_), "removed") for id_ in some]
                store.delete(connection, some)
            self._tell(visits)
        if ids:
            self._database.scrub()

    def tally(self) -> Tally:
        with self._database.read() as connection:
            (n,) = connection.execute(
                "SELECT count(*) FROM documents WHERE status != 'indexed'"
            ).fetchone()
        n_of = self._counts
        return Tally(n_of["added"], n_of["changed"], n_of["unchanged"], n_of["removed"], n)

    def _flush_if_due(self) -> None:
        if self._n_chars >= _CHARS or time.monotonic() - self._began >= SECONDS:
            self.flush()

    def _tell(self, visits: Sequence[Visit]) -> None:
        for visit in visits:
            self._counts[visit.change] += 1
            if self._on_visit is not None:
                self._on_visit(visit)
