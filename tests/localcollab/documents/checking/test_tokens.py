import pytest

from localcollab.documents.checking.dates import Date, dates
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import UNKNOWN
from localcollab.documents.checking.languages.de import GERMAN
from localcollab.documents.checking.languages.en import ENGLISH
from localcollab.documents.checking.numbers import readings
from localcollab.documents.checking.sentences import sentences
from localcollab.documents.checking.statements import statement
from localcollab.documents.checking.tokens import tokens


@pytest.mark.parametrize(
    ("digits", "decimal_comma", "values"),
    [
        ("1,870", False, {1870.0}),
        ("1,870", True, {1.87}),
        ("1.870", False, {1.87}),
        ("1.870", None, {1.87, 1870.0}),
        ("1.870,50", True, {1870.5}),
        ("1,234,567", False, {1234567.0}),
        ("-3.5", False, {-3.5}),
        ("3,5", False, {3.5}),
    ],
)
def test_a_number_means_what_its_language_says(
    digits: str, decimal_comma: bool | None, values: set[float]
) -> None:
    assert readings(digits, decimal_comma) == values


@pytest.mark.parametrize(
    "text",
    [
        "1 March 2025",
        "March 1, 2025",
        "2025-03-01",
        "1.3.2025",
        "1. März 2025",
        "1 de marzo de 2025",
    ],
)
def test_a_date_is_read_in_all_the_ways_it_is_written(text: str) -> None:
    assert [found for _, _, found in dates(text)] == [{Date(2025, 3, 1)}]


@pytest.mark.parametrize("text", ["you may 5", "0.0.0", "99.99.2025", "1/2", "version 1.2.3"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert list(dates(text)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("twenty-one days", "21 days"),
        ("two hundred", "200"),
        ("1.5 million", "1500000"),
        ("$5", "5 dollars"),
        ("5 %", "five percent"),
        ("0.5 g", "500 mg"),
        ("6½ kg", "6.5 kg"),
    ],
)
def test_numbers_and_units_are_compared_by_value(one: str, other: str) -> None:
    (mine,), (theirs,) = tokens(one, ENGLISH), tokens(other, ENGLISH)
    assert mine.number is not None
    assert theirs.number is not None
    factors = [n.unit.factor * min(n.values) for n in (mine.number, theirs.number)]
    assert factors[0] == pytest.approx(factors[1])
    assert mine.number.unit.dimension == theirs.number.unit.dimension


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The pump costs 5 euros.", "en"),
        ("Die Pumpe ist nicht neu.", "de"),
        ("La bomba no es nueva y el precio es alto.", "es"),
        ("La pompe est neuve et le prix est dans le contrat.", "fr"),
        ("La pompa non è nuova e il prezzo è alto.", "it"),
        ("O contrato não foi assinado pelo inquilino.", ""),
        ("Umowa nie jest podpisana.", ""),
        ("契約は終了しました。", ""),
    ],
)
def test_a_language_is_told_by_its_function_words(text: str, code: str) -> None:
    assert language_of(text).code == code


def test_a_text_without_function_words_has_the_language_of_the_answer() -> None:
    assert language_of("Rent: 845", GERMAN) is GERMAN
    assert language_of("Rent: 845") is UNKNOWN


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Am 3. März kam er. Die Frau ging.", ["Am 3. März kam er.", "Die Frau ging."]),
        ("Our number is 73. The pump is old.", ["Our number is 73.", "The pump is old."]),
        ("It weighs approx. five kg.", ["It weighs approx. five kg."]),
    ],
)
def test_a_point_inside_a_sentence_does_not_end_it(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("1. The rent is 5.", "The rent is 5."),
        ("- The rent is 5.", "The rent is 5."),
        ("According to [1], the rent is 5.", "the rent is 5."),
        ("Based on the provided sources, the rent is 5.", "the rent is 5."),
        ("The document says that the rent is 5.", "the rent is 5."),
        ("According to Smith, the rent is 5.", "According to Smith, the rent is 5."),
        ("2.", ""),
    ],
)
def test_markers_and_prefaces_are_no_part_of_a_statement(text: str, stated: str) -> None:
    assert statement(text) == stated


@pytest.mark.parametrize("digits", ["1,2.3,4", "3.126,127.5", "1.2,3.4,5"])
def test_digits_with_mixed_separators_are_no_number_and_no_error(digits: str) -> None:
    (value,) = readings(digits, None)
    assert 0 < value < 1e-80
