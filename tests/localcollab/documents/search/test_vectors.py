"""Vectors of passages: pooled, compared, fused with words, and kept with the passages."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from localcollab.documents.collection import Collection
from localcollab.documents.database import Database
from localcollab.documents.search import vectors
from localcollab.documents.search.search import search
from localcollab.documents.search.vectors import Embedding, Vectors, embed, fuse
from localcollab.errors import BadCollection
from localcollab.language_model import Float32Array


class Letters:
    """A token a character, whose state is a row of fixed random numbers."""

    n_ctx = 64
    table = np.random.default_rng(0).normal(size=(128, 8)).astype(np.float32)

    def __init__(self, pooling: str = "mean") -> None:
        self.pooling = pooling

    def write(self, text: str) -> list[int]:
        return [ord(character) % 128 for character in text]

    def encode(self, tokens: Sequence[int]) -> Float32Array:
        assert 0 < len(tokens) <= self.n_ctx
        return self.table[list(tokens)]


def unit(vector: Float32Array) -> Float32Array:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_a_text_is_what_the_pooling_says(pooling: str) -> None:
    rows = Letters.table[[ord(c) for c in "abc"]]
    expected = {"mean": rows.mean(axis=0), "first": rows[0], "last": rows[2]}[pooling]
    np.testing.assert_allclose(embed(Letters(pooling), "abc"), unit(expected), rtol=1e-6)


def test_a_text_too_long_is_the_mean_of_its_parts() -> None:
    one, other = "ab" * 20, " " + "xyz" * 15
    parts = [Letters.table[[ord(c) for c in text]].mean(axis=0) for text in (one, other)]
    got = embed(Letters(), one + other)
    np.testing.assert_allclose(got, unit(parts[0] + parts[1]), rtol=1e-5)
    assert embed(Letters(), "a" * 5000).shape == (8,)


def test_the_nearest_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(10_000, 16)).astype(np.float16)
    query = rng.normal(size=16).astype(np.float32)
    ids = np.arange(10_000, dtype=np.int64) * 3 + 7
    similar = values.astype(np.float64) @ query
    expected = [int(ids[i]) for i in sorted(range(10_000), key=lambda i: -similar[i])[:50]]
    assert Vectors(ids, values).nearest(query, 50) == expected
    assert Vectors(ids[:0], values[:0]).nearest(query, 50) == []


def test_rankings_are_fused_by_their_reciprocal_ranks() -> None:
    found = fuse([[7, 3, 5], [3, 9]])
    assert list(found.items()) == [
        (3, 1 / 62 + 1 / 61), (7, 1 / 61), (9, 1 / 62), (5, 1 / 63),
    ]  # fmt: skip


def test_a_ranking_counts_by_its_weight() -> None:
    assert fuse([[7], [3]], [0.5, 1.0]) == {3: 1 / 61, 7: 0.5 / 61}


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    for name, text in (("a", "the dose is large"), ("b", "a pill"), ("c", "the dose of zordex")):
        (tmp_path / f"{name}.txt").write_text(text)
    collection = Collection(tmp_path / "c.sqlite3")
    collection.add([tmp_path / f"{name}.txt" for name in "abc"])
    return collection


def fill(database: Database, encoder: Letters) -> None:
    with database.write() as connection:
        vectors.set_embedding(connection, Embedding(Path("/e.gguf"), "0" * 64))
        found = vectors.missing(connection, 10)
        vectors.put(connection, [(id_, embed(encoder, text.strip())) for id_, _, text in found])


def test_words_and_vectors_are_fused(collection: Collection) -> None:
    database = Database(collection.path)
    fill(database, Letters())
    with database.read() as connection:
        loaded = vectors.load(connection)
        near = loaded.nearest(embed(Letters(), "a pill"), 3)
        hits = search(connection, "dose of zordex", 3, lambda n: near[:n])
        worded = search(connection, "dose of zordex", 3)
    assert [hit.passage.text.strip() for hit in worded] == [
        "the dose of zordex",
        "the dose is large",
    ]
    assert hits[0].passage.text.strip() == "the dose of zordex"
    by_text = {hit.passage.text.strip(): hit.score for hit in hits}
    assert by_text["a pill"] == 1 / 61
    assert near[0] == next(hit.passage.id for hit in hits if hit.score == 1 / 61)


def test_words_count_less_where_the_passages_lack_most_of_them(
    collection: Collection,
) -> None:
    database = Database(collection.path)
    fill(database, Letters())
    with database.read() as connection:
        near = vectors.load(connection).nearest(embed(Letters(), "a pill"), 3)
        few = search(connection, "large tablets swallowed nightly", 3, lambda n: near[:n])
        all_ = search(connection, "large", 3, lambda n: near[:n])
    few_score, all_score = (
        {hit.passage.text.strip(): hit.score for hit in hits}["the dose is large"]
        for hits in (few, all_)
    )
    at = next(n for n, hit in enumerate(near, start=1) if hit == 1)
    assert all_score == pytest.approx(1 / 61 + 1 / (60 + at))
    assert 1 / (60 + at) < few_score < all_score - 0.5 / 61


def test_a_changed_file_loses_its_vectors_and_others_keep_theirs(
    collection: Collection, tmp_path: Path
) -> None:
    fill(Database(collection.path), Letters())
    described = collection.embedding()
    assert described is not None
    assert described[1] == 0
    (tmp_path / "b.txt").write_text("another pill")
    collection.sync()
    (tmp_path / "a.txt").unlink()
    collection.sync()
    described = collection.embedding()
    assert described is not None
    assert described[1] == 1
    with Database(collection.path).read() as connection:
        assert len(vectors.load(connection).ids) == 1
        assert [text.strip() for _, _, text in vectors.missing(connection, 9)] == ["another pill"]


def test_an_encoder_that_is_gone_is_an_error_until_it_is_done_without(
    collection: Collection,
) -> None:
    fill(Database(collection.path), Letters())
    with pytest.raises(
        BadCollection, match=r"/e\.gguf is missing: compute them again with `model`"
    ):
        collection.search("dose")
    collection.forget_vectors()
    assert collection.embedding() is None
    assert len(collection.search("dose")) == 2


def test_a_collection_has_vectors_of_one_encoder(collection: Collection) -> None:
    database = Database(collection.path)
    fill(database, Letters())
    with database.write() as connection:
        vectors.set_embedding(connection, Embedding(Path("/e.gguf"), "0" * 64))
        assert vectors.count_missing(connection) == 0
        vectors.set_embedding(connection, Embedding(Path("/e.gguf"), "0" * 64, "query: "))
        assert vectors.count_missing(connection) == 3


def test_the_vectors_of_a_file_that_moved_are_kept(collection: Collection) -> None:
    database = Database(collection.path)
    fill(database, Letters())
    with database.write() as connection:
        vectors.set_embedding(connection, Embedding(Path("/moved.gguf"), "0" * 64))
    assert collection.embedding() == (Embedding(Path("/moved.gguf"), "0" * 64), 0)
    with database.write() as connection:
        vectors.set_embedding(connection, Embedding(Path("/moved.gguf"), "1" * 64))
    assert collection.embedding() == (Embedding(Path("/moved.gguf"), "1" * 64), 3)
