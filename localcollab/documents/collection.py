"""A collection as one object: what the app, `run --docs` and the command line call.

Any thread may call any method; calls run one after another, and what they return is a finished
value. Several processes may have the same file open. Every call raises `BadCollection` (damaged,
locked, full, closed) or, for what was passed to it, `BadOption`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from platformdirs import user_data_path

from localcollab.documents import store
from localcollab.documents.database import Database
from localcollab.documents.ingest import sync as syncing
from localcollab.documents.parsing.limits import DEFAULT_LIMITS, Limits
from localcollab.documents.records import Document, Hit, Passage, Source, Tally, Visit
from localcollab.documents.search import search as searching
from localcollab.documents.search.embedding import Nearest, OnEmbedded
from localcollab.documents.search.vectors import Embedding
from localcollab.errors import BadCollection, BadOption

DEFAULT_NAME = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIX = ".sqlite3"

OnVisit = Callable[[Visit], None]


def collections_folder() -> Path:
    return user_data_path("localcollab") / "collections"


def collection_path(name: str) -> Path:
    """Raises `BadOption` for a name that cannot be a file's."""
    if not _NAME.fullmatch(name):
        raise BadOption(
            f"the collection {name!r} cannot be named so: use letters, digits, dots, dashes"
        )
    return collections_folder() / (name + _SUFFIX)


def collection_names() -> tuple[str, ...]:
    found = collections_folder().glob("*" + _SUFFIX)
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in found))


def open_collection(name: str = DEFAULT_NAME, *, create: bool = False) -> "Collection":
    """Raises `BadCollection` for one that is not there, unless `create`."""
    path = collection_path(name)
    if not create and not path.is_file():
        others = ", ".join(collection_names()) or "none yet"
        raise BadCollection(
            f"there is no collection {name!r} (there are: {others}): add files to it first "
            "(localcollab docs add)"
        )
    return Collection(path)


class Collection:
    def __init__(self, path: Path | None) -> None:
        """None: in memory. A file that is not there is made."""
        self._database = Database(path)
        self._nearest = Nearest(self._database)

    @property
    def path(self) -> Path | None:
        return self._database.path

    # Files

    def add(
        self,
        paths: Sequence[Path],
        *,
        limits: Limits = DEFAULT_LIMITS,
        on_visit: OnVisit | None = None,
    ) -> Tally:
        """Make `paths` sources and read what is in them. Stopped at any moment, it goes on later."""
        return syncing.add(self._database, paths, limits, on_visit)

    def sync(self, *, limits: Limits = DEFAULT_LIMITS, on_visit: OnVisit | None = None) -> Tally:
        """Look at all sources again: only what changed is read, what is gone is removed."""
        return syncing.sync(self._database, limits, on_visit)

    def remove(self, paths: Sequence[Path]) -> tuple[Document, ...]:
        """Remove sources, or what is in them, for good; the files stay. Returns what was removed."""
        removed = syncing.remove(self._database, paths)
        self._database.scrub()
        return removed

    def sources(self) -> tuple[Source, ...]:
        with self._database.read() as connection:
            found = connection.execute("SELECT path, is_excluded FROM sources ORDER BY path")
            return tuple(Source(store.to_path(r["path"]), bool(r["is_excluded"])) for r in found)

    def documents(self) -> tuple[Document, ...]:
        """Whatever their status, by path."""
        with self._database.read() as connection:
            found = connection.execute(f"{store.DOCUMENT} ORDER BY d.path")
            return tuple(map(store.to_document, found))

    # Vectors

    def embed(
        self,
        model: Path,
        *,
        before_query: str = "",
        before_passage: str = "",
        on_embedded: OnEmbedded | None = None,
    ) -> int:
        """Search by vectors of this encoder too. Stopped at any moment, it goes on later.

        Returns how many passages got one. Raises `BadModelFile`.
        """
        return self._nearest.embed(model, before_query, before_passage, on_embedded)

    def forget_vectors(self) -> None:
        self._nearest.forget()
        self._database.scrub()

    def embedding(self) -> tuple[Embedding, int] | None:
        """What its vectors are of, and how many passages have none yet; None without vectors."""
        return self._nearest.describe()

    # Passages

    def search(self, query: str, n: int = 8) -> list[Hit]:
        """The best passages first; any text is a valid query. See `searching` and `embedding`."""
        return self._nearest.search(query, n)

    def holds(self, word: str) -> bool:
        """Whether any passage or heading has the word, in whatever case or ending."""
        with self._database.read() as connection:
            return searching.holds(connection, word)

    def passage(self, id_: int) -> Passage:
        with self._database.read() as connection:
            found = connection.execute(f"{store.PASSAGE} WHERE p.id = ?", (id_,)).fetchall()
            if not found:
                raise BadOption(f"there is no passage {id_}: the document changed; search again")
            return store.to_passages(connection, found)[0]

    def passages(self, document: Document) -> tuple[Passage, ...]:
        """All of a document; their texts joined are its text."""
        with self._database.read() as connection:
            found = connection.execute(
                f"{store.PASSAGE} WHERE p.document = ? ORDER BY p.n", (document.id,)
            ).fetchall()
            return tuple(store.to_passages(connection, found))

    def neighbours(self, passage: Passage) -> tuple[Passage, ...]:
        """The passage before and the one after it in its document: 0, 1 or 2."""
        with self._database.read() as connection:
            found = connection.execute(
                f"{store.PASSAGE} WHERE p.document = ? AND p.n IN (?, ?) ORDER BY p.n",
                (passage.document.id, passage.n - 1, passage.n + 1),
            ).fetchall()
            return tuple(store.to_passages(connection, found))

    def content_sha256(self) -> str:
        """Of everything that was read, whatever the order and the interruptions it was read in."""
        digest = hashlib.sha256()
        with self._database.read() as connection:
            for row in connection.execute(_CONTENT):
                values = [v.hex() if isinstance(v, bytes) else v for v in row]
                digest.update(json.dumps(values).encode() + b"\n")
        return digest.hexdigest()

    # The file

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_CONTENT = """SELECT d.path, d.format, d.sha256, d.size_bytes, d.status, d.error,
    p.n, p.page, p.heading, p.start, p."end", p.text
    FROM documents d LEFT JOIN passages p ON p.document = d.id ORDER BY d.path, p.n"""
