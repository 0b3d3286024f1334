"""OpenDocument text as a reader sees it: what was deleted is gone, notes follow their paragraph."""

import re
from collections.abc import Callable

from localcollab.documents.parsing.blocks import Block
from localcollab.documents.parsing.markup import read_xml
from localcollab.documents.parsing.odf_lists import STYLES_OF_LISTS, Lists
from localcollab.documents.parsing.section import Refused
from localcollab.documents.parsing.tables import (
    MOST_COLUMNS,
    MOST_ROWS,
    Cell,
    Flow,
    Row,
    Table,
    span,
)

_UNSHOWN = frozenset(
    {
        "tracked-changes", "styles", "automatic-styles", "scripts", "note-citation", "ruby-text",
        "forms", "settings", "creator", "date", "date-string", "sender-initials", "meta",
        "font-face-decls", "page-number", "title", "desc", "event-listeners", "shapes",
    }
)  # fmt: skip
_FLOATING = {"annotation": "Comment", "note": "Footnote", "text-box": "", "notes": "Notes"}
_MOST_BLANKS = 1000
_FEW = 50
"""Columns: empty cells beyond them at a row's end are a sheet's, not a table's."""
_MOST_REPEATED = 200_000
"""Cells and rows that are written once and stand more often."""

OnPage = Callable[[str, list[Block]], None]


class Reader:
    """`on_page`: gets each slide, or sheet, with its name and blocks, when it ends."""

    covered_are_cells = False
    """Whether a place that a merged cell covers counts as a cell, as it does in a sheet."""

    def __init__(self, on_page: OnPage | None = None, lists: Lists | None = None) -> None:
        self._on_page = on_page
        self._lists = lists or Lists()
        self._flows = [Flow()]
        self._floating: list[Block] = []
        self._paragraphs: list[tuple[list[str], int]] = []
        self._path: list[str] = []
        self._unshown = self._head_rows = 0
        self._page = ""
        self._repeats: list[tuple[int, int]] = []
        self._left = _MOST_REPEATED

    def read(self, data: bytes) -> list[Block]:
        read_xml(data, self._start, self._end, self._text)
        return self.take()

    def take_floating(self) -> list[Block]:
        floating, self._floating = self._floating, []
        return floating

    def take(self) -> list[Block]:
        blocks = self._flows[0].close() + self._floating
        self._flows[0], self._floating = Flow(), []
        return blocks

    def on_table(self, name: str, table: Table) -> None:
        """For those who want a sheet's rows."""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if name in _UNSHOWN:
            self._unshown += 1
        if not self._unshown or name in STYLES_OF_LISTS:
            self._lists.start(name, attributes)
        if self._unshown:
            return
        if name in ("p", "h"):
            level = span(attributes.get("outline-level"), 10) if name == "h" else 0
            self._paragraphs.append(([self._lists.label(level, attributes)], level))
        elif name in _FLOATING:
            self._flows.append(Flow())
        elif name == "page":
            self._page = attributes.get("name", "")
        elif self._paragraphs:
            self._write(_blank(name, attributes))
        if name.startswith("table") or name == "covered-table-cell":
            self._start_in_table(name, attributes)

    def _start_in_table(self, name: str, attributes: dict[str, str]) -> None:
        flow = self._flows[-1]
        if name == "table":
            flow.open_table()
            self._repeats.append((1, 1))
            if not self._path.count("page"):
                self._page = attributes.get("name", "")
        elif name == "table-header-rows":
            self._head_rows += 1
        elif name == "table-row" and self._repeats:
            flow.open_row(Row(is_header=bool(self._head_rows)))
            n = span(attributes.get("number-rows-repeated"), 2_000_000)
            self._repeats[-1] = (n, 1)
        elif name == "covered-table-cell" and self.covered_are_cells:
            flow.open_cell(Cell())
        elif name == "table-cell":
            columns = span(attributes.get("number-columns-spanned"), MOST_COLUMNS)
            rows = span(attributes.get("number-rows-spanned"), MOST_ROWS)
            flow.open_cell(Cell(columns, rows))
        if name in ("table-cell", "covered-table-cell") and self._repeats:
            n = span(attributes.get("number-columns-repeated"), 100_000)
            self._repeats[-1] = (self._repeats[-1][0], n)

    def _end(self, name: str) -> None:
        self._path.pop()
        if name in _UNSHOWN:
            self._unshown -= 1
            return
        if self._unshown:
            return
        self._lists.end(name)
        if name in ("p", "h") and self._paragraphs:
            self._end_paragraph()
        elif name in _FLOATING:
            self._end_floating(name)
        elif name == "page" and self._on_page is not None:
            self._on_page(self._page, self.take())
        if name.startswith("table") or name == "covered-table-cell":
            self._end_in_table(name)

    def _end_in_table(self, name: str) -> None:
        flow = self._flows[-1]
        is_cell = name == "table-cell" or (name[0] == "c" and self.covered_are_cells)
        if is_cell:
            self._repeat_cell(flow)
            flow.close_cell()
        elif name == "table-row":
            self._repeat_row(flow)
        elif name == "table-header-rows":
            self._head_rows -= 1
        elif name == "table" and self._repeats:
            self._repeats.pop()
            if flow.table is not None and not self._repeats:
                self.on_table(self._page, flow.table)
            flow.close_table()
            self._land()

    def _repeat_cell(self, flow: Flow) -> None:
        if flow.table is None or not flow.table.row.cells:
            return
        cell, n = flow.table.cell, self._repeats[-1][1]
        # A sheet ends in thousands of empty cells that are written as one.
        n = n if cell.blocks else min(n, MOST_COLUMNS)
        self._spend(n - 1 if cell.blocks else 0)
        flow.table.row.cells.extend([cell] * (n - 1))

    def _repeat_row(self, flow: Flow) -> None:
        if flow.table is None or not self._repeats:
            return
        row, n = flow.table.row, self._repeats[-1][0]
        while len(row.cells) > _FEW and not row.cells[-1].blocks:
            row.cells.pop()
        if row.cells and any(cell.blocks for cell in row.cells):
            self._spend((n - 1) * len(row.cells))
            flow.table.rows.extend([row] * (n - 1))

    def _spend(self, n: int) -> None:
        self._left -= n
        if self._left < 0:
            raise Refused(f"repeats more than {_MOST_REPEATED} cells")

    def _end_floating(self, name: str) -> None:
        if len(self._flows) < 2:
            return
        blocks, label = self._flows.pop().close(), _FLOATING[name]
        if blocks and label:
            blocks = [Block(f"{label}: {blocks[0].text}"), *blocks[1:]]
        if self._paragraphs or name == "annotation":
            self._floating += blocks
        else:  # a slide's text box stands in no paragraph
            self._flows[-1].add(blocks)
        self._land()

    def _end_paragraph(self) -> None:
        (label, *parts), level = self._paragraphs.pop()
        text = "".join(parts).strip()
        if text or (label and self._flows[-1].is_in_table):  # a column of nothing but numbers
            text = (label + text).strip()
            self._flows[-1].add([Block(text, level, self._lists.is_open and not level)])
        self._land()

    def _land(self) -> None:
        if self._paragraphs or len(self._flows) > 1 or self._flows[0].is_in_table:
            return
        self._flows[0].add(self._floating)
        self._floating = []

    def _text(self, data: str) -> None:
        if self._paragraphs and not self._unshown:
            self._write(re.sub(r"[ \t\r\n]+", " ", data))

    def _write(self, text: str) -> None:
        self._paragraphs[-1][0].append(text)


def _blank(name: str, attributes: dict[str, str]) -> str:
    if name == "s":
        return " " * span(attributes.get("c"), _MOST_BLANKS)
    return {"tab": "\t", "line-break": "\n"}.get(name, "")
