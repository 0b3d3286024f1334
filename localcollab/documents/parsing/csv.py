"""CSV: each row a paragraph of `column: value`, so that a passage says what its numbers are."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence

from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section, Unreadable

_DELIMITERS = ",;\t|"


def parse(raw: Raw) -> Iterator[Section]:
    text = decode(raw)
    csv.field_size_limit(raw.limits.text_chars)
    lines = text.splitlines(keepends=True)
    try:
        rows = [row for row in csv.reader(lines, delimiter=_delimiter(lines)) if any(row)]
    except csv.Error as error:
        raise Unreadable(f"is no CSV ({error})") from error
    header = rows[0] if rows and _is_header(rows[0]) and len(rows) > 1 else []
    body = rows[1:] if header else rows
    yield Section("".join(_paragraph(header, row) + "\n\n" for row in body))


def _delimiter(lines: Sequence[str]) -> str:
    """The sign that the first lines hold most often; in a tie a comma."""
    counts = Counter(sign for line in lines[:10] for sign in line if sign in _DELIMITERS)
    return max(_DELIMITERS, key=lambda sign: counts[sign])


def _is_header(row: Sequence[str]) -> bool:
    names = [cell.strip() for cell in row]
    return all(names) and len(set(names)) == len(names) and not any(map(_is_number, names))


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace(",", "").lstrip("+-").isdigit()


def _paragraph(header: Sequence[str], row: Sequence[str]) -> str:
    cells = [cell.strip() for cell in row]
    names = [name.strip() for name in header] + [""] * (len(cells) - len(header))
    pairs = zip(names, cells, strict=False)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
