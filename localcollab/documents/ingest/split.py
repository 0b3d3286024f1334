"""Splits a document's sections into passages short enough for a model, at natural boundaries."""

import re
from collections.abc import Iterable, Iterator

from localcollab.documents.parsing.section import Section
from localcollab.documents.records import Piece

LONGEST = 1000
"""Characters; about 250 tokens, so that several fit beside a question in a small context."""
_SHORTEST = LONGEST // 3
"""Minimum characters, so that an early boundary does not make a tiny passage."""
_PAUSES = (
    re.compile(r"\n[^\S\n]*\n\s*"),  # paragraphs
    re.compile(r"[.!?。！？…][\"'”’»)\]]*\s+|[。！？]"),  # sentences
    re.compile(r"\n\s*"),
    re.compile(r"\s+"),
)


def split(sections: Iterable[Section]) -> Iterator[Piece]:
    """Joined, the pieces are the sections' texts. No piece crosses a section, so each has one page."""
    offset = 0
    for section in sections:
        start = 0
        for end in _cuts(section.text):
            text = section.text[start:end]
            yield Piece(section.page, section.heading, offset + start, offset + end, text)
            start = end
        offset += len(section.text)


def _cuts(text: str) -> Iterator[int]:
    """The end of each piece; the last one is the text's end."""
    start = 0
    while len(text) - start > LONGEST:
        start = _cut(text, start)
        yield start
    if start < len(text):
        yield len(text)


def _cut(text: str, start: int) -> int:
    for pause in _PAUSES:
        cut = 0
        for match in pause.finditer(text, start + _SHORTEST, start + LONGEST):
            cut = match.end()
        if cut:
            return cut
    return start + LONGEST
