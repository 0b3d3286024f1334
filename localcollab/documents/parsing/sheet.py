"""A spreadsheet's sheet as it is stored, sparse and with merged cells -> paragraphs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from localcollab.documents.parsing.rows import paragraphs
from localcollab.documents.parsing.section import Refused

_MOST_DENSE = 4_000_000
"""Cells of a sheet with those between; where most are empty, values are named by their place."""
_MOST_MERGED = 1_000_000


@dataclass(slots=True)
class Sheet:
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    header_rows: set[int] = field(default_factory=set)
    n_lost: int = 0
    """Cells whose text the file lacks, or that stand where another or no cell can."""
    n_unstored: int = 0
    """Formulas without a value: the program that wrote them does not compute."""


def sheet_paragraphs(sheet: Sheet) -> Iterator[str]:
    _fill_merged(sheet)
    filled = sorted(sheet.rows)
    n_dense = sum(max(sheet.rows[row]) + 1 for row in filled)
    if n_dense > _MOST_DENSE and n_dense > 20 * sum(map(len, sheet.rows.values())):
        for row in filled:
            placed = sorted(sheet.rows[row].items())
            yield "; ".join(f"{_letters(column)}{row + 1}: {text}" for column, text in placed)
        return
    first = min((min(cells) for cells in sheet.rows.values()), default=0)
    dense: list[list[str]] = []
    named: list[int] = []
    before = -1
    for row in filled:
        if row > before + 1:
            dense.append([])
        if row in sheet.header_rows:
            named.append(len(dense))
        cells = sheet.rows[row]
        dense.append([cells.get(column, "") for column in range(first, max(cells) + 1)])
        before = row
    yield from paragraphs(dense, named)


def _fill_merged(sheet: Sheet) -> None:
    """Down, a value is repeated; to the right only where it stands above a group of columns."""
    left = _MOST_MERGED
    for row, column, last_row, last_column in sheet.merged:
        text = sheet.rows.get(row, {}).get(column, "")
        if not text:
            continue
        below = sheet.rows.get(last_row + 1, {})
        n_below = sum(n in below for n in range(column, min(last_column, column + 50) + 1))
        # Only a title stands above the names of columns.
        is_header = len(sheet.rows.get(row - 1, {})) <= 1
        is_group = is_header and n_below > 1 and any(not column <= n <= last_column for n in below)
        width = last_column - column + 1 if is_group else 1
        left -= width * (last_row - row + 1)
        if left < 0:
            raise Refused(f"has merged cells over more than {_MOST_MERGED} others")
        for n in range(row, last_row + 1):
            # An empty row within stays one: only rows with something in them are rows of the table.
            if n == row or n in sheet.rows:
                sheet.rows.setdefault(n, {}).update(
                    dict.fromkeys(range(column, column + width), text)
                )


def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
