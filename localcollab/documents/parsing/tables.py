"""Tables as rows of `a | b | c`, where every value stays in its column.

An empty cell keeps its place. A cell over several rows is repeated in each of them; one over several
columns stands in the first, and in header rows in all of them. Linear in the cells.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from localcollab.documents.parsing.blocks import Block
from localcollab.documents.parsing.section import Refused

MOST_COLUMNS = 1000
"""That one cell may span, as in HTML."""
MOST_ROWS = 65_534
_MOST_FILLED = 1_000_000
"""Cells of one table that are there only because another spans them."""
_LONG = 300
"""Characters: a row with a heading and more than this is laid out, not a row of data."""
_DEEPEST = 20
SEPARATOR = " | "


@dataclass(slots=True)
class Cell:
    columns: int = 1
    rows: int = 1
    is_header: bool = False
    is_continued: bool = False
    """It belongs to the merged cell above it, as WordprocessingML's vMerge says."""
    blocks: list[Block] = field(default_factory=list)
    has_table: bool = False
    is_deleted: bool = False
    """By a tracked change."""

    def text(self) -> str:
        words = " ".join(" ".join(block.text.split()) for block in self.blocks)
        return words.replace("|", "\\|")


@dataclass(slots=True)
class Row:
    is_header: bool = False
    is_deleted: bool = False
    before: int = 0
    """Columns that it leaves out at its beginning."""
    cells: list[Cell] = field(default_factory=list)


class Table:
    """One table while it is read: rows, in them cells, in them blocks."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.is_cell_open = False
        self._outside: list[Block] = []

    def open_row(self, row: Row) -> None:
        self.rows.append(row)
        self.is_cell_open = False

    def open_cell(self, cell: Cell) -> None:
        if not self.rows:
            self.open_row(Row())
        self.rows[-1].cells.append(cell)
        self.is_cell_open = True

    @property
    def row(self) -> Row:
        return self.rows[-1] if self.rows else Row()

    @property
    def cell(self) -> Cell:
        return self.rows[-1].cells[-1] if self.rows and self.rows[-1].cells else Cell()

    def add(self, blocks: Iterable[Block]) -> None:
        """To the open cell; what stands between cells comes before the table."""
        (self.cell.blocks if self.is_cell_open else self._outside).extend(blocks)

    def lines(self) -> Iterator[list[str]]:
        """Rows of texts, one a column."""
        n_columns = 0
        for row in self.rows:
            end = 0
            for cell in row.cells:
                end += cell.columns
                n_columns = max(n_columns, end if cell.blocks else 0)
        return _Grid().lines(self.rows, n_columns)

    def blocks(self) -> Iterator[Block]:
        yield from self._outside
        for row in self.rows:
            row.cells = [cell for cell in row.cells if not cell.is_deleted]
        rows = [row for row in self.rows if row.cells and not row.is_deleted]
        n_columns = max((row.before + sum(c.columns for c in row.cells) for row in rows), default=0)
        for row, texts in zip(rows, _Grid().lines(rows, n_columns), strict=True):
            if n_columns == 1 or _is_laid_out(row):
                yield from (block for cell in row.cells for block in cell.blocks)
            elif any(texts):
                yield Block(SEPARATOR.join(texts), is_tight=True)

    def is_grid(self) -> bool:
        return len(self.rows) > 1 and any(len(row.cells) > 1 for row in self.rows)


class Flow:
    """Where blocks go: into the document, or into the table cell that is open."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._tables: list[Table] = []
        self._n_ignored = 0

    @property
    def table(self) -> Table | None:
        """The innermost open one; tables beyond a depth are read as text of the cell around."""
        return self._tables[-1] if self._tables and not self._n_ignored else None

    @property
    def is_in_table(self) -> bool:
        return bool(self._tables)

    def add(self, blocks: Iterable[Block]) -> None:
        if self._tables:
            self._tables[-1].add(blocks)
        else:
            self.blocks.extend(blocks)

    def open_table(self) -> None:
        if len(self._tables) >= _DEEPEST:
            self._n_ignored += 1
        else:
            self._tables.append(Table())

    def close_table(self) -> None:
        if self._n_ignored:
            self._n_ignored -= 1
            return
        if not self._tables:
            return
        table = self._tables.pop()
        if self._tables and self._tables[-1].is_cell_open and table.is_grid():
            self._tables[-1].cell.has_table = True
        self.add(table.blocks())

    def open_row(self, row: Row) -> None:
        if self.table is not None:
            self.table.open_row(row)

    def open_cell(self, cell: Cell) -> None:
        if self.table is not None:
            self.table.open_cell(cell)

    def close_cell(self) -> None:
        if self.table is not None:
            self.table.is_cell_open = False

    def close(self) -> list[Block]:
        """All of it, also where the document ends within a table."""
        self._n_ignored = 0
        while self._tables:
            self.close_table()
        return self.blocks


@dataclass(slots=True)
class _Carried:
    """A cell that reaches into the rows below."""

    rows_left: int
    texts: Sequence[str]


class _Grid:
    """Rows of cells -> rows of texts, one a column."""

    def __init__(self) -> None:
        self._carried: dict[int, _Carried] = {}
        self._above: dict[int, str] = {}
        self._left = _MOST_FILLED

    def lines(self, rows: Sequence[Row], n_columns: int) -> Iterator[list[str]]:
        for n, row in enumerate(rows):
            filled = [cell for cell in row.cells if cell.blocks]
            is_title = len(filled) == 1 and filled[0].columns >= n_columns > 1
            is_header = row.is_header or n == 0 or all(cell.is_header for cell in row.cells)
            if is_title and not self._carried:
                yield [filled[0].text()]
            else:
                yield self._line(row, is_header)

    def _line(self, row: Row, is_header: bool) -> list[str]:
        texts: list[str] = [""] * row.before
        new: dict[int, _Carried] = {}
        for cell in row.cells:
            self._place_carried(texts)
            column, text = len(texts), self._text(cell, len(texts))
            covered = [text if is_header else ""] * (cell.columns - 1)
            self._spend(len(covered))
            texts += [text, *covered]
            if cell.rows > 1:
                new[column] = _Carried(cell.rows - 1, [text, *covered])
        for column in sorted(self._carried):
            texts += [""] * (column - len(texts))
            self._place_carried(texts)
        self._carried |= new
        return texts

    def _text(self, cell: Cell, column: int) -> str:
        if cell.is_continued and not cell.blocks:
            return self._above.get(column, "")
        text = cell.text()
        self._above[column] = text
        return text

    def _place_carried(self, texts: list[str]) -> None:
        """What stands at this column from above, as often as something does."""
        while (column := len(texts)) in self._carried:
            carried = self._carried[column]
            self._spend(len(carried.texts))
            texts += carried.texts
            carried.rows_left -= 1
            if not carried.rows_left:
                del self._carried[column]

    def _spend(self, n: int) -> None:
        self._left -= n
        if self._left < 0:
            raise Refused(f"has a table whose cells span more than {_MOST_FILLED} others")


def _is_laid_out(row: Row) -> bool:
    """A table that only arranges text on the page: its cells are read one after another."""
    if any(cell.has_table for cell in row.cells):
        return True
    has_heading = any(block.level for cell in row.cells for block in cell.blocks)
    return has_heading and sum(len(b.text) for cell in row.cells for b in cell.blocks) > _LONG


def span(value: str | None, most: int) -> int:
    """Of an attribute: at least 1."""
    value = (value or "").strip()
    if not (value.isascii() and value.isdigit()):
        return 1
    return max(1, min(int(value[:9]), most))
