"""DrawingML: the texts and tables of shapes, as slides, charts of boxes and text boxes hold them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from localcollab.documents.parsing.blocks import Block
from localcollab.documents.parsing.markup import read_xml
from localcollab.documents.parsing.tables import MOST_COLUMNS, MOST_ROWS, Cell, Flow, Row, span


@dataclass(slots=True)
class Shape:
    placeholder: str = ""
    """title, body, ftr, ...; empty for a shape that is none."""
    blocks: list[Block] = field(default_factory=list)


def read_shapes(data: bytes) -> list[Shape]:
    """In the order they are stored in, which is the order of reading in most slides."""
    reader = _Reader()
    read_xml(data, reader.start, reader.end, reader.text)
    reader.end_shape()
    return [shape for shape in reader.shapes if shape.blocks]


def read_texts(data: bytes) -> list[Block]:
    return [block for shape in read_shapes(data) for block in shape.blocks]


class _Reader:
    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self._shape = Shape()
        self._flow = Flow()
        self._paragraphs: list[list[str]] = []
        self._is_text = False
        self._n_chars = 0
        self._alternatives: list[int] = []
        self._depth = self._skipped_at = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._skipped_at:
            return
        if name in ("Choice", "Fallback") and self._alternatives and (
            self._n_chars > self._alternatives[-1]
        ):  # fmt: skip
            self._skipped_at = self._depth
        elif name == "AlternateContent":
            self._alternatives.append(self._n_chars)
        elif name in ("sp", "graphicFrame", "pt"):
            self.end_shape()
        elif name == "ph":
            self._shape.placeholder = attributes.get("type", "body")
        elif name == "p":
            self._paragraphs.append([])
        elif name in ("t", "text"):
            self._is_text = True
        elif name in ("br", "tab") and self._paragraphs:
            self._paragraphs[-1].append("\n" if name == "br" else "\t")
        else:
            self._start_in_table(name, attributes)

    def _start_in_table(self, name: str, attributes: dict[str, str]) -> None:
        if name == "tbl":
            self._flow.open_table()
        elif name == "tr":
            self._flow.open_row(Row())
        elif name == "tc" and "1" not in (attributes.get("hMerge"), attributes.get("vMerge")):
            columns = span(attributes.get("gridSpan"), MOST_COLUMNS)
            self._flow.open_cell(Cell(columns, span(attributes.get("rowSpan"), MOST_ROWS)))

    def end(self, name: str) -> None:
        is_skipped = bool(self._skipped_at)
        if self._skipped_at == self._depth:
            self._skipped_at = 0
        self._depth -= 1
        if is_skipped:
            return
        ends: dict[str, Callable[[], object]] = {
            "p": self._end_paragraph,
            "tc": self._flow.close_cell,
            "tbl": self._flow.close_table,
            "sp": self.end_shape,
            "graphicFrame": self.end_shape,
        }
        if name in ("t", "text"):
            self._is_text = False
        elif name == "AlternateContent" and self._alternatives:
            self._alternatives.pop()
        elif name in ends:
            ends[name]()

    def text(self, data: str) -> None:
        if self._is_text and not self._skipped_at:
            self._n_chars += len(data)
            if self._paragraphs:
                self._paragraphs[-1].append(data)
            else:
                self._flow.add([Block(data)])

    def _end_paragraph(self) -> None:
        text = "".join(self._paragraphs.pop()).strip() if self._paragraphs else ""
        if text:
            self._flow.add([Block(text, is_tight=True)])

    def end_shape(self) -> None:
        blocks = self._flow.close()
        if blocks:
            self._shape.blocks = [*blocks[:-1], blocks[-1]._replace(is_tight=False)]
            self.shapes.append(self._shape)
        self._flow, self._shape = Flow(), Shape()
