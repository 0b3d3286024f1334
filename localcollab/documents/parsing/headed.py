"""Texts whose lines say where a heading stands: cut there, nothing added and nothing lost."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from localcollab.documents.parsing.section import Outline, Section


class Heading(NamedTuple):
    start: int
    """Of its first character, an overline's too."""
    body: int
    """Where what it stands over begins."""
    level: int
    title: str


def cut(text: str, headings: Iterable[Heading]) -> Iterator[Section]:
    """A heading with nothing under it stays with the next one: no section is a title alone."""
    outline, start, body = Outline(), 0, 0
    for heading in headings:
        if text[body : heading.start].strip():
            yield Section(text[start : heading.start], heading=str(outline))
            start = heading.start
        body = heading.body
        outline.enter(heading.level, heading.title)
    yield Section(text[start:], heading=str(outline))


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its newline, and the offset it begins at."""
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, line
        start += len(line)
