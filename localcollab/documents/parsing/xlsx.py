"""XLSX: each sheet under its name, each row as `column: value`; formulas by their stored values."""

from collections.abc import Iterator, Sequence

from localcollab.documents.parsing.drawingml import read_texts
from localcollab.documents.parsing.markup import Archive, read_xml, whole
from localcollab.documents.parsing.number_format import Formats, shown
from localcollab.documents.parsing.ooxml import flag, main_part, of_kind, relations
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section
from localcollab.documents.parsing.sheet import Sheet, sheet_paragraphs

_ROW_LIMIT, _COLUMN_LIMIT = 1_048_576, 16_384


def parse(raw: Raw) -> Iterator[Section]:
    archive = Archive(raw)
    main = main_part(archive, "xl/workbook.xml")
    related = relations(archive, main)
    sheets, is_1904 = _sheets(archive, main)
    strings = _strings(archive, next(of_kind(related, "sharedStrings"), "xl/sharedStrings.xml"))
    styles = next(of_kind(related, "styles"), "xl/styles.xml")
    formats = Formats(archive.read(styles) if styles in archive.names else b"", is_1904)
    n_charts = sum("charts/chart" in name and not name.endswith(".rels") for name in archive.names)
    for name, id_, is_hidden in sheets:
        relation = related.get(id_)
        if relation is None or relation.kind != "worksheet":
            raw.note(f"sheet {name[:100]} is no worksheet, or missing: not read")
            continue
        sheet = _Reader(strings, formats).read(archive.read(relation.part))
        extra = _beside(archive, relation.part, sheet)
        title = f"{name} (hidden)" if is_hidden else name
        body = "".join(f"{each}\n\n" for each in (*sheet_paragraphs(sheet), *extra))
        if body:
            yield Section(f"Sheet: {title}\n\n{body}", heading=title[:200])
        if sheet.n_lost:
            raw.note(f"{sheet.n_lost} cells of sheet {name[:100]} are damaged and were not read")
        if sheet.n_unstored:
            raw.note(
                f"{sheet.n_unstored} formulas of sheet {name[:100]} have no stored value: open and "
                "save the file in a spreadsheet program"
            )
    if n_charts:
        raw.note(f"{n_charts} {'chart was' if n_charts == 1 else 'charts were'} not read")


def _sheets(archive: Archive, main: str) -> tuple[list[tuple[str, str, bool]], bool]:
    found: list[tuple[str, str, bool]] = []
    is_1904 = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal is_1904
        if name == "sheet":
            is_hidden = attributes.get("state", "visible") != "visible"
            found.append((attributes.get("name", ""), attributes.get("id", ""), is_hidden))
        elif name == "workbookPr":
            is_1904 = flag(attributes, "date1904") and "date1904" in attributes

    read_xml(archive.read(main), start, lambda _: None, lambda _: None)
    return found, is_1904


def _strings(archive: Archive, part: str) -> list[str]:
    """The shared strings, without what is only their pronunciation."""
    strings: list[str] = []
    parts: list[str] = []
    inside = {"t": 0, "rPh": 0}

    def start(name: str, _: dict[str, str]) -> None:
        if name == "si":
            parts.clear()
        elif name in inside:
            inside[name] += 1

    def end(name: str) -> None:
        if name == "si":
            strings.append("".join(parts))
        elif name in inside:
            inside[name] -= 1

    def text(data: str) -> None:
        if inside["t"] and not inside["rPh"]:
            parts.append(data)

    if part in archive.names:
        read_xml(archive.read(part), start, end, text)
    return strings


class _Reader:
    def __init__(self, strings: Sequence[str], formats: Formats) -> None:
        self._sheet = Sheet()
        self._strings, self._formats = strings, formats
        self._row, self._column = -1, -1
        self._kind, self._style = "n", 0
        self._value: list[str] = []
        self._inline: list[str] = []
        self._inside = ""
        self._has_formula = self._is_phonetic = False

    def read(self, data: bytes) -> Sheet:
        read_xml(data, self._start, self._end, self._text)
        return self._sheet

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self._row = _index(attributes.get("r", ""), self._row + 1, _ROW_LIMIT)
            self._column = -1
        elif name == "c":
            _, column = place(attributes.get("r", ""))
            self._column = self._column + 1 if column is None else column
            self._kind, style = attributes.get("t", "n"), attributes.get("s", "0")
            self._style = whole(style) or 0
            self._value, self._inline, self._has_formula = [], [], False
        elif name == "rPh":  # how it is pronounced
            self._is_phonetic = True
        elif name in ("v", "t") and not self._is_phonetic:
            self._inside = name
        elif name == "f":
            self._has_formula = True
        elif name == "mergeCell":
            self._sheet.merged += area(attributes.get("ref", ""))
        elif name == "autoFilter":
            self._sheet.header_rows |= {first for first, *_ in area(attributes.get("ref", ""))}

    def _end(self, name: str) -> None:
        if name in ("v", "t"):
            self._inside = ""
        elif name == "rPh":
            self._is_phonetic = False
        elif name == "c":
            self._end_cell()

    def _text(self, data: str) -> None:
        if self._inside == "v":
            self._value.append(data)
        elif self._inside == "t":
            self._inline.append(data)

    def _end_cell(self) -> None:
        value = "".join(self._value)
        if self._has_formula and not value and self._kind != "str":
            self._sheet.n_unstored += 1
        if self._kind == "inlineStr":
            text = "".join(self._inline)
        elif self._kind == "s":
            n = whole(value)
            text = self._strings[n] if n is not None and n < len(self._strings) else ""
            self._sheet.n_lost += bool(value) and (n is None or n >= len(self._strings))
        elif self._kind == "b":
            text = {"1": "TRUE", "0": "FALSE"}.get(value, value)
        elif self._kind == "n":
            text = shown(value, self._formats.of_style(self._style), self._formats.is_1904)
        else:
            text = value
        text = " ".join(text.split())
        if text:
            self._put(text)

    def _put(self, text: str) -> None:
        if self._column >= _COLUMN_LIMIT:
            self._sheet.n_lost += 1
            return
        cells = self._sheet.rows.setdefault(self._row, {})
        self._sheet.n_lost += self._column in cells
        cells[self._column] = text


def place(reference: str) -> tuple[int | None, int | None]:
    """`B3` -> (2, 1)."""
    letters = reference.rstrip("0123456789").upper()
    digits = reference[len(letters) :]
    if not letters.isascii() or not letters.isalpha() or len(letters) > 3:
        return None, None
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return (int(digits) - 1 if digits and len(digits) < 8 else None), column - 1


def area(reference: str) -> list[tuple[int, int, int, int]]:
    """`A1:B3` -> first row, first column, last row, last column; none where it is none."""
    first, _, last = reference.partition(":")
    (row, column), (last_row, last_column) = place(first), place(last or first)
    if row is None or column is None or last_row is None or last_column is None:
        return []
    return [(row, column, last_row, last_column)]


def _index(text: str, otherwise: int, limit: int) -> int:
    n = whole(text)
    return otherwise if n is None else min(n - 1, limit)


def _beside(archive: Archive, part: str, sheet: Sheet) -> list[str]:
    """Comments and text boxes; and which rows its tables name as headers."""
    found = []
    related = relations(archive, part)
    for kind, related_part in related.values():
        if kind == "comments":
            found += _comments(archive.read(related_part))
        elif kind == "drawing":
            found += [block.text for block in read_texts(archive.read(related_part))]
        elif kind == "table":
            sheet.header_rows |= _table_header(archive.read(related_part))
    return found


def _table_header(data: bytes) -> set[int]:
    rows: set[int] = set()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "table" and attributes.get("headerRowCount", "1") != "0":
            rows.update(first for first, *_ in area(attributes.get("ref", "")))

    read_xml(data, start, lambda _: None, lambda _: None)
    return rows


def _comments(data: bytes) -> list[str]:
    found: list[str] = []
    parts: list[str] = []
    at, is_text = "", False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal at, is_text
        if name == "comment":
            at = attributes.get("ref", "")
            parts.clear()
        is_text = name == "t"

    def end(name: str) -> None:
        nonlocal is_text
        is_text = False
        if name == "comment" and parts:
            found.append(f"Comment on {at}: {' '.join(''.join(parts).split())}")

    read_xml(data, start, end, lambda data: parts.append(data) if is_text else None)
    return found
