"""Blocks of text in reading order, as HTML, EPUB, DOCX and ODT give them -> sections."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from localcollab.documents.parsing.section import Outline, Section

_SOFT_HYPHEN = "\N{SOFT HYPHEN}"
"""Where a word may be broken: shown at most at the end of a line."""


class Block(NamedTuple):
    text: str
    level: int = 0
    """Of a heading, from 1; 0: no heading."""
    is_tight: bool = False
    """A list item or table row: the next one follows on the next line."""


def to_sections(blocks: Iterable[Block], outline: Outline | None = None) -> Iterator[Section]:
    """One section a heading; headings with nothing between them stay together."""
    outline = outline or Outline()
    parts: list[str] = []
    has_body = False
    for block in blocks:
        if not block.text.strip():
            continue
        if block.level and has_body:
            yield Section("".join(parts), heading=str(outline))
            parts, has_body = [], False
        if block.level:
            outline.enter(block.level, block.text)
        else:
            has_body = True
        text = block.text.strip("\n").replace(_SOFT_HYPHEN, "")
        parts.append(text + ("\n" if block.is_tight else "\n\n"))
    if parts:
        yield Section("".join(parts), heading=str(outline))
