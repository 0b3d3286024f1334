"""ODT: paragraphs, headings, lists and tables, in reading order."""

from collections.abc import Iterator

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.markup import Archive, read_xml
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section

_UNSHOWN = frozenset({"tracked-changes", "annotation", "styles", "automatic-styles", "scripts"})
_MOST_BLANKS = 1000


def parse(raw: Raw) -> Iterator[Section]:
    reader = _Reader()
    read_xml(Archive(raw).read("content.xml"), reader.start, reader.end, reader.text)
    yield from to_sections(reader.blocks)


class _Reader:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._cells: list[str] = []
        self._level = 0
        self._in_text = self._in_row = self._in_list = self._unshown = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in _UNSHOWN:
            self._unshown += 1
        elif name in ("p", "h"):
            self._in_text += 1
            self._level = _number(attributes, "outline-level") if name == "h" else 0
        elif name == "s":
            self._parts.append(" " * min(_number(attributes, "c"), _MOST_BLANKS))
        elif name == "tab":
            self._parts.append("\t")
        elif name == "line-break":
            self._parts.append("\n")
        elif name == "table-row":
            self._in_row += 1
        elif name == "list":
            self._in_list += 1

    def end(self, name: str) -> None:
        if name in _UNSHOWN:
            self._unshown -= 1
        elif name in ("p", "h"):
            self._in_text -= 1
            self._end_paragraph()
        elif name == "list":
            self._in_list -= 1
        elif name == "table-row":
            self._in_row -= 1
            if not self._in_row:
                self.blocks.append(Block(" | ".join(self._cells), is_tight=True))
                self._cells = []

    def text(self, data: str) -> None:
        if self._in_text and not self._unshown:
            self._parts.append(data)

    def _end_paragraph(self) -> None:
        text = "".join(self._parts).strip()
        if self._in_row and text:
            self._cells.append(text)
        elif text:
            self.blocks.append(Block(text, self._level, bool(self._in_list)))
        self._parts, self._level = [], 0


def _number(attributes: dict[str, str], name: str) -> int:
    value = attributes.get(name, "1")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 1
