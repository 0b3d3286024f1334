"""Separated values with quotes: as the csv module where they are sound, and nothing lost where not."""

import csv
import io
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents_read import lines_of, read
from localcollab.documents.parsing.quoted_fields import split_fields

VALUES = st.text(alphabet='ab,;\t"\n\\ 5', max_size=6)
DELIMITERS = ",;\t|"


@given(st.lists(st.lists(VALUES, min_size=2, max_size=4), min_size=1, max_size=5),
       st.sampled_from(DELIMITERS))  # fmt: skip
def test_what_the_csv_module_writes_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    # A value that ends in a backslash cannot be told from one whose quote is escaped.
    rows = [[value.rstrip("\\").replace('\\"', '"') for value in row] for row in rows]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    found = [[field.text for field in row] for row in split_fields(out.getvalue(), delimiter)]
    assert found == [[value.strip() for value in row] for row in rows]


@given(st.text(alphabet='ab,"\n\\ ', max_size=40))
def test_nothing_but_quotes_blanks_and_separators_is_lost(text: str) -> None:
    found = "".join(field.text for row in split_fields(text, ",") for field in row)

    def letters(of: str) -> str:
        return "".join(sign for sign in of if sign in "ab")

    assert letters(found) == letters(text)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('a,"b,c",d', ["a", "b,c", "d"]),
        ('a,"say ""hi""",d', ["a", 'say "hi"', "d"]),
        (r'a,"say \"hi\", ok",d', ["a", 'say "hi", ok', "d"]),
        ('"C:\\dir\\",5', ["C:\\dir\\", "5"]),
        ('a,"open,d', ["a", '"open', "d"]),
        ('a,5" pipe,d', ["a", '5" pipe', "d"]),
        ('a,"b"c,d', ["a", '"b"c', "d"]),
        ('a, "b" ,d', ["a", "b", "d"]),
        ('"",,""', ["", "", ""]),
        ('a,"', ["a", '"']),
    ],
)
def test_quotes_are_what_people_mean_by_them(line: str, fields: list[str]) -> None:
    (row,) = split_fields(line, ",")
    assert [field.text for field in row] == fields


def test_an_open_quote_takes_no_value_from_the_next_row() -> None:
    data = 'Name,Note,Sum\nAnna,"open,1\nBruno,x,2\nChloé,"also open,3\n'
    assert read(data, ".csv")[1] == ["a quote is never closed: it is read as text"]
    assert lines_of(data, ".csv") == [
        'Name: Anna; Note: "open; Sum: 1', "Name: Bruno; Note: x; Sum: 2",
        'Name: Chloé; Note: "also open; Sum: 3',
    ]  # fmt: skip


@pytest.mark.parametrize(("delimiter", "inside"), permutations(DELIMITERS, 2))
def test_a_separator_within_quotes_is_none(delimiter: str, inside: str) -> None:
    rows = [[f"Name{inside}x", f"Sum{inside}y"], [f"a{inside}b", f"c{inside}d"]]
    data = "".join(delimiter.join(f'"{value}"' for value in row) + "\n" for row in rows)
    name, sum_ = (" ".join(each.split()) for each in rows[0])
    assert lines_of(data, ".csv") == [f"{name}: a{inside}b; {sum_}: c{inside}d"]


@pytest.mark.parametrize(
    ("above", "shown"),
    [
        ("# exported in 2031, by hand\n", "# exported in 2031, by hand"),
        ("#made by x\n", "#made by x"),
        ("Report for 2031, draft\n", "Report for 2031 | draft"),
        ("Report\n\n", "Report"),
        ("\n\n", ""),
    ],
)
def test_what_stands_above_a_table_names_no_columns(above: str, shown: str) -> None:
    data = above + "Name,Q1,Q2\nAnna,,2\n"
    assert lines_of(data, ".csv") == [*([shown] if shown else []), "Name: Anna; Q2: 2"]


@pytest.mark.parametrize("header", ["#,Name,Sum", "#id,Name,Sum"])
def test_a_column_may_be_named_by_a_number_sign(header: str) -> None:
    first = header.partition(",")[0]
    assert lines_of(f"{header}\n1,Anna,2\n", ".csv") == [f"{first}: 1; Name: Anna; Sum: 2"]
