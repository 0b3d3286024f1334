"""CSV: each row a paragraph of `column: value`; the separator is the one that explains the rows best."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.rows import is_number, paragraphs
from localcollab.documents.parsing.section import Section, Unreadable

_DELIMITERS = ",;\t|:^~"
_USUAL = {",": 1.0, ";": 1.0, "\t": 1.0, "|": 0.9}
"""How likely each is before anything was seen."""
_SAMPLE_CHARS = 50_000
_SAMPLE_ROWS = 200
_SEP = re.compile(r'"?sep=(.)"?[ ,;\t]*(?:\n|$)', re.IGNORECASE)
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])
_MOST_LINES = 200
"""Of one cell: beyond this, a quote was never closed."""


def parse(raw: Raw) -> Iterator[Section]:
    text = _without_controls(raw, decode(raw))
    csv.field_size_limit(raw.limits.text_chars)
    declared = _SEP.match(text)
    if declared:
        text, delimiter = text[declared.end() :], declared[1]
    else:
        delimiter = find_delimiter(text, raw.suffix)
    try:
        rows = _rows(raw, text, delimiter)
    except csv.Error as error:
        raise Unreadable(f"not a CSV file ({error})") from error
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
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    rows = []
    for row in reader:
        if any(cell.strip() for cell in row):
            rows.append(row)
        if len(rows) == _SAMPLE_ROWS:
            break
    widths = Counter(map(len, rows))
    width, n_alike = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    if width < 2:
        return 0.0
    cells = [cell.strip() for row in rows for cell in row]
    quality = sum(map(_quality, cells)) / len(cells)
    alike = n_alike / len(rows)
    return alike * alike * quality * (1 - 1 / width) * _USUAL.get(delimiter, 0.6)


def _quality(cell: str) -> float:
    """How much it looks like one value; a separator in it speaks against its being one."""
    if is_number(cell):
        return 1.0
    if ";" in cell or "\t" in cell:
        return 0.1
    if "|" in cell or "," in cell:
        return 0.6
    return 0.9 if cell else 0.6


def _rows(raw: Raw, text: str, delimiter: str) -> list[list[str]]:
    rows = _split(text, delimiter, quoted=True)
    if any(cell.count("\n") > _MOST_LINES for row in rows for cell in row):
        raw.notes.append("a quote is never closed: quotes are read as text")
        rows = _split(text, delimiter, quoted=False)
    return rows


def _split(text: str, delimiter: str, *, quoted: bool) -> list[list[str]]:
    reader = csv.reader(
        (f"{line}\n" for line in text.split("\n")),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        skipinitialspace=delimiter not in " \t",
    )
    return [[cell.strip() for cell in row] for row in reader]


def _without_controls(raw: Raw, text: str) -> str:
    cleaned = text.translate(_CONTROLS)
    if n := len(text) - len(cleaned):
        raw.notes.append(f"{n} control characters were left out")
    return cleaned
