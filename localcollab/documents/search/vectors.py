"""Passages as vectors of an encoder, and the nearest ones to a question.

A collection has one encoder at a time: its file, and the prefixes it expects for questions and
passages. Vectors are of length 1 and stored in half precision; a changed passage loses its vector.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from localcollab.documents import store
from localcollab.language_model import Float32Array
from localcollab.storage.sqlite import require_types

_BLOCK = 4096
"""Vectors converted to float32 at once."""
_RRF = 60
"""The constant of reciprocal rank fusion, as in Cormack, Clarke and Buettcher (2009)."""
_LEAST_HALF = 32
"""Characters; a shorter text is not split further, even if it is too long."""

Half = npt.NDArray[np.float16]


class Encodes(Protocol):
    """An `Encoder`."""

    n_ctx: int

    @property
    def pooling(self) -> str: ...
    def write(self, text: str) -> list[int]: ...
    def encode(self, tokens: Sequence[int]) -> Float32Array: ...


@dataclass(frozen=True, slots=True)
class Embedding:
    """The encoder that made the vectors of a collection."""

    path: Path
    sha256: str
    before_query: str = ""
    before_passage: str = ""
    """Some encoders were trained with `query: ` and `passage: `."""


@dataclass(frozen=True, slots=True)
class Vectors:
    ids: npt.NDArray[np.int64]
    """Of the passages, ascending."""
    values: Half
    """(n, n_embd)"""

    def nearest(self, vector: Float32Array, n: int) -> list[int]:
        """Ids of the `n` most similar, best first; ties by id."""
        blocks = range(0, len(self.ids), _BLOCK)
        similar = [self.values[at : at + _BLOCK].astype(np.float32) @ vector for at in blocks]
        if not similar:
            return []
        order = np.argsort(-np.concatenate(similar), kind="stable")[:n]
        return [int(id_) for id_ in self.ids[order]]


def embed(encoder: Encodes, text: str) -> Float32Array:
    """(n_embd,), of length 1. A text longer than the encoder's context is the mean of its parts."""
    parts = [_pool(encoder, tokens) for tokens in _windows(encoder, text)]
    total = np.sum(parts, axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), np.float32)


def _windows(encoder: Encodes, text: str) -> Iterator[list[int]]:
    tokens = encoder.write(text)
    if len(tokens) <= encoder.n_ctx or len(text) < _LEAST_HALF:
        yield tokens
        return
    middle = text.rfind(" ", 1, len(text) // 2 + 1)
    middle = middle if middle > 0 else len(text) // 2
    yield from _windows(encoder, text[:middle])
    yield from _windows(encoder, text[middle:])


def _pool(encoder: Encodes, tokens: list[int]) -> Float32Array:
    states = encoder.encode(tokens)  # (n_tokens, n_embd)
    match encoder.pooling:
        case "first":
            found = states[0]
        case "last":
            found = states[-1]
        case _:
            found = states.mean(axis=0)
    return np.asarray(found, np.float32)


def fuse(
    rankings: Sequence[Sequence[int]], weights: Sequence[float] | None = None
) -> dict[int, float]:
    """Reciprocal rank fusion, best first; ties by id. `weights`: of the rankings; default: 1."""
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + weight / (_RRF + rank)
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])))


# Inside a transaction


def embedding(connection: sqlite3.Connection) -> Embedding | None:
    row = connection.execute("SELECT * FROM embeddings").fetchone()
    if row is None:
        return None
    require_types(row, {"path": bytes, "sha256": str, "before_query": str, "before_passage": str})
    return Embedding(
        store.to_path(row["path"]), row["sha256"], row["before_query"], row["before_passage"]
    )


def set_embedding(connection: sqlite3.Connection, wanted: Embedding | None) -> None:
    """Deletes the vectors of another encoder; the same file may have moved."""
    known = embedding(connection)
    if wanted is not None and known is not None and wanted == replace(known, path=wanted.path):
        connection.execute("UPDATE embeddings SET path = ?", (store.from_path(wanted.path),))
        return
    connection.execute("DELETE FROM vectors")
    connection.execute("DELETE FROM embeddings")
    if wanted is not None:
        connection.execute(
            "INSERT INTO embeddings(path, sha256, before_query, before_passage) VALUES (?, ?, ?, ?)",
            (store.from_path(wanted.path), wanted.sha256, wanted.before_query,
             wanted.before_passage),
        )  # fmt: skip


def missing(connection: sqlite3.Connection, n: int) -> list[tuple[int, str, str]]:
    """Up to `n` passages without a vector: id, heading, text."""
    found = connection.execute(
        "SELECT id, heading, text FROM passages WHERE id NOT IN (SELECT passage FROM vectors)"
        " ORDER BY id LIMIT ?",
        (n,),
    )
    return [(row["id"], row["heading"], row["text"]) for row in found]


def count_missing(connection: sqlite3.Connection) -> int:
    (n,) = connection.execute(
        "SELECT (SELECT count(*) FROM passages) - (SELECT count(*) FROM vectors)"
    ).fetchone()
    return int(n)


def put(connection: sqlite3.Connection, made: Sequence[tuple[int, Float32Array]]) -> None:
    """Store those whose passage still exists."""
    connection.executemany(
        "INSERT OR REPLACE INTO vectors(passage, vector) SELECT id, ? FROM passages WHERE id = ?",
        [(vector.astype("<f2").tobytes(), id_) for id_, vector in made],
    )


def load(connection: sqlite3.Connection) -> Vectors:
    found = connection.execute("SELECT passage, vector FROM vectors ORDER BY passage").fetchall()
    ids = np.array([row["passage"] for row in found], np.int64)
    values = np.frombuffer(b"".join(row["vector"] for row in found), "<f2")
    return Vectors(ids, values.reshape(len(found), -1) if len(found) else values.reshape(0, 0))


def state(connection: sqlite3.Connection) -> tuple[int, int]:
    """Changes with every change of the file, by this connection or others."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version), connection.total_changes
