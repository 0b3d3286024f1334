"""RTF: paragraphs, tables, notes and headers as shown; hidden and deleted text is left out."""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section, Unreadable
from localcollab.documents.parsing.tables import Cell, Flow, Row

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)
_UNSHOWN = frozenset(
    b"""fonttbl colortbl stylesheet info pict object objdata themedata colorschememapping datastore
    latentstyles listtable listoverridetable revtbl rsidtbl generator filetbl fldinst xmlnstbl
    mmathPr pgdsctbl nonshppict bkmkstart bkmkend atnid atrfstart atrfend atndate atntime atnparent
    template shprslt ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn docvar passwordhash userprops
    htmltag mhtmltag""".split()
)
_SPECIAL = {
    b"tab": "\t", b"line": "\n", b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘",
    b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"emspace": " ", b"enspace": " ",
    b"qmspace": " ", b"page": "\n", b"column": "\n",
}  # fmt: skip
_BY_SIGN = {b"~": "\u00a0", b"_": "-", b"-": ""}
_CODE_PAGES = {b"ansi": "cp1252", b"mac": "mac-roman", b"pc": "cp437", b"pca": "cp850"}
_CHARSETS = {
    0: "cp1252", 77: "mac-roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030",
    136: "big5hkscs", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256",
    186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_FLOATING = {b"footnote": "Footnote", b"annotation": "Comment", b"shptxt": ""}
_MARGINS = (b"header", b"headerl", b"headerr", b"headerf", b"footer", b"footerl", b"footerr",
            b"footerf")  # fmt: skip
_DEEPEST = 2000
_SAME_EDGE = 30
"""Twips: two programs' rounding."""
_STYLE = re.compile(rb"\{[^{}]*\}")
_STYLE_NUMBER = re.compile(rb"\\s(\d{1,5})\b")
_STYLE_NAME = re.compile(rb"heading (\d)\s*;", re.IGNORECASE)
_HEAD = 500_000
"""Bytes in which fonts and styles are declared."""


class _Place(NamedTuple):
    """Of a cell: its right edge in twips, and how it is merged with the one before or above."""

    right: int
    merged: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class _State:
    is_shown: bool = True
    """Its destination is a part of the text."""
    is_hidden: bool = False
    is_deleted: bool = False
    """By a tracked change, or meant for HTML."""
    encoding: str = ""
    n_fallback: int = 1
    """Characters after a Unicode one that stand for it in old programs."""
    floating: bytes = b""
    margin: bytes = b""


def parse(raw: Raw) -> Iterator[Section]:
    if not raw.data.lstrip().startswith(b"{\\rt"):
        raise Unreadable("not an RTF file")
    reader = _Reader(raw.data)
    body = reader.read()
    yield from to_sections([*reader.headers, *body, *reader.footers])
    if reader.n_objects:
        raw.note(f"{reader.n_objects} embedded objects were not read")
    if reader.n_hidden:
        raw.note(f"{reader.n_hidden} characters of hidden text were not read")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.headers: list[Block] = []
        self.footers: list[Block] = []
        self.n_objects = 0
        self.n_hidden = 0
        """Characters of hidden text, which are left out."""
        self._data = data
        self._states = [_State()]
        self._default, self._fonts = "cp1252", dict[int, str]()
        self._font = 0
        self._flows = [Flow()]
        self._parts: list[list[str]] = [[]]
        self._bytes = bytearray()
        self._n_skipped = 0
        self._is_new_group = False
        self._levels = _levels(data[:_HEAD])
        self._said: set[str] = set()
        self._level = 0
        self._floating: list[Block] = []
        self._is_in_table = False
        self._surrogate = 0
        self._places: list[_Place] = []
        self._merged: set[bytes] = set()
        self._rows: list[tuple[Row, list[_Place]]] = []

    def read(self) -> list[Block]:
        at = 0
        while token := _TOKEN.match(self._data, at):
            at = token.end()
            word, number, code, sign, brace, text = token.groups()
            if brace:
                self._brace(brace)
            elif word == b"bin":
                at += max(0, int(number or 0))
            elif word:
                self._word(word, None if number is None else int(number))
            elif code:
                self._add_bytes(bytes([int(code, 16)]))
            elif sign:
                self._sign(sign)
            elif text:
                self._add_bytes(text)
            if not brace and sign != b"*":
                self._is_new_group = False
        while len(self._flows) > 1:
            self._end_apart()
        self._end_paragraph()
        self._close_table()
        self._flows[0].add(self._floating)
        return self._flows[0].close()

    @property
    def _state(self) -> _State:
        return self._states[-1]

    def _brace(self, brace: bytes) -> None:
        self._flush()
        if brace == b"{":
            if len(self._states) > _DEEPEST:
                raise Unreadable(f"its groups are nested more than {_DEEPEST} deep")
            self._states.append(self._state)
            self._is_new_group = True
        elif len(self._states) > 1:
            state = self._states.pop()
            is_apart = state.floating != self._state.floating or state.margin != self._state.margin
            if is_apart:
                self._end_apart(state)

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            if self._is_new_group:
                self._set(is_shown=False)
        elif sign in _BY_SIGN:
            self._write(_BY_SIGN[sign])
        elif sign in (b"\r", b"\n"):
            self._end_paragraph()
        else:
            self._add_bytes(sign if sign in b"\\{}" else b"")

    def _set(self, **changes: object) -> None:
        self._states[-1] = replace(self._state, **changes)  # type: ignore[arg-type]

    def _word(self, word: bytes, number: int | None) -> None:
        self._flush()
        if word in _UNSHOWN:
            self.n_objects += word == b"object" and self._state.is_shown
            self._fonts_in(word)
            self._set(is_shown=False)
        elif word == b"v":
            self._set(is_hidden=number != 0)
        elif word in (b"deleted", b"htmlrtf"):
            self._set(is_deleted=number != 0)
        elif word in _FLOATING:
            self._set(is_shown=True, floating=word)
            self._begin_apart()
        elif word in _MARGINS:
            self._set(margin=word[:6])
            self._begin_apart()
        elif word == b"u" and number is not None:
            self._unicode(number)
        elif word in _SPECIAL:
            self._write(_SPECIAL[word])
        elif self._state.is_shown:
            self._control(word, number)

    def _control(self, word: bytes, number: int | None) -> None:
        if word in (b"par", b"sect"):
            self._end_paragraph()
        elif word == b"pard":
            self._level, self._is_in_table = 0, False
        elif word == b"intbl":
            self._is_in_table = True
        elif word == b"trowd":
            self._places, self._merged = [], set()
        elif word in (b"clmrg", b"clvmrg"):
            self._merged.add(word)
        elif word == b"cellx":
            self._places.append(_Place(number or 0, frozenset(self._merged)))
            self._merged = set()
        elif word in (b"cell", b"nestcell"):
            self._end_cell()
        elif word in (b"row", b"nestrow"):
            self._end_row()
        elif word == b"s":
            self._level = self._levels.get(number or 0, 0)
        elif word == b"outlinelevel" and number is not None and 0 <= number < 9:
            self._level = number + 1
        elif word == b"uc":
            self._set(n_fallback=max(0, min(number or 0, 10)))
        elif word == b"f" and number is not None:
            self._set(encoding=self._fonts.get(number, ""))
        elif word == b"plain":
            self._set(encoding="", is_hidden=False, is_deleted=False)
        elif word in _CODE_PAGES:
            self._default = _CODE_PAGES[word]
        elif word == b"ansicpg" and number:
            self._default = _codec(f"cp{number}", self._default)

    def _fonts_in(self, word: bytes) -> None:
        """The fonts' code pages, read ahead: bytes are in the code page of their font."""
        if word != b"fonttbl" or self._fonts:
            return
        for font, charset in re.findall(rb"\\f(\d{1,6})\b[^{};]{0,200}?\\fcharset(\d{1,3})",
                                        self._data[:_HEAD]):  # fmt: skip
            name = _CHARSETS.get(int(charset))
            if name and int(charset):
                self._fonts[int(font)] = name

    def _unicode(self, number: int) -> None:
        self._n_skipped = self._state.n_fallback
        code = number % 65_536
        if 0xD800 <= code < 0xDC00:
            self._surrogate = code
            return
        if 0xDC00 <= code < 0xE000 and self._surrogate:
            code = 0x10000 + ((self._surrogate - 0xD800) << 10) + code - 0xDC00
        self._surrogate = 0
        n_skipped = self._n_skipped
        self._write(chr(code))
        self._n_skipped = n_skipped

    def _add_bytes(self, data: bytes) -> None:
        if self._n_skipped:
            skipped = min(self._n_skipped, len(data))
            self._n_skipped -= skipped
            data = data[skipped:]
        if self._is_read(len(data.strip())):
            self._bytes += data

    def _is_read(self, n_chars: int) -> bool:
        """Hidden text is counted."""
        state = self._state
        if not state.is_shown or state.is_deleted:
            return False
        self.n_hidden += n_chars if state.is_hidden else 0
        return not state.is_hidden

    def _flush(self) -> None:
        if self._bytes:
            data, self._bytes = bytes(self._bytes), bytearray()
            self._parts[-1].append(data.decode(self._state.encoding or self._default, "replace"))

    def _write(self, text: str) -> None:
        self._flush()
        self._n_skipped = 0
        if self._is_read(len(text.strip())):
            self._parts[-1].append(text)

    def _begin_apart(self) -> None:
        self._flows.append(Flow())
        self._parts.append([])

    def _end_apart(self, state: _State | None = None) -> None:
        if len(self._flows) < 2:
            return
        self._end_paragraph()
        self._parts.pop()
        blocks = self._flows.pop().close()
        label = _FLOATING.get(state.floating, "") if state else ""
        if state and state.margin and not state.floating:
            into = self.headers if state.margin == b"header" else self.footers
            into += [Block(block.text) for block in blocks if block.text not in self._said]
            self._said |= {block.text for block in blocks}
            return
        if blocks and label:
            blocks = [Block(f"{label}: {blocks[0].text}"), *blocks[1:]]
        self._floating += blocks

    def _end_paragraph(self) -> None:
        self._flush()
        text = "".join(self._parts[-1]).strip()
        self._parts[-1] = []
        flow = self._flows[-1]
        if not self._is_in_table:
            self._close_table()
        if text:
            if self._is_in_table:
                self._open_cell()
            flow.add([Block(text, self._level if len(self._flows) == 1 else 0)])
        if len(self._flows) == 1 and not flow.is_in_table:
            flow.add(self._floating)
            self._floating = []

    def _open_cell(self) -> None:
        flow = self._flows[-1]
        if flow.table is None:
            flow.open_table()
        table = flow.table
        assert table is not None
        if not table.rows or table.rows[-1].is_header:
            table.open_row(Row())
        if not table.is_cell_open:
            flow.open_cell(Cell())

    def _end_cell(self) -> None:
        self._is_in_table = True
        self._open_cell()
        self._end_paragraph()
        self._flows[-1].close_cell()

    def _end_row(self) -> None:
        flow = self._flows[-1]
        if flow.table is not None and flow.table.row.cells:
            self._rows.append((flow.table.row, self._places))
            flow.open_row(Row())

    def _close_table(self) -> None:
        flow = self._flows[-1]
        if flow.is_in_table:
            _set_columns(self._rows)
            self._rows = []
            flow.close_table()


def _set_columns(rows: list[tuple[Row, list[_Place]]]) -> None:
    """How many columns each cell spans, which only the edges of all rows together tell."""
    edges: list[int] = []
    for edge in sorted({place.right for _, places in rows for place in places}):
        if not edges or edge - edges[-1] > _SAME_EDGE:
            edges.append(edge)
    for row, places in rows:
        cells: list[Cell] = []
        left = 0
        for cell, place in zip(row.cells, places, strict=False):
            right = bisect_right(edges, place.right)
            cell.columns = max(1, right - left)
            cell.is_continued = b"clvmrg" in place.merged
            left = max(right, left + 1)
            if b"clmrg" in place.merged and cells and not cell.blocks:
                cells[-1].columns += cell.columns
            else:
                cells.append(cell)
        row.cells = [*cells, *row.cells[len(places) :]]


def _levels(head: bytes) -> dict[int, int]:
    """Style number -> heading level, by the style's English name, which Word always writes."""
    levels = {}
    for style in _STYLE.findall(head):
        number, name = _STYLE_NUMBER.search(style), _STYLE_NAME.search(style)
        if number and name:
            levels[int(number[1])] = int(name[1])
    return levels


def _codec(name: str, otherwise: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        return otherwise
    return name
