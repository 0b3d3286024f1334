"""Markdown: cut at its headings (`#` and underlined ones), not inside fenced code."""

import re
from collections.abc import Iterator

from localcollab.documents.parsing.headed import Heading, cut, lines_of
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def parse(raw: Raw) -> Iterator[Section]:
    text = decode(raw)
    yield from cut(text, headings(text))


def headings(text: str) -> Iterator[Heading]:
    fence, before, before_start = "", "", 0
    for start, line in lines_of(text):
        end, line = start + len(line), line.rstrip("\n")
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            before = ""
            continue
        if mark:
            fence, before = mark[1], ""
            continue
        if heading := _HEADING.match(line):
            title = (heading[2] or "").rstrip().rstrip("#")
            yield Heading(start, end, len(heading[1]), title)
        elif before.strip() and (underline := _UNDERLINE.match(line)):
            yield Heading(before_start, end, 1 if "=" in underline[1] else 2, before)
            line = ""
        before, before_start = ("" if heading else line), start
