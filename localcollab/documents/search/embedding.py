"""The vectors of a collection: made by an encoder under llama.cpp, searched by a question."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from localcollab.documents.database import Database
from localcollab.documents.records import Hit
from localcollab.documents.search import vectors
from localcollab.documents.search.search import search
from localcollab.documents.search.vectors import Embedding, Vectors
from localcollab.errors import BadCollection

if TYPE_CHECKING:
    from localcollab.llama.encoder import Encoder

_AT_ONCE = 32
"""Passages per transaction: the most that a kill loses."""

OnEmbedded = Callable[[int, int], None]
"""`on_embedded(done, total)`"""


class Nearest:
    """Searches one collection by words and, if its passages have vectors, by these too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # An encoder has one reader.
        self._lock = threading.Lock()
        self._opened: tuple[Embedding, Encoder] | None = None
        self._loaded: tuple[tuple[int, int], Vectors] | None = None

    def embed(
        self, path: Path, before_query: str, before_passage: str, on_embedded: OnEmbedded | None
    ) -> int:
        """Make a vector for every passage without one; returns how many were made.

        Raises `BadModelFile` for a file that is not an encoder.
        """
        with self._lock:
            return self._embed(path, before_query, before_passage, on_embedded)

    def _embed(
        self, path: Path, before_query: str, before_passage: str, on_embedded: OnEmbedded | None
    ) -> int:
        encoder, sha256 = _open(path)
        wanted = Embedding(path, sha256, before_query, before_passage)
        self._opened = wanted, encoder
        with self._database.write() as connection:
            vectors.set_embedding(connection, wanted)
        done = 0
        while True:
            with self._database.read() as connection:
                found = vectors.missing(connection, _AT_ONCE)
                left = vectors.count_missing(connection)
            if on_embedded is not None:
                on_embedded(done, done + left)
            if not found:
                return done
            made = [
                (id_, vectors.embed(encoder, before_passage + "\n".join(filter(None, (heading, text)))))
                for id_, heading, text in found
            ]  # fmt: skip
            with self._database.write() as connection:
                if vectors.embedding(connection) != wanted:
                    raise BadCollection(
                        "another embedding run started in the meantime: run one of them again"
                    )
                vectors.put(connection, made)
            done += len(made)

    def forget(self) -> None:
        """Delete all vectors: search by words only."""
        self._opened = self._loaded = None
        with self._database.write() as connection:
            vectors.set_embedding(connection, None)

    def describe(self) -> tuple[Embedding, int] | None:
        """The encoder of the vectors, and the number of passages without one; None without vectors."""
        with self._database.read() as connection:
            found = vectors.embedding(connection)
            return None if found is None else (found, vectors.count_missing(connection))

    def search(self, query: str, n: int) -> list[Hit]:
        """Raises `BadCollection` if the encoder's file is missing or has changed."""
        with self._database.read() as connection:
            wanted = vectors.embedding(connection)
        if wanted is None or not query.strip():
            with self._database.read() as connection:
                return search(connection, query, n)
        with self._lock:
            vector = vectors.embed(self._encoder(wanted), wanted.before_query + query)
        with self._database.read() as connection:
            at = vectors.state(connection)
            if self._loaded is None or self._loaded[0] != at:
                self._loaded = at, vectors.load(connection)
            loaded = self._loaded[1]
            return search(connection, query, n, lambda most: loaded.nearest(vector, most))

    def _encoder(self, wanted: Embedding) -> "Encoder":
        if self._opened is None or self._opened[0] != wanted:
            if not os.path.isfile(wanted.path):  # False for a path that no file can have
                raise BadCollection(f"the embedding model {wanted.path} is missing: {_REMEDY}")
            encoder, sha256 = _open(wanted.path)
            if sha256 != wanted.sha256:
                raise BadCollection(
                    f"the embedding model {wanted.path} is not the file that made the vectors: "
                    f"{_REMEDY}"
                )
            self._opened = wanted, encoder
        return self._opened[1]


_REMEDY = "compute them again with `model`, or turn them `off` (localcollab docs embed)"


def _open(path: Path) -> tuple["Encoder", str]:
    # A search by words only does not load llama.cpp.
    from localcollab.llama.encoder import load_encoder

    encoder, verdict = load_encoder(path)
    return encoder, verdict.sha256
