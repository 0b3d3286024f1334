"""DOCX: paragraphs, headings, lists and tables of the text, foot- and endnotes after it."""

import re
from collections.abc import Iterator

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.markup import Archive, read_xml
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section

_PARTS = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")
_HEADING = re.compile(r"(?:heading|title)\s*(\d?)", re.IGNORECASE)


def parse(raw: Raw) -> Iterator[Section]:
    archive = Archive(raw)
    levels = _levels(archive)
    blocks = [
        block
        for part in _PARTS
        if part == _PARTS[0] or part in archive.names
        for block in _blocks(archive.read(part), levels)
    ]
    yield from to_sections(blocks)


def _levels(archive: Archive) -> dict[str, int]:
    """Style id -> heading level. The ids are translated, the names are not."""
    levels: dict[str, int] = {}
    if "word/styles.xml" not in archive.names:
        return levels
    style = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal style
        if name == "style":
            style = attributes.get("styleId", "")
        elif name == "name" and style and (found := _HEADING.fullmatch(attributes.get("val", ""))):
            levels[style] = int(found[1] or 1)

    read_xml(archive.read("word/styles.xml"), start, lambda _: None, lambda _: None)
    return levels


def _blocks(data: bytes, levels: dict[str, int]) -> list[Block]:
    reader = _Reader(levels)
    read_xml(data, reader.start, reader.end, reader.text)
    return reader.blocks


class _Reader:
    def __init__(self, levels: dict[str, int]) -> None:
        self.blocks: list[Block] = []
        self._levels, self._level = levels, 0
        self._parts: list[str] = []
        self._cells: list[str] = []
        self._in_text, self._in_row, self._is_item = False, 0, False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "t":
            self._in_text = True
        elif name == "tab" and self._parts:
            self._parts.append("\t")
        elif name in ("br", "cr"):
            self._parts.append("\n")
        elif name == "pStyle":
            style = attributes.get("val", "")
            found = _HEADING.fullmatch(style)
            self._level = self._levels.get(style, int(found[1] or 1) if found else 0)
        elif name == "numPr":
            self._is_item = True
        elif name == "tr":
            self._in_row += 1

    def end(self, name: str) -> None:
        if name == "t":
            self._in_text = False
        elif name == "p":
            self._end_paragraph()
        elif name == "tr":
            self._in_row -= 1
            if not self._in_row:
                self.blocks.append(Block(" | ".join(self._cells), is_tight=True))
                self._cells = []

    def text(self, data: str) -> None:
        if self._in_text:
            self._parts.append(data)

    def _end_paragraph(self) -> None:
        text = "".join(self._parts).strip()
        if self._in_row and text:
            self._cells.append(text)
        elif text:
            self.blocks.append(Block(text, self._level, self._is_item))
        self._parts, self._level, self._is_item = [], 0, False
