"""reStructuredText: cut at underlined titles, whose levels are in the order they first appear in."""

import re
from collections.abc import Iterator

from localcollab.documents.parsing.headed import Heading, cut, lines_of
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section

_LINE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*$")


def parse(raw: Raw) -> Iterator[Section]:
    text = decode(raw)
    yield from cut(text, _headings(text))


def _headings(text: str) -> Iterator[Heading]:
    levels: dict[tuple[str, bool], int] = {}
    lines = [*lines_of(text)]
    for n in range(1, len(lines)):
        (title_start, title), (start, underline) = lines[n - 1], lines[n]
        if not _is_title(title, underline):
            continue
        over = n >= 2 and lines[n - 2][1].rstrip() == underline.rstrip()
        kind = (underline[0], over)
        level = levels.setdefault(kind, len(levels) + 1)
        first = lines[n - 2][0] if over else title_start
        yield Heading(first, start + len(underline), level, title)


def _is_title(title: str, underline: str) -> bool:
    words = title.rstrip()
    return (
        bool(words)
        and bool(_LINE.match(underline))
        and not _LINE.match(title)
        and len(underline.rstrip()) >= len(words)
    )
