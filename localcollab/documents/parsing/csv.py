"""CSV: each row a paragraph of `column: value`; the separator is the one that explains the rows best."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from localcollab.documents.parsing.quoted_fields import Field, split_fields
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.rows import is_number, paragraphs
from localcollab.documents.parsing.section import Section

_DELIMITERS = ",;\t|:^~"
_USUAL = {",": 1.0, ";": 1.0, "\t": 1.0, "|": 0.9}
"""How likely each is before anything was seen."""
_SAMPLE_CHARS = 50_000
_SAMPLE_ROWS = 200
_SEP = re.compile(r'"?sep=(.)"?[ ,;\t]*(?:\n|$)', re.IGNORECASE)
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])


def parse(raw: Raw) -> Iterator[Section]:
    text = _without_controls(raw, decode(raw))
    declared = _SEP.match(text)
    if declared:
        text, delimiter = text[declared.end() :], declared[1]
    else:
        delimiter = find_delimiter(text, raw.suffix)
    rows = _rows(raw, text, delimiter)
    yield Section("".join(f"{each}\n\n" for each in paragraphs(rows)))


def find_delimiter(text: str, suffix: str = ".csv") -> str:
    """The sign whose fields are alike in number from row to row, and look like values."""
    sample = text[:_SAMPLE_CHARS]
    if len(text) > len(sample) and "\n" in sample:
        sample = sample[: sample.rindex("\n")]
    preferred = "\t" if suffix == ".tsv" else ","
    scores = {sign: _score(sample, sign) for sign in _DELIMITERS if sign in sample}
    return max(scores, key=lambda sign: (scores[sign], sign == preferred), default=preferred)


def _score(sample: str, delimiter: str) -> float:
    filled = (row for row in split_fields(sample, delimiter) if any(field.text for field in row))
    rows = list(islice(filled, _SAMPLE_ROWS))
    width = _usual_width(rows)
    if width < 2:
        return 0.0
    fields = [field for row in rows for field in row]
    quality = sum(map(_quality, fields)) / len(fields)
    alike = sum(len(row) == width for row in rows) / len(rows)
    return alike * alike * quality * (1 - 1 / width) * _USUAL.get(delimiter, 0.6)


def _quality(field: Field) -> float:
    """How much it looks like one value; a separator in it speaks against its being one."""
    cell = field.text
    if is_number(cell):
        return 1.0
    if field.is_quoted:
        return 0.9
    if field.is_stray:
        return 0.1
    # No value begins with a comma: another sign's field does.
    if ";" in cell or "\t" in cell or cell.startswith(","):
        return 0.1
    if "|" in cell or "," in cell:
        return 0.6
    return 0.9 if cell else 0.6


def _rows(raw: Raw, text: str, delimiter: str) -> list[list[str]]:
    rows = []
    for fields in split_fields(text, delimiter):
        rows.append([field.text for field in fields])
        if any(field.is_stray for field in fields):
            raw.note("a quote is never closed: it is read as text")
    usual = _usual_width(rows)
    for n, row in enumerate(rows):
        if row and not _is_remark(row, usual):
            break
        rows[n] = [f"{delimiter} ".join(row)] if row else row
    return rows


def _is_remark(row: Sequence[str], usual_width: int) -> bool:
    """A line above the table, not the header of a column of numbers, which is named # as well."""
    return row[0].startswith("# ") or (row[0].startswith("#") and len(row) != usual_width)


def _usual_width(rows: Iterable[Sequence[object]]) -> int:
    widths = Counter(len(row) for row in rows if row)
    return max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))[0]


def _without_controls(raw: Raw, text: str) -> str:
    cleaned = text.translate(_CONTROLS)
    if n := len(text) - len(cleaned):
        raw.notes.append(f"{n} control characters were left out")
    return cleaned
