"""HTML as a reader sees it: no markup, no scripts; headings, lists, tables and preformatted text."""

import re
from collections.abc import Iterator

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.html_tokens import Tag, Tokens
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section
from localcollab.documents.parsing.tables import MOST_COLUMNS, MOST_ROWS, Cell, Flow, Row, span

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)
_LOOSE = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt",
        "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "main", "nav",
        "ol", "p", "pre", "section", "table", "text", "ul",
    }
)  # fmt: skip
_TIGHT = frozenset({"li", "br", "option", "caption"})
_HEADINGS = {f"h{n}": n for n in range(1, 7)} | {"title": 1}
_TABLE = frozenset({"table", "tr", "td", "th", "thead", "tbody", "tfoot"})


def parse(raw: Raw) -> Iterator[Section]:
    yield from to_sections(blocks(_text(raw), raw.notes))


def blocks(text: str, notes: list[str]) -> list[Block]:
    """`notes` gets what an element without an end hid."""
    reader, tokens = _Reader(), Tokens(text)
    for token in tokens:
        if isinstance(token, str):
            reader.text(token)
        elif token.is_end:
            reader.end(token.name)
        else:
            reader.start(token)
    notes += [note for note in tokens.notes if note not in notes]
    return reader.close()


def _text(raw: Raw) -> str:
    text = as_declared(raw.data)
    return decode(raw) if text is None else text


def as_declared(data: bytes) -> str | None:
    """None where a page declares no charset, an unknown one, or one that it is not written in."""
    declared = _CHARSET.search(data[:4096])
    if declared is None:
        return None
    try:
        return data.decode(declared[1].decode()).replace("\r\n", "\n")
    except (LookupError, ValueError):
        return None


class _Reader:
    def __init__(self) -> None:
        self._flow = Flow()
        self._parts: list[str] = []
        self._level = 0
        self._preformatted = 0
        self._is_head_row = False

    def start(self, tag: Tag) -> None:
        name = tag.name
        if name in _HEADINGS:
            self._end_block()
            self._level = _HEADINGS[name]
        elif name == "br" and self._level:
            self._parts.append(" ")
        elif name in _TIGHT:
            self._end_block(is_tight=True)
            self._parts += ["- "] if name == "li" and not tag.is_empty else []
        elif name in _TABLE:
            self._end_block()
            self._start_in_table(tag)
        elif name in _LOOSE:
            self._end_block()
        if name == "pre" and not tag.is_empty:
            self._preformatted += 1

    def end(self, name: str) -> None:
        if name in _HEADINGS or name in _LOOSE or name in _TABLE:
            self._end_block()
        elif name in _TIGHT:
            self._end_block(is_tight=True)
        if name == "table":
            self._flow.close_table()
        elif name in ("td", "th", "tr"):
            self._flow.close_cell()
        elif name == "thead":
            self._is_head_row = False
        elif name == "pre":
            self._preformatted = max(0, self._preformatted - 1)

    def text(self, data: str) -> None:
        self._parts.append(data if self._preformatted else re.sub(r"\s+", " ", data))

    def close(self) -> list[Block]:
        self._end_block()
        return self._flow.close()

    def _start_in_table(self, tag: Tag) -> None:
        name, flow = tag.name, self._flow
        if name == "table":
            flow.open_table()
            self._is_head_row = False
        elif not flow.is_in_table:  # a row or cell from nowhere
            flow.open_table()
        if name in ("thead", "tbody", "tfoot"):
            self._is_head_row = name == "thead"
        elif name == "tr":
            flow.open_row(Row(self._is_head_row))
        elif name in ("td", "th"):
            columns = span(tag.attributes.get("colspan"), MOST_COLUMNS)
            rows = tag.attributes.get("rowspan", "1")
            n_rows = MOST_ROWS if rows.strip() == "0" else span(rows, MOST_ROWS)
            flow.open_cell(Cell(columns, n_rows, name == "th"))

    def _end_block(self, *, is_tight: bool = False) -> None:
        text = "".join(self._parts)
        if not self._preformatted:
            text = re.sub(r" {2,}", " ", text).strip()
        if text.strip(" -|"):
            self._flow.add([Block(text, self._level, is_tight)])
            self._parts, self._level = [], 0
        elif not self._preformatted:
            self._parts, self._level = [], 0
