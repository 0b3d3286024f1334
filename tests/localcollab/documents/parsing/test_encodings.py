"""Text in the encodings that people's files are in: read right, or told; what was guessed is noted."""

import sys

import pytest

from documents_read import read, text_of
from localcollab.documents.parsing.section import Missing

pytestmark = pytest.mark.slow
TEXTS = {
    "zh": (
        "合同的通知期为三十天。租金每月五千元。租户应在每月五日之前支付租金，逾期将收取滞纳金。"
    ),
    "zh-tw": (
        "合約的通知期為三十天。租金每月五千元。租戶應在每月五日之前支付租金，逾期將收取滯納金。"
    ),
    "ja": (
        "契約の通知期間は三十日です。"
        "家賃は毎月五千円です。借主は毎月五日までに家賃を支払うものとする。"
    ),
    "ko": (
        "계약 통지 기간은 30일입니다. "
        "임대료는 매월 오천 원입니다. 임차인은 매월 5일까지 내야 합니다."
    ),
    "ru": (
        "Срок уведомления по договору составляет тридцать дней. Арендная плата вносится ежемесячно."
    ),
    "uk": ("Строк повідомлення за договором становить тридцять днів. Її сплачує орендар щомісяця."),
    "el": (
        "Η προθεσμία ειδοποίησης της σύμβασης είναι τριάντα ημέρες. Το ενοίκιο πληρώνεται τον μήνα."
    ),
    "de": (
        "Die Kündigungsfrist beträgt dreißig Tage. "
        "Für Schäden haftet der Mieter, übrigens auch später."
    ),
    "fr": (
        "Le délai de préavis du contrat est de trente jours. "
        "Le loyer est payé à l'avance, où que ce soit."
    ),
    "es": (
        "El plazo de preaviso del contrato es de treinta días. "
        "El alquiler se pagará cada año, mañana también."
    ),
    "pl": (
        "Okres wypowiedzenia umowy wynosi trzydzieści dni. "
        "Czynsz jest płatny z góry, później także śląski."
    ),
    "cs": (
        "Výpovědní lhůta smlouvy činí třicet dní. "
        "Nájemné se platí předem, nejpozději pátý den v měsíci."
    ),
    "hu": (
        "A szerződés felmondási ideje harminc nap. "
        "A bérleti díjat előre kell fizetni, őszi időszakban is."
    ),
    "tr": (
        "Sözleşmenin bildirim süresi otuz gündür. "
        "Kira önceden ödenir, işyeri ayrıca ısıtılır, çıkış şöyledir."
    ),
    "he": ("תקופת ההודעה של החוזה היא שלושים יום. שכר הדירה ישולם מראש על ידי השוכר בכל חודש."),
    "ar": ("فترة الإشعار في العقد ثلاثون يوما. يدفع الإيجار مقدما من قبل المستأجر في كل شهر."),
    "lt": (
        "Sutarties įspėjimo terminas yra trisdešimt dienų. "
        "Nuoma mokama iš anksto, žąsys šnypščia rytą."
    ),
}
ENCODINGS = {
    "zh": ("gb18030", "gbk", "utf-16-le", "utf-16-be"), "zh-tw": ("big5", "utf-16-le"),
    "ja": ("shift_jis", "cp932", "euc_jp", "iso2022_jp", "utf-16-le", "utf-16-be"),
    "ko": ("euc_kr", "cp949", "utf-16-le"),
    "ru": ("cp1251", "koi8-r", "cp866", "iso8859-5", "utf-16-le", "utf-16-be"),
    "uk": ("cp1251", "koi8-u", "utf-16-le"), "el": ("cp1253", "iso8859-7", "utf-16-be"),
    "de": ("cp1252", "latin-1", "utf-16-le", "utf-16-be"), "fr": ("cp1252", "latin-1"),
    "es": ("cp1252", "latin-1"), "pl": ("cp1250", "iso8859-2", "utf-16-le"),
    "cs": ("cp1250", "iso8859-2"), "hu": ("cp1250", "iso8859-2"), "tr": ("cp1254", "iso8859-9"),
    "he": ("cp1255",), "ar": ("cp1256",), "lt": ("cp1257", "utf-16-le"),
}  # fmt: skip
CASES = [(language, encoding) for language, names in ENCODINGS.items() for encoding in names]


@pytest.mark.parametrize(("language", "encoding"), CASES)
@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_text_without_a_mark_is_read_in_its_encoding_and_the_guess_is_noted(
    language: str, encoding: str, suffix: str
) -> None:
    text = TEXTS[language]
    if suffix == ".csv":
        text = f"Nr;Text\n1;{text}\n"
    data = text.encode(encoding)
    _, notes = read(data, suffix)
    found = text_of(data, suffix)
    assert (TEXTS[language] in found, len(notes)) == (True, 1)
    assert notes[0].startswith("encoding guessed: ")


SHORT = {
    "cp1252": ("Größe", "Zürich, Straße 5", "Café crème à 4 €", "El niño mañana señor", "naïve façade",
               "Smørrebrød på gården", "“Quoted” – it’s 5 £", "Prix: 12 €, été", "Müller & Söhne",
               "São João", "Ærø", "Façade à rénover", "Åsa Öberg"),
    "cp1250": ("Příliš žluťoučký kůň úpěl ďábelské ódy", "Łódź, źdźbło, mąka, ćma i żółw",
               "Árvíztűrő tükörfúrógép"),
    "cp1251": ("Москва", "Арендная плата", "Срок: 30 дней"),
    "cp1253": ("Το ενοίκιο είναι 500 ευρώ",), "cp1254": ("Kira ücreti aylık beş yüz liradır, şehir",),
    "gb18030": ("合同", "租金每月五千元"), "cp932": ("カタカナ", "家賃は月額"),
    "cp949": ("월세는 오천원",),
    "mac-roman": ("Die Größe der Räume, schöne Grüße",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "text"), [(name, text) for name, texts in SHORT.items() for text in texts]
)
def test_a_few_words_are_read_in_their_encoding(encoding: str, text: str) -> None:
    found, notes = read(text.encode(encoding), ".txt")
    assert (found[0].text, len(notes)) == (text, 1)


def test_nearly_valid_utf_8_stays_utf_8_and_the_damage_is_counted() -> None:
    data = "Größe, Übung, Straße, Fähre, Äpfel, Öl.".encode() + b" \xff."
    assert read(data, ".txt")[1] == ["1 place is not valid UTF-8"]


def test_without_a_detector_only_western_text_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chardet", None)
    assert text_of(TEXTS["de"].encode("cp1252"), ".txt") == TEXTS["de"]
    with pytest.raises(Missing, match=r"pip install 'localcollab\[documents\]'"):
        read(TEXTS["zh"].encode("gb18030"), ".txt")
