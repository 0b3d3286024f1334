"""A spreadsheet's number formats: which numbers are dates, times or shares, and how they are read."""

import re
from datetime import datetime, timedelta
from typing import Literal

from localcollab.documents.parsing.markup import read_xml, whole

Kind = Literal["number", "date", "time", "duration", "percent"]
_BUILT_IN: dict[int, Kind] = {
    **dict.fromkeys((9, 10), "percent"),
    **dict.fromkeys((14, 15, 16, 17, 22, *range(27, 32), 34, 35, 36, *range(50, 59)), "date"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47), "time"),
    46: "duration",
}
_MOST_DAYS = 2_958_466
"""Behind 31 December 9999."""
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]")


class Formats:
    def __init__(self, styles: bytes, is_1904: bool) -> None:
        """`styles`: the styles part; empty without one."""
        self.is_1904 = is_1904
        self._kinds: dict[int, Kind] = dict(_BUILT_IN)
        self._of_style: list[int] = []
        self._in_cells = False
        if styles:
            read_xml(styles, self._start, self._end, lambda _: None)

    def of_style(self, style: int) -> Kind:
        id_ = self._of_style[style] if style < len(self._of_style) else 0
        return self._kinds.get(id_, "number")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        n = whole(attributes.get("numFmtId", "")) or 0
        if name == "numFmt":
            self._kinds[n] = kind_of(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            self._of_style.append(n)

    def _end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cells = False


def kind_of(code: str) -> Kind:
    """Of a format code, as in `yyyy-mm-dd`; its part for positive numbers counts."""
    code = _LITERAL.sub("", code).partition(";")[0]
    if _ELAPSED.search(code):
        return "duration"
    code = _BRACKETS.sub("", code).lower().replace("general", "")
    if "y" in code or "d" in code or ("m" in code and not set("hs") & set(code)):
        return "date"
    if set("hs") & set(code):
        return "time"
    return "percent" if "%" in code else "number"


def shown(value: str, kind: Kind, is_1904: bool) -> str:
    """A stored number as a reader sees it: dates as 2024-03-05, shares as 12.5%."""
    try:
        number = float(value)
    except ValueError:
        return value
    if kind == "percent":
        return f"{_plain(round(number * 100, 10))}%"
    if kind == "number" or not 0 <= number < _MOST_DAYS:
        return _plain(number)
    if kind == "duration":
        seconds = round(number * 86_400)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    try:
        moment = _moment(number, is_1904)
    except OverflowError:  # counted from 1904, or rounded up into the year 10000
        return _plain(number)
    if kind == "time" and number < 1:
        return moment.strftime("%H:%M:%S")
    has_time = moment.second or moment.minute or moment.hour
    text = moment.strftime("%Y-%m-%d %H:%M:%S" if has_time else "%Y-%m-%d")
    return text.removesuffix(":00") if has_time else text


def _moment(serial: float, is_1904: bool) -> datetime:
    # Excel counts a 29 February 1900 that never was.
    days = serial + 1462 if is_1904 else serial + (1 if serial < 60 else 0)
    whole, part = divmod(days, 1)
    return datetime(1899, 12, 30) + timedelta(int(whole), round(part * 86_400))


def _plain(number: float) -> str:
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"
