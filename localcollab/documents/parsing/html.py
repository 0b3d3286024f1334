"""HTML as a reader sees it: no markup, no scripts; headings, lists, tables and preformatted text."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)
_UNSHOWN = frozenset({"script", "style", "template", "noscript", "iframe", "object"})
_LOOSE = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt",
        "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "main", "nav",
        "ol", "p", "pre", "section", "table", "text", "ul",
    }
)  # fmt: skip
_TIGHT = frozenset({"li", "tr", "br", "option", "caption"})
_HEADINGS = {f"h{n}": n for n in range(1, 7)}


def parse(raw: Raw) -> Iterator[Section]:
    yield from to_sections(blocks(_text(raw)))


def blocks(text: str) -> list[Block]:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_block()
    return reader.blocks


def _text(raw: Raw) -> str:
    text = _as_declared(raw.data)
    return decode(raw) if text is None else text


def _as_declared(data: bytes) -> str | None:
    """None where a page declares no charset, an unknown one, or one that it is not written in."""
    declared = _CHARSET.search(data[:4096])
    if declared is None:
        return None
    try:
        return data.decode(declared[1].decode()).replace("\r\n", "\n")
    except (LookupError, ValueError):
        return None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._level = 0
        self._unshown = 0
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSHOWN:
            self._unshown += 1
        elif tag in _HEADINGS or tag == "title":
            self.end_block()
            self._level = _HEADINGS.get(tag, 1)
        elif tag in _TIGHT:
            self.end_block(is_tight=True)
            self._parts += ["- "] if tag == "li" else []
        elif tag in _LOOSE:
            self.end_block()
        elif tag in ("td", "th") and "".join(self._parts).strip():
            self._parts.append(" | ")
        if tag == "pre":
            self._preformatted += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSHOWN:
            self._unshown = max(0, self._unshown - 1)
        elif tag in _HEADINGS or tag == "title" or tag in _LOOSE:
            self.end_block()
        elif tag in _TIGHT:
            self.end_block(is_tight=True)
        if tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _TIGHT:
            self.end_block(is_tight=True)
        elif tag in _LOOSE:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if self._unshown:
            return
        self._parts.append(data if self._preformatted else _collapsed(data))

    def end_block(self, *, is_tight: bool = False) -> None:
        text = "".join(self._parts)
        if not self._preformatted:
            text = re.sub(r" {2,}", " ", text).strip()
        if text.strip(" -|"):
            self.blocks.append(Block(text, self._level, is_tight))
            self._parts, self._level = [], 0
        elif not self._preformatted:
            self._parts, self._level = [], 0


def _collapsed(data: str) -> str:
    return re.sub(r"\s+", " ", data)
