"""Tables of every format: whatever is empty or merged, a value stays under its header."""

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import table_files as files
from document_files import docx, odt
from documents_read import lines_of, read
from table_files import Area, Table, cells_of

pytestmark = pytest.mark.slow


def _squeezed(text: str) -> str:
    return " ".join(text.split())


_LETTERS = st.text("abcdefgh äßéЖ中|", min_size=1, max_size=8).map(_squeezed).filter(bool)
_VALUE = re.compile(r"v\d+x\d")
FORMATS: dict[str, Callable[[Table, Sequence[Area]], bytes | str]] = {
    ".html": files.as_html, ".docx": files.as_docx, ".odt": files.as_odt, ".rtf": files.as_rtf,
    ".pptx": files.as_pptx, ".eml": files.as_mail,
}  # fmt: skip
SHEETS: dict[str, Callable[[Table, Sequence[Area]], bytes | str]] = {
    ".xlsx": files.as_xlsx, ".ods": files.as_ods,
    ".csv": lambda table, _: files.as_csv(table),
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """A header of distinct names; then rows of distinct values, each of which may be empty."""
    n_columns, n_rows = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    header = [f"H{n} {draw(_LETTERS)}" for n in range(n_columns)]
    rows = [
        [draw(st.sampled_from(["", f"v{r}x{c} {draw(_LETTERS)}"])) for c in range(n_columns)]
        for r in range(n_rows)
    ]
    return [header, *(row for row in rows if any(row))]


@st.composite
def merged_tables(draw: st.DrawFn) -> tuple[Table, list[Area]]:
    """Whole values everywhere, and one merged area in the body; what it covers is not written."""
    n_columns, n_rows = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    table = [[f"H{c}" for c in range(n_columns)]]
    table += [[f"v{r}x{c}" for c in range(n_columns)] for r in range(1, n_rows + 1)]
    row, column = draw(st.integers(1, n_rows)), draw(st.integers(0, n_columns - 1))
    height = draw(st.integers(1, n_rows + 1 - row))
    width = draw(st.integers(1, n_columns - column))
    return table, [(row, column, height, width)]


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=50, deadline=None)
@given(tables())
def test_every_value_of_a_table_stays_in_its_column(suffix: str, table: Table) -> None:
    lines = lines_of(FORMATS[suffix](table, ()), suffix)
    found = [
        cells_of(line) for line in lines if "H0" in line or any(f"x{c} " in line for c in range(6))
    ]
    assert [_padded(row, len(table[0])) for row in found] == [list(row) for row in table]


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=50, deadline=None)
@given(merged_tables())
def test_what_stands_beside_a_merged_cell_stays_in_its_column(
    suffix: str, given_table: tuple[Table, list[Area]]
) -> None:
    table, merged = given_table
    lines = lines_of(FORMATS[suffix](table, merged), suffix)
    found = {
        n: cells_of(line)
        for n, line in enumerate(line for line in lines if "H0" in line or "x" in line)
    }
    (row, column, height, width) = merged[0]
    if width == len(table[0]):  # one cell over the whole width has no column
        return
    for n, expected in enumerate(table):
        for c, value in enumerate(expected):
            covered = row <= n < row + height and column <= c < column + width
            wanted = value if not covered else table[row][column] if c == column else ""
            assert _padded(found[n], len(expected))[c] == wanted


@pytest.mark.parametrize("suffix", SHEETS)
@settings(max_examples=50, deadline=None)
@example([["H0 |", "H1 |"], ["", "v0x1 ||"]])
@given(tables())
def test_every_value_of_a_sheet_is_named_by_its_column(suffix: str, table: Table) -> None:
    found = [line for line in lines_of(SHEETS[suffix](table, ()), suffix) if "v" in line]
    expected = [
        "; ".join(f"{n}: {v}" for n, v in zip(table[0], row, strict=True) if v) for row in table[1:]
    ]
    assert found == expected


@pytest.mark.parametrize("suffix", [".docx", ".odt", ".html"])
def test_paragraphs_of_a_cell_stay_in_the_cell(suffix: str) -> None:
    rows = ((("a",), ("b",)), (("one", "two", "- x"), ("9",)))

    def made(row: str, cell: str, paragraph: str) -> str:
        cells = (
            ("".join(cell.format("".join(map(paragraph.format, each))) for each in each_row))
            for each_row in rows
        )
        return "".join(map(row.format, cells))

    several: dict[str, bytes | str] = {
        ".html": "<table><tr><td>a<td>b<tr><td><p>one<p>two<ul><li>x</ul><td>9</table>",
        ".docx": docx("<w:tbl>" + made(
            "<w:tr>{}</w:tr>", "<w:tc>{}</w:tc>", "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
        ) + "</w:tbl>"),
        ".odt": odt("<table:table>" + made(
            "<table:table-row>{}</table:table-row>", "<table:table-cell>{}</table:table-cell>",
            "<text:p>{}</text:p>",
        ) + "</table:table>"),
    }  # fmt: skip
    assert lines_of(several[suffix], suffix) == ["a | b", "one two - x | 9"]


def test_a_table_that_only_lays_a_page_out_is_read_cell_by_cell() -> None:
    inner = "<table><tr><th>Name<th>Jan<th>Feb<tr><td>Anna<td><td>12</table>"
    page = f"<table><tr><td>Left column<td>{inner}</table>"
    assert lines_of(page, ".html") == ["Left column", "Name | Jan | Feb", "Anna |  | 12"]


def test_a_header_over_several_columns_stands_over_each() -> None:
    page = (
        "<table><tr><th rowspan=2>Name<th colspan=2>2023<th colspan=2>2024"
        "<tr><th>Jan<th>Feb<th>Jan<th>Feb<tr><td>Anna<td><td>5<td>6<td></table>"
    )
    assert lines_of(page, ".html") == [
        "Name | 2023 | 2023 | 2024 | 2024", "Name | Jan | Feb | Jan | Feb", "Anna |  | 5 | 6 | ",
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".xlsx", ".ods"])
def test_columns_of_a_sheet_are_named_by_the_group_above_them_too(suffix: str) -> None:
    table = [["Mieten", "", "", "", ""], ["", "", "", "", ""], ["Name", "Alt", "", "Neu", ""],
             ["", "Jan", "Feb", "Jan", "Feb"], ["Anna", "", "5", "6", ""]]  # fmt: skip
    merged = [(0, 0, 1, 5), (2, 0, 2, 1), (2, 1, 1, 2), (2, 3, 1, 2)]
    assert lines_of(SHEETS[suffix](table, merged), suffix) == [
        "Sheet: Data", "Mieten", "Name: Anna; Alt Feb: 5; Neu Jan: 6",
    ]  # fmt: skip


def test_a_second_table_of_a_sheet_has_names_of_its_own() -> None:
    table = [["Name", "Rent"], ["Anna", "5"], [""], ["Costs"], ["Item", "Price", "Note"],
             ["Bread", "2", "rye"]]  # fmt: skip
    assert lines_of(files.as_xlsx(table), ".xlsx") == [
        "Sheet: Data", "Name: Anna; Rent: 5", "Costs", "Item: Bread; Price: 2; Note: rye",
    ]  # fmt: skip


def test_rows_without_a_header_keep_their_columns() -> None:
    assert lines_of("1,2,3\n4,,6\n", ".csv") == ["1 | 2 | 3", "4 |  | 6"]


def test_years_name_columns() -> None:
    assert lines_of("Region,2021,2022\nNorth,,7\n", ".csv") == ["Region: North; 2022: 7"]


def test_the_spans_of_a_hostile_table_end_somewhere() -> None:
    row = "<tr>" + "<td rowspan=60000 colspan=1000>x" * 50 + "</tr>"
    with pytest.raises(Exception, match="cells span more than"):
        read(f"<table>{row * 100}</table>", ".html")


def _padded(cells: Sequence[str], n: int) -> list[str]:
    return [*cells, *[""] * (n - len(cells))]
