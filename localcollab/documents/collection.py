"""A collection as one object: what the app and the command line call.

Any thread may call any method; calls run one after another and return finished values. Several processes
may have the same file open. Every call may raise `BadCollection` (damaged, locked, full, closed), or
`BadOption` for its arguments.
"""

import hashlib
import json
import os
import re
import secrets
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from platformdirs import user_data_path

from localcollab.documents import store
from localcollab.documents.database import Database
from localcollab.documents.ingest import sync as syncing
from localcollab.documents.ingest.freshness import freshness
from localcollab.documents.parsing.limits import DEFAULT_LIMITS, Limits
from localcollab.documents.records import ATTACHED as ATTACHED
from localcollab.documents.records import Document, Freshness, Hit, Passage, Source, Tally, Visit
from localcollab.documents.search import search as searching
from localcollab.documents.search.embedding import Nearest, OnEmbedded
from localcollab.documents.search.vectors import Embedding
from localcollab.errors import BadCollection, BadOption
from localcollab.storage import state_files

DEFAULT_NAME = "default"
_MOST_PASSAGES = 10**15
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIX = ".sqlite3"

OnVisit = Callable[[Visit], None]
_attached: "weakref.WeakSet[Collection]" = weakref.WeakSet()


def collections_folder() -> Path:
    return user_data_path("localcollab") / "collections"


def collection_path(name: str) -> Path:
    """Raises `BadOption` for a name that cannot be a file name."""
    if not _NAME.fullmatch(name):
        raise BadOption(
            f"a collection cannot be named {name!r}: use letters, digits, dots and dashes"
        )
    return collections_folder() / (name + _SUFFIX)


def collection_names() -> tuple[str, ...]:
    found = collections_folder().glob("*" + _SUFFIX)
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in found))


def open_collection(name: str = DEFAULT_NAME, *, create: bool = False) -> "Collection":
    """Raises `BadCollection` if it does not exist, unless `create`."""
    path = collection_path(name)
    if not create and not path.is_file():
        others = ", ".join(collection_names()) or "none yet"
        raise BadCollection(
            f"there is no collection {name!r} (there are: {others}): add files to it first "
            "(localcollab docs add)"
        )
    return Collection(path)


def attach(paths: Sequence[Path], *, limits: Limits = DEFAULT_LIMITS) -> "Collection":
    """The files in memory, for the questions of now. Raises `BadOption` for one that cannot be read."""
    collection = Collection(None, first_passage=secrets.randbelow(_MOST_PASSAGES))
    _attached.add(collection)
    try:
        collection.add([syncing.real_path(path) for path in paths], limits=limits)
        for document in collection.documents():
            if document.status != "indexed":
                raise BadOption(
                    f"{document.path} cannot be attached: {document.error or document.status}"
                )
        if not collection.documents():
            raise BadOption(f"{paths[0]} holds no files that can be read: give another path")
    except BaseException:
        collection.close()
        raise
    return collection


def attached_passage(id_: int) -> tuple["Collection", Passage]:
    """A passage of files that are attached now. Raises `BadOption`."""
    for collection in list(_attached):
        try:
            return collection, collection.passage(id_)
        except (BadCollection, BadOption):  # closed, or of other files
            continue
    raise BadOption(f"no passage {id_} of attached files: attach the files again")


class Collection:
    def __init__(self, path: Path | None, *, first_passage: int = 0) -> None:
        """`path` None: in memory. A missing file is created. `first_passage`: ids come after it."""
        self._database = Database(path, first_passage)
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
        ocr: str = "",
        on_visit: OnVisit | None = None,
    ) -> Tally:
        """Make `paths` sources and read their files. If interrupted, the next call continues.

        `ocr`: languages of tesseract, such as "eng+deu", in which pages of PDFs that are pictures are
        read, also of files that are there already; empty: they are not read.
        """
        return self._without_states(syncing.add(self._database, paths, limits, ocr, on_visit))

    def sync(self, *, limits: Limits = DEFAULT_LIMITS, on_visit: OnVisit | None = None) -> Tally:
        """Check all sources again: changed files are read, missing ones removed."""
        return self._without_states(syncing.sync(self._database, limits, on_visit))

    def remove(self, paths: Sequence[Path]) -> tuple[Document, ...]:
        """Remove sources, or documents in them, permanently; the files stay. Returns what was removed."""
        removed = syncing.remove(self._database, paths)
        self._database.scrub()
        self._forget_states()
        return removed

    def freshness(self) -> Freshness | None:
        """How far it is behind its files; None before the first `add` or `sync`."""
        return freshness(self._database)

    def sources(self) -> tuple[Source, ...]:
        with self._database.read() as connection:
            found = connection.execute("SELECT path, is_excluded FROM sources ORDER BY path")
            return tuple(Source(store.to_path(r["path"]), bool(r["is_excluded"])) for r in found)

    def documents(self) -> tuple[Document, ...]:
        """All documents, whatever their status, by path."""
        with self._database.read() as connection:
            found = connection.execute(f"{store.DOCUMENT} ORDER BY d.path")
            return tuple(map(store.to_document, found))

    def find(self, path: str) -> Document:
        """The document of this path, or the only one whose path ends so. Raises `BadOption`."""
        documents, exact = self.documents(), Path(os.path.realpath(path))
        found = [each for each in documents if each.path == exact] or [
            each for each in documents if os.fspath(each.path).endswith(path)
        ]
        if len(found) != 1:
            count = f"{len(found)} files end" if found else "no file of the collection ends"
            raise BadOption(f"{count} with {path!r}: see localcollab docs list")
        return found[0]

    def _without_states(self, tally: Tally) -> Tally:
        if tally.changed or tally.removed:
            self._forget_states()
        return tally

    def _forget_states(self) -> None:
        """What models keep on disk of its passages, which may be gone."""
        if self.path is not None:
            state_files.StateFiles().forget(state_files.collection(self.path))

    # Vectors

    def embed(
        self,
        model: Path,
        *,
        before_query: str = "",
        before_passage: str = "",
        on_embedded: OnEmbedded | None = None,
    ) -> int:
        """Search by vectors of this encoder too. If interrupted, the next call continues.

        Returns the number of vectors made. Raises `BadModelFile`.
        """
        return self._nearest.embed(model, before_query, before_passage, on_embedded)

    def forget_vectors(self) -> None:
        self._nearest.forget()
        self._database.scrub()

    def embedding(self) -> tuple[Embedding, int] | None:
        """The encoder of its vectors, and the number of passages without one; None without vectors."""
        return self._nearest.describe()

    # Passages

    def search(self, query: str, n: int = 8) -> list[Hit]:
        """The best passages first; any text is a valid query. See `searching` and `embedding`."""
        return self._nearest.search(query, n)

    def holds(self, word: str) -> bool:
        """Whether any passage or heading contains the word, in any case or inflection."""
        with self._database.read() as connection:
            return searching.holds(connection, word)

    def rarity(self, term: str) -> float:
        """Inverse document frequency of a term (see `terms`), at least 0."""
        with self._database.read() as connection:
            return searching.rarity(connection, term)

    def passage(self, id_: int) -> Passage:
        with self._database.read() as connection:
            found = connection.execute(f"{store.PASSAGE} WHERE p.id = ?", (id_,)).fetchall()
            if not found:
                raise BadOption(
                    f"there is no passage {id_}, because its document changed: search again"
                )
            return store.to_passages(connection, found)[0]

    def passages(self, document: Document) -> tuple[Passage, ...]:
        """All passages of a document; joined, their texts are its text."""
        with self._database.read() as connection:
            found = connection.execute(
                f"{store.PASSAGE} WHERE p.document = ? ORDER BY p.n", (document.id,)
            ).fetchall()
            return tuple(store.to_passages(connection, found))

    def neighbours(self, passage: Passage) -> tuple[Passage, ...]:
        """The passages before and after it in its document."""
        with self._database.read() as connection:
            found = connection.execute(
                f"{store.PASSAGE} WHERE p.document = ? AND p.n IN (?, ?) ORDER BY p.n",
                (passage.document.id, passage.n - 1, passage.n + 1),
            ).fetchall()
            return tuple(store.to_passages(connection, found))

    def content_sha256(self) -> str:
        """A hash of everything read, independent of order and interruptions."""
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
