"""Rows of a sheet -> paragraphs of `column: value`, so that a passage says what its numbers are.

Where no row names the columns, rows are `a | b | c` with empty cells in place.
"""

import re
from collections.abc import Iterator, Sequence

from localcollab.documents.parsing.tables import SEPARATOR

Rows = Sequence[Sequence[str]]
_NUMBER = re.compile(r"[-+(]?\s?[€$£¥]?\s?\.?\d[\d.,'\s]*(?:e[-+]?\d+)?\s?[%€$£¥)]?", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}(?:[-./]\d{1,4})?(?:[T ]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}.*")
_YEAR = re.compile(r"(?:19|20|21)\d\d")
_LONGEST_NAME = 200
_SCANNED = 20
"""Rows that are looked at to tell how wide a table is."""


def paragraphs(rows: Rows, named: Sequence[int] = ()) -> Iterator[str]:
    """`named`: indices of rows that are known to name columns."""
    names: list[str] = []
    known, after_gap, seen = frozenset(named), True, False
    n = 0
    while n < len(rows):
        cells = rows[n]
        n_filled = sum(map(bool, cells))
        n += 1
        if not n_filled:
            after_gap = True
            continue
        if n - 1 in known or (after_gap and _is_header(rows, n - 1, is_first=not names)):
            names, n = _names(rows, n - 1)
            seen, after_gap = True, False
            continue
        if after_gap and seen and n_filled == 1 and len(names) > 1:  # the next table's title
            names = []
        # A title may stand above a header without a gap.
        after_gap = not names and (n_filled == 1 or _is_above_header(rows, n - 1))
        yield _paragraph(names, cells)


def is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text) or _DATE.fullmatch(text))


def _is_header(rows: Rows, n: int, *, is_first: bool) -> bool:
    filled = [cell for cell in rows[n] if cell]
    below = [row for row in rows[n + 1 : n + 1 + _SCANNED] if any(row)]
    if not below or len(filled) < 2 or any(len(cell) > _LONGEST_NAME for cell in filled):
        return False
    width = max(sum(map(bool, row)) for row in below)
    if 2 * len(filled) < width or not _are_names(filled, has_corner=not rows[n][0]):
        return False
    is_plain = is_first and len({*filled}) == len(filled) and not _is_above_header(rows, n)
    return is_plain or _is_group(rows, n) or _has_numbers_below(rows[n], below[0])


def _is_above_header(rows: Rows, n: int) -> bool:
    """A title of several cells: the row below names more columns, and has numbers below it."""
    if n + 2 >= len(rows):
        return False
    names = [cell for cell in rows[n + 1] if cell]
    return (
        len(names) > sum(map(bool, rows[n]))
        and not any(map(is_number, names))
        and _has_numbers_below(rows[n + 1], rows[n + 2])
    )


def _is_group(rows: Rows, n: int) -> bool:
    """A header above a header, whose names stand for several columns each."""
    filled = [cell for cell in rows[n] if cell]
    if len({*filled}) == len(filled) or n + 2 >= len(rows):
        return False
    below = [cell for cell in rows[n + 1] if cell]
    return len(below) > 1 and not any(map(is_number, below)) and (
        _has_numbers_below(rows[n + 1], rows[n + 2])
    )  # fmt: skip


def _are_names(filled: Sequence[str], *, has_corner: bool) -> bool:
    """Words; or, after the first column, years or dates."""
    numbers = [cell for cell in filled if is_number(cell)]
    if not numbers:
        return True
    rest = filled if has_corner else filled[1:]
    is_dated = all(_YEAR.fullmatch(cell) for cell in rest) or all(map(_DATE.fullmatch, rest))
    return is_dated and len({*rest}) > 1


def _has_numbers_below(header: Sequence[str], row: Sequence[str]) -> bool:
    pairs = list(zip(header, row, strict=False))
    return any(name and is_number(cell) for name, cell in pairs)


def _names(rows: Rows, n: int) -> tuple[list[str], int]:
    """Of each column, and the first row below: one header row, or a group's above the columns'."""
    names = [" ".join(cell.split()) for cell in rows[n]]
    if _is_group(rows, n):
        below = [" ".join(cell.split()) for cell in rows[n + 1]]
        width = max(len(names), len(below))
        names += [""] * (width - len(names))
        below += [""] * (width - len(below))
        names = [
            f"{a} {b}" if a and b and a != b else a or b for a, b in zip(names, below, strict=True)
        ]
        n += 1
    return _distinct(names), n + 1


def _distinct(names: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    distinct = []
    for column, name in enumerate(names, 1):
        distinct.append(f"{name} (column {column})" if name in seen and name else name)
        seen.add(name)
    return distinct


def _paragraph(names: Sequence[str], cells: Sequence[str]) -> str:
    if not any(names):
        last = max(n for n, cell in enumerate(cells, 1) if cell)
        return SEPARATOR.join(cell.replace("|", "\\|") for cell in cells[:last])
    padded = [*names, *[""] * (len(cells) - len(names))]
    named = [
        f"{name or f'column {column}'}: {cell}" if name or column > 1 else cell
        for column, (name, cell) in enumerate(zip(padded, cells, strict=False), 1)
        if cell
    ]
    return "; ".join(named)
