"""Search in any language: what is found, in new collections and in those of the last release."""

from pathlib import Path

import pytest

from localcollab.documents import store
from localcollab.documents.collection import Collection
from localcollab.documents.database import Database
from localcollab.documents.records import Piece
from localcollab.documents.search.search import search
from localcollab.terms.languages import language_of
from localcollab.terms.terms import terms
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


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Τα πανεπιστήμια της Αθήνας ανοίγουν κάθε πρωί.", "ΠΑΝΕΠΙΣΤΗΜΙΑ"),
        ("Τα πανεπιστήμια της Αθήνας ανοίγουν κάθε πρωί.", "αθηνας"),
        ("Ο ΟΔΥΣΣΕΥΣ γύρισε στην Ιθάκη.", "οδυσσεύς"),
        ("Işık kapalı değildir ve oda soğuktur.", "ışık"),
        ("IŞIKLARIN AÇIK OLMASI DEĞİL AĞIR OLMASI", "ışıklar"),
        ("Her gün ışık açıktır ve oda soğuktur.", "IŞIK"),
        ("İSTANBUL çok büyük bir şehirdir.", "istanbul"),
        ("İstanbul çok büyük bir şehirdir.", "ISTANBUL"),
        ("Köyün arıcısı balını ve peynirini satıyor.", "ballar"),
        ("Bu şehrin üniversitesinde çok öğrenci var.", "üniversiteler"),
        ("Bu şehrin üniversitesinde çok öğrenci var.", "universite"),
        ("Người dân ở Hoà Bình và Thuý Sơn.", "hòa bình"),
        ("Người dân ở Hòa Bình và Thúy Sơn.", "thuý"),
        ("Người dân ở Hòa Bình và Đà Nẵng.", "da nang"),
        ("Ștefan își cumpără o mașină și o casă.", "maşini"),
        ("Ştefan îşi cumpără o maşină şi o casă.", "mașina"),
        ("Ştefan îşi cumpără o maşină şi o casă.", "stefan"),
        ("ŢARA și orașul.", "țara"),
    ],
)
def test_letters_that_stand_for_one_another_find_one_another(text: str, query: str) -> None:
    with Database(None).write() as connection:
        connection.execute(
            "INSERT INTO documents VALUES (1, x'61', 'text', '', 0, 'indexed', '', '')"
        )
        store._insert(connection, 1, [Piece(None, "", 0, len(text), text)])
        assert [hit.passage.text for hit in search(connection, query, 3)] == [text]


def test_other_turkish_letters_stay_apart() -> None:
    """In Turkish alone I is the capital of ı."""
    assert terms("ILIK", "tr").main == "ılık"
    assert terms("ILIK", "en").main == "ilik"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Köyün arıcısı kestane balını satıyor", "tr"), ("Câinele învață o lecție ușoară", "ro"),
        ("Chợ cá bán đấu giá", "vi"), ("Recep Erdoğan visits London", ""),
        ("Świeży chleb leży na półce", "pl"),
    ],
)  # fmt: skip
def test_own_letters_tell_the_language_of_a_few_words(text: str, language: str) -> None:
    assert language_of(text) == language
