"""Search in any language: what is found, in new collections and in those of the last release."""

from pathlib import Path

import pytest

from localcollab.documents.collection import Collection
from localcollab.documents.database import Database
from older_files import unpacked

TEXTS = {
    "de": "Die Krankenversicherung ist nicht im Vertrag über die Miete enthalten. Der Müller zahlt sie.",
    "en": "The ferries to the island run from April to October.",
    "es": "La habitación está en la segunda planta y es para los huéspedes.",
    "ja": "東京の図書館は月曜日に閉まっています。猫は入れません。",
    "th": "ห้องสมุดปิดทุกวันจันทร์",
    "tr": "Kitapları kütüphaneden almak için bir kart gerekir ve bu kart ücretsizdir.",
    "zh": "北京的博物馆每周一闭馆。参观者必须预约。",
}


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("texts")
    for language, text in TEXTS.items():
        (folder / f"{language}.txt").write_text(text)
    collection = Collection(folder / "c.sqlite3")
    collection.add([folder / f"{language}.txt" for language in TEXTS])
    return collection


def found(collection: Collection, query: str) -> list[str]:
    return [hit.passage.document.path.stem for hit in collection.search(query)]


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("図書館", "ja"), ("猫", "ja"), ("月曜", "ja"), ("博物馆", "zh"), ("闭馆", "zh"),
        ("馆外有参考么", "zh"), ("その猫が", "ja"),
        ("ห้องสมุด", "th"), ("FERRY", "en"), ("habitaciones", "es"), ("habitacion", "es"),
        ("HABITACIÓN", "es"), ("muller", "de"), ("Müller", "de"), ("Versicherung", "de"),
        ("Mietvertrag", "de"), ("kitap", "tr"), ("KÜTÜPHANE", "tr"),
    ],
)  # fmt: skip
def test_a_word_is_found_in_any_language(collection: Collection, query: str, language: str) -> None:
    assert found(collection, query)[:1] == [language]


@pytest.mark.parametrize("query", ["犬", "京書", "Mühle", "ฝน", "Vertragspartner"])
def test_what_no_text_says_is_not_found(collection: Collection, query: str) -> None:
    assert found(collection, query) == []


def test_the_language_of_each_passage_is_known(collection: Collection) -> None:
    with Database(collection.path).read() as connection:
        stored = connection.execute("SELECT language, n_passages FROM languages").fetchall()
    assert {tuple(row) for row in stored} == {(language, 1) for language in TEXTS}


def test_a_collection_of_the_last_release_is_indexed_again(tmp_path: Path) -> None:
    file = unpacked("collection-0.2.0.sqlite3", tmp_path)
    with Collection(file) as collection:
        assert collection.content_sha256() == (
            "0f9055ba89f253f43a5e63a6ace3763020cdd8d5a1a0e22db12d1288d1c83c5a"
        )
        queries = {"図書館": "ja", "猫": "ja", "博物馆": "zh", "ferry": "en", "Versicherung": "de"}
        assert {query: found(collection, query) for query in queries} == {
            query: [language] for query, language in queries.items()
        }
        assert collection.embedding() is None
        # The triggers take out what the rebuilding put in.
        collection.remove([Path("/tmp/notes/ja.txt")])
        assert found(collection, "図書館") == []
        assert found(collection, "博物馆") == ["zh"]


def test_an_index_of_other_terms_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The ferries run.")
    file = tmp_path / "c.sqlite3"
    with Collection(file) as collection:
        collection.add([tmp_path / "a.txt"])
    database = Database(file)
    with database.write() as connection:
        connection.execute("INSERT INTO words(words) VALUES ('delete-all')")
    database.close()
    with Collection(file) as collection:
        assert found(collection, "ferry") == []
    database = Database(file)
    with database.write() as connection:
        connection.execute("UPDATE indexed SET version = '0 other'")
    database.close()
    with Collection(file) as collection:
        assert found(collection, "ferry") == ["a"]
