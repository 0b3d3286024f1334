"""Rows of tables as sentences: every value under its own column, about the row's first value."""

import re
from collections.abc import Iterator

_PAIR = re.compile(r"\s*([^:;|\n]{1,60}):\s*([^;|\n]+?)\s*(?:;|$)")
_MOST_COLUMNS = 40


def record(row: str) -> tuple[tuple[str, str], ...]:
    """(column, value) of a row `column: value; column: value`; empty if it is none."""
    pairs, at = list[tuple[str, str]](), 0
    while (found := _PAIR.match(row, at)) is not None and len(pairs) < _MOST_COLUMNS:
        pairs.append((found[1].strip(), found[2].strip().removesuffix(".")))
        at = found.end()
        if at >= len(row.rstrip()):
            break
    return tuple(pairs) if len(pairs) > 1 and at >= len(row.rstrip()) else ()


def row_of(header: str, row: str) -> tuple[tuple[str, str], ...]:
    """(column, value) of a row `a | b | c` below its header; empty cells are left out."""
    names, values = (
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in (header, row)
    )
    if len(names) != len(values) or len(names) < 2 or not all(names[1:]):
        return ()
    return tuple((name, value) for name, value in zip(names, values, strict=True) if value)


def statements(pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """What a row states: of every column its value, and whose it is."""
    _, whose = pairs[0]
    for name, value in pairs[1:]:
        yield f"{whose}: {name}: {value}"
        yield f"The {name} of {whose} is {value}"
        yield f"The {name} for {whose} is {value}"
        yield f"The {whose} {name} is {value}"
        yield f"{whose} has a {name} of {value}"
