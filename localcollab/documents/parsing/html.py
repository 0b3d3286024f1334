"""HTML as a reader sees it: no markup, no scripts; headings, lists, tables and preformatted text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.html_tokens import Tag, Tokens
from localcollab.documents.parsing.numerals import spelled
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section
from localcollab.documents.parsing.tables import MOST_COLUMNS, MOST_ROWS, Cell, Flow, Row, span

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_LOOSE = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir",
        "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup",
        "hr", "html", "legend", "main", "menu", "nav", "ol", "p", "pre", "search", "section", "select",
        "summary", "table", "text", "ul",
    }
)  # fmt: skip
_TIGHT = frozenset({"li", "br", "option", "caption"})
_LISTS = ("ol", "ul", "menu", "dir")
_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
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


@dataclass(slots=True)
class _List:
    is_numbered: bool
    form: str
    step: int
    number: int
    """The last one."""

    @classmethod
    def of(cls, tag: Tag) -> "_List":
        # How many items a reversed list has is told by its start alone, where it has one.
        is_counted_down = "reversed" in tag.attributes and "start" in tag.attributes
        step = -1 if is_counted_down else 1
        first = _number(tag.attributes.get("start", ""), 1)
        return cls(tag.name == "ol", tag.attributes.get("type", ""), step, first - step)


def _number(text: str, otherwise: int) -> int:
    found = _INTEGER.fullmatch(text.strip())
    return int(text) if found else otherwise


class _Reader:
    def __init__(self) -> None:
        self._flow = Flow()
        self._parts: list[str] = []
        self._level = 0
        self._preformatted = 0
        self._is_head_row = False
        self._lists: list[_List] = []
        self._mark = ""
        """What stands before the next block, as the first of an item."""

    def start(self, tag: Tag) -> None:
        name = tag.name
        if name in _HEADINGS:
            self._end_block()
            self._level = _HEADINGS[name]
        elif name == "br" and self._level:
            self._parts.append(" ")
        elif name in _TIGHT:
            self._end_block(is_tight=True)
            if name == "li" and not tag.is_empty:
                self._mark = self._next_mark(tag)
        elif name in _TABLE:
            self._end_block()
            self._start_in_table(tag)
        elif name in _LOOSE:
            self._end_block()
        if name in _LISTS:
            self._lists.append(_List.of(tag))
        if name == "pre" and not tag.is_empty:
            self._preformatted += 1

    def end(self, name: str) -> None:
        if name in _HEADINGS or name in _LOOSE or name in _TABLE:
            self._end_block()
        elif name in _TIGHT:
            self._end_block(is_tight=True)
            self._mark = "" if name == "li" else self._mark
        if name in _LISTS and self._lists:
            self._lists.pop()
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

    def _next_mark(self, item: Tag) -> str:
        """Of an item of the innermost list."""
        if not self._lists or not self._lists[-1].is_numbered:
            return "- "
        list_ = self._lists[-1]
        list_.number = _number(item.attributes.get("value", ""), list_.number + list_.step)
        return f"{spelled(list_.number, _FORMS.get(list_.form, 'decimal'))}. "

    def _start_in_table(self, tag: Tag) -> None:
        name, flow = tag.name, self._flow
        if name == "table":
            flow.open_table()
            self._is_head_row, self._mark = False, ""  # a mark would change the first column's name
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
            self._flow.add([Block(self._mark + text, self._level, is_tight)])
            self._mark = ""
            self._parts, self._level = [], 0
        elif not self._preformatted:
            self._parts, self._level = [], 0
