"""WordprocessingML as a reader sees it: tracked changes accepted, each text box and note once.

What floats beside a paragraph (text boxes, foot- and endnotes, comments) follows it whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localcollab.documents.parsing.blocks import Block
from localcollab.documents.parsing.markup import read_xml, whole
from localcollab.documents.parsing.numbering import Counters
from localcollab.documents.parsing.ooxml import flag
from localcollab.documents.parsing.tables import MOST_COLUMNS, Cell, Flow, Row, span
from localcollab.documents.parsing.word_styles import OUTLINE_LEVELS, Styles

_DELETED = frozenset({"del", "moveFrom", "rt", "instrText", "delText", "delInstrText"})
_PROPERTIES = frozenset({"rPr", "trPr", "tcPr"})
_REFERENCES = {"footnoteReference": "footnote", "endnoteReference": "endnote",
               "commentReference": "comment"}  # fmt: skip
_WITHIN_RUN = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_SYMBOLS = {
    0xF0A8: "☐",
    0xF06F: "☐",
    0xF0FE: "☒",
    0xF0FC: "✓",
    0xF0FB: "✗",
    0xF0E0: "→",
    0xF0B7: "•",
}

Notes = Mapping[tuple[str, str], Sequence[Block]]
"""Kind (footnote, endnote, comment) and id -> what it says."""


@dataclass(slots=True)
class _Paragraph:
    parts: list[str] = field(default_factory=list)
    style: str = ""
    level: int = 0
    """Of the outline; 0: its style's."""
    num: str = ""
    at: int | None = None
    """List and level; its style's where it names none."""
    goes_on: bool = False
    """Its end was deleted: it is one with the next."""


class Story:
    """One part's text: the body, a header, the notes."""

    def __init__(self, styles: Styles, notes: Notes) -> None:
        self.used: set[tuple[str, str]] = set()
        """Notes that something refers to, also from deleted text."""
        self.n_hidden = 0
        """Characters of hidden text, which are left out."""
        self.n_foreign = 0
        """Parts in another format within this one."""
        self._styles, self._notes = styles, notes
        self._counters = Counters(styles.lists)
        self._flows = [Flow()]
        self._floating: list[Block] = []
        self._paragraphs: list[_Paragraph] = []
        self._left = _Paragraph()
        self._path: list[str] = []
        self._skipped_at = 0
        self._is_text, self._is_hidden = False, False
        self._n_chars = 0
        self._alternatives: list[int] = []

    def read(self, data: bytes) -> list[Block]:
        read_xml(data, self._start, self._end, self._text)
        return self.take()

    def take(self) -> list[Block]:
        """The blocks since the last call."""
        blocks = self._flows[0].close() + self._floating
        self._flows[0], self._floating = Flow(), []
        return blocks

    def on_start(self, name: str, attributes: dict[str, str]) -> None:
        """For those who look for more."""

    def on_end(self, name: str) -> None:
        """The same."""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if name in _REFERENCES:
            self._refer(_REFERENCES[name], attributes.get("id", ""))
        if self._skipped_at:
            return
        if self._is_skipped(name):
            self._skipped_at = len(self._path)
            return
        self._open(name, attributes)
        self.on_start(name, attributes)

    def _end(self, name: str) -> None:
        is_skipped = bool(self._skipped_at)
        if self._skipped_at == len(self._path):
            self._skipped_at = 0
        self._path.pop()
        if not is_skipped:
            self._close(name)
            self.on_end(name)

    def _is_skipped(self, name: str) -> bool:
        if name in _DELETED:
            return self._parent() not in _PROPERTIES
        if name in ("Choice", "Fallback") and self._alternatives:
            return self._n_chars > self._alternatives[-1]
        return name.endswith("Change")

    def _parent(self, n: int = 2) -> str:
        return self._path[-n] if len(self._path) >= n else ""

    def _text(self, data: str) -> None:
        if not self._is_text or self._skipped_at:
            return
        if self._is_hidden:
            self.n_hidden += len(data.strip())
        else:
            self._write(data)

    def _write(self, text: str) -> None:
        self._n_chars += len(text)
        if self._paragraphs:
            self._paragraphs[-1].parts.append(text)

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        flow, value = self._flows[-1], attributes.get("val")
        if name == "p":
            self._paragraphs.append(_Paragraph() if self._paragraphs else self._left)
            self._left = _Paragraph()
        elif name == "t":
            self._is_text = True
        elif name == "r":
            self._is_hidden = False
        elif name in _WITHIN_RUN and self._parent() == "r":
            self._write(_WITHIN_RUN[name])
        elif name == "sym":
            self._write(_symbol(attributes))
        elif name == "vanish" and self._parent(3) == "r":
            self._is_hidden = flag(attributes)
        elif name == "AlternateContent":
            self._alternatives.append(self._n_chars)
        elif name == "txbxContent":
            self._flows.append(Flow())
        elif name == "altChunk":
            self.n_foreign += 1
        elif name == "tbl":
            flow.open_table()
        elif name == "tr":
            flow.open_row(Row())
        elif name == "tc":
            flow.open_cell(Cell())
        elif flow.table is not None and self._parent() in ("trPr", "tcPr"):
            _set_in_table(name, attributes, flow)
        if self._paragraphs:
            self._set_paragraph(name, value or "")

    def _set_paragraph(self, name: str, value: str) -> None:
        paragraph = self._paragraphs[-1]
        if name == "pStyle":
            paragraph.style = value
        elif name == "outlineLvl" and value in OUTLINE_LEVELS:
            paragraph.level = int(value) + 1
        elif name in ("numId", "ilvl") and self._parent() == "numPr":
            if name == "numId":
                paragraph.num = value
            else:
                paragraph.at = whole(value)
        elif name in ("del", "moveFrom") and self._parent(3) == "pPr":
            paragraph.goes_on = True

    def _close(self, name: str) -> None:
        flow = self._flows[-1]
        if name == "t":
            self._is_text = False
        elif name == "p" and self._paragraphs:
            self._end_paragraph(self._paragraphs.pop())
        elif name == "AlternateContent" and self._alternatives:
            self._alternatives.pop()
        elif name == "txbxContent":
            self._floating += self._flows.pop().close()
        elif name == "tc":
            self._flush_left()
            flow.close_cell()
        elif name == "tbl":
            flow.close_table()
            self._land()

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        if paragraph.goes_on and not self._paragraphs:
            self._left = _Paragraph(paragraph.parts)  # the next one's style counts
            return
        text = "".join(paragraph.parts).strip()
        place = self._styles.place(paragraph.style, paragraph.num, paragraph.at)
        label = "" if place is None else self._counters.next_label(*place)
        if text or self._flows[-1].is_in_table:  # a column of nothing but numbers
            text = (label + text).strip()
        if text and self._paragraphs:  # a drawing's, within another
            self._floating.append(Block(text))
        elif text:
            level = paragraph.level or self._styles.heading_level(paragraph.style)
            self._flows[-1].add([Block(text, level, place is not None and not level)])
        self._land()

    def _flush_left(self) -> None:
        left, self._left = self._left, _Paragraph()
        if left.parts:
            self._end_paragraph(left)

    def _land(self) -> None:
        """What floats, once no paragraph, table or text box is open."""
        if self._paragraphs or len(self._flows) > 1 or self._flows[0].is_in_table:
            return
        self._flows[0].add(self._floating)
        self._floating = []

    def _refer(self, kind: str, id_: str) -> None:
        if (kind, id_) not in self.used and not self._skipped_at:
            self._floating += self._notes.get((kind, id_), ())
        self.used.add((kind, id_))


class NoteParts(Story):
    """The parts that hold foot- and endnotes and comments: each apart, by its id."""

    def __init__(self, styles: Styles) -> None:
        super().__init__(styles, {})
        self.found: dict[tuple[str, str], list[Block]] = {}
        self._key, self._author = ("", ""), ""

    def on_start(self, name: str, attributes: dict[str, str]) -> None:
        if name in _REFERENCES.values():
            self.take()
            self._key = (name, attributes.get("id", ""))
            self._author = attributes.get("author", "")

    def on_end(self, name: str) -> None:
        if name not in _REFERENCES.values():
            return
        blocks = self.take()
        if blocks:
            of = f" by {self._author}" if self._author else ""
            first = Block(f"{name.capitalize()}{of}: {blocks[0].text}")
            self.found.setdefault(self._key, []).extend([first, *blocks[1:]])


def _set_in_table(name: str, attributes: dict[str, str], flow: Flow) -> None:
    assert flow.table is not None
    row, cell, value = flow.table.row, flow.table.cell, attributes.get("val")
    if name == "gridSpan":
        cell.columns = span(value, MOST_COLUMNS)
    elif name == "vMerge":
        cell.is_continued = value != "restart"
    elif name == "gridBefore" and value != "0":
        row.before = span(value, MOST_COLUMNS)
    elif name == "tblHeader":
        row.is_header = flag(attributes)
    elif name == "del":
        row.is_deleted = True
    elif name == "cellDel":
        cell.is_deleted = True


def _symbol(attributes: dict[str, str]) -> str:
    try:
        code = int(attributes.get("char", ""), 16)
    except ValueError:
        return ""
    if code in _SYMBOLS:
        return _SYMBOLS[code]
    return "" if 0xE000 <= code <= 0xF8FF or not 32 <= code <= 0xFFFF else chr(code)
