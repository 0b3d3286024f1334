"""Terms: scripts without blanks in pairs, case and accents folded, stems by language."""

import pytest

from localcollab.terms.cutting import cut, pairs
from localcollab.terms.folding import normal, plain
from localcollab.terms.languages import language_of
from localcollab.terms.terms import COMPOUNDING, compounds_of, phrases, plain_terms, terms, words


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Straße", "strasse"), ("ＡＢＣ１２", "abc12"), ("ｶﾞ", "ガ"), ("İstanbul", "istanbul"),
        ("١٢٣", "123"), ("مُحَمَّدٌ", "محمد"), ("Ελλάς", "ελλάσ"), ("ﬁn", "fin"), ("x²", "x2"),
    ],
)  # fmt: skip
def test_case_width_digits_and_pointing_are_folded(written: str, folded: str) -> None:
    assert normal(written) == folded


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("ελλάσ", "ελλασ"), ("mühle", "muhle"), ("ısparta", "isparta"), ("ёлка", "елка"),
        ("май", "май"), ("tiếng", "tieng"), ("łódź", "lodz"), ("أحمد", "احمد"), ("ガ", "ガ"),
        ("हिन्दी", "हिन्दी"), ("søn", "son"),
    ],
)  # fmt: skip
def test_accents_are_folded_and_letters_of_their_own_are_not(written: str, bare: str) -> None:
    assert plain(written) == bare


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's x_1, re-read", ["It", "s", "x", "1", "re", "read"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京tower2本", ["東京", "tower2", "本"]),
        ("ที่นี่", ["ที่นี่"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("... -- ", []),
    ],
)
def test_a_text_is_cut_into_words(text: str, expected: list[str]) -> None:
    assert [each.text for each in cut(text)] == expected


def test_spans_are_those_of_the_text() -> None:
    text = "Die Mühle, 東京 и ещё."
    assert [text[each.start : each.end] for each in cut(text)] == [each.text for each in cut(text)]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("東京都", ["東京", "京都", "都"]),
        ("猫", ["猫"]),
        ("ที่นี่", ["ที่นี่", "นี่"]),  # a mark belongs to its letter
        ("မြန်မာ", ["မြန်", "န်မာ", "မာ"]),
        ("서울은", ["서울", "울은", "은"]),
    ],
)
def test_a_dense_run_is_pairs_and_its_last_character(run: str, expected: list[str]) -> None:
    assert pairs(run) == expected


def test_every_character_of_a_dense_run_begins_a_term() -> None:
    run = "東京の図書館は月曜日に閉まっています"
    assert {term[0] for term in pairs(run)} == set(run)


def test_a_word_of_one_character_is_a_beginning() -> None:
    assert [word.query for word in words("猫", ["ja"])] == ['"猫" *']
    assert [word.query for word in words("黒猫", ["ja"])] == ['"黒猫"']


def test_a_chinese_character_among_japanese_letters_is_a_word_too() -> None:
    assert [word.query for word in words("白い猫は", ["ja"])] == [
        '"白い"', '"い猫"', '"猫は"', '"白" *', '"猫" *',
    ]  # fmt: skip
    assert [word.query for word in words("図書館で", ["ja"])] == ['"図書"', '"書館"', '"館で"']


def test_stems_are_of_the_texts_language_and_accents_are_kept_beside_plain_ones() -> None:
    assert terms("Déjà vu des maisons", "fr") == ("déjà vu de maison", "dej")
    assert terms("The houses", "en") == ("the hous", "")
    assert terms("Kitapları", "tr").main == "kitap"


def test_a_query_word_has_a_form_for_each_language_of_the_index() -> None:
    (word,) = words("Häuser", ["de", "en"])
    assert word.forms == ('"haus"', '"häuser"', '"hauser"')


def test_a_word_typed_with_accents_counts_once() -> None:
    (typed,) = words("déjà", ["fr"])
    assert typed.query == '({heading text} : ("déjà" OR "dej"))'
    (bare,) = words("deja", ["fr"])
    assert bare.query == '"dej"'


def test_long_words_of_compounding_languages_are_found_by_their_end_and_beginning() -> None:
    assert terms("Krankenversicherung", "de").further == "~rehcisrevneknark"
    (word,) = words("Versicherung", ["de"])
    assert compounds_of(word, ["de"]) == ['"~rehcisrev" *', '"versicherung" *']
    assert compounds_of(word, ["en"]) == []
    assert {"de", "nl", "sv", "fi", "hu"} <= COMPOUNDING


def test_a_phrase_is_the_whole_text_in_a_language() -> None:
    assert phrases("Anne-Marie", ["en"]) == ['"ann mari"']
    assert phrases("図書館", ["ja"]) == ['"図書 書館" *']
    assert phrases("?!", ["en"]) == []


def test_plain_terms_need_no_language() -> None:
    assert plain_terms("Der Müller läuft nach 東京") == [
        "der", "muller", "lauft", "nach", "東京", "京",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The ferries to the island run from April to October.", "en"),
        ("Die Fähren zur Insel fahren von April bis Oktober.", "de"),
        ("Les bacs vers l'île circulent d'avril à octobre, sauf le dimanche.", "fr"),
        ("Los transbordadores a la isla circulan de abril a octubre.", "es"),
        ("As barcas para a ilha não circulam no inverno, mas há um ônibus.", "pt"),
        ("I traghetti per l'isola sono in servizio da aprile a ottobre, e non la domenica.", "it"),
        ("Feribotul spre insulă circulă din aprilie până în octombrie și nu este scump.", "ro"),
        ("Adaya giden feribot nisan ile ekim arasında çalışır ve çok ucuz bir yol olarak bilinir.", "tr"),
        ("Phà ra đảo chạy từ tháng tư đến tháng mười và không được chở xe.", "vi"),
        ("Promy na wyspę kursują od kwietnia do października i nie są drogie.", "pl"),
        ("De veerboten naar het eiland varen van april tot oktober.", "nl"),
        ("Färjorna till ön går från april till oktober och är inte dyra.", "sv"),
        ("Паром на остров ходит с апреля по октябрь, но не в воскресенье.", "ru"),
        ("Пором на острів ходить з квітня до жовтня, але не є дорогим.", "uk"),
        ("Τα πλοία για το νησί", "el"), ("フェリーは四月から運航します", "ja"), ("渡轮四月开航", "zh"),
        ("เรือข้ามฟาก", "th"), ("배는 사월부터 다닌다", "ko"), ("العبارة إلى الجزيرة من أبريل", "ar"),
        ("द्वीप के लिए नाव अप्रैल से चलती है", "hi"), ("מעבורת לאי", "he"),
        ("A1 B2 C3 2024-01-05", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_language_of_a_sentence_is_found(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_text_that_does_not_tell_has_the_language_of_its_document() -> None:
    assert language_of("Total 12 EUR", "de") == "de"
