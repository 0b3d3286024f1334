"""Lines of separated values -> fields, where quotes are as people and programs write them.

A quote that opens a field and is not closed before a separator or a line's end is text, so that it
swallows nothing. Within quotes, a quote is doubled or stands after a backslash. Linear in the text.
"""

from collections.abc import Iterator
from typing import NamedTuple

_QUOTE = '"'
_MOST_LINES = 200
"""Of one field: beyond this, its quote was not meant to open one."""


class Field(NamedTuple):
    text: str
    is_quoted: bool = False
    is_stray: bool = False
    """It begins with a quote that closes nowhere."""


def split_fields(text: str, delimiter: str) -> Iterator[list[Field]]:
    """`text` has newlines only as line ends. An empty line is a row without fields."""
    rows = _Rows(text, delimiter)
    while rows.at < len(text):
        yield rows.next_row()


class _Rows:
    def __init__(self, text: str, delimiter: str) -> None:
        self.at = 0
        self._text, self._delimiter = text, delimiter
        self._blanks = " " if delimiter == "\t" else " \t".replace(delimiter, "")
        self._line_end = -1
        self._last_quote = text.rfind(_QUOTE)

    def next_row(self) -> list[Field]:
        line_end = self._find_line_end()
        if self._text.find(_QUOTE, self.at, line_end) < 0:
            line, self.at = self._text[self.at : line_end], line_end + 1
            return [Field(each.strip()) for each in line.split(self._delimiter)] if line else []
        fields: list[Field] = []
        while True:
            field, end = self._field()
            fields.append(field)
            self.at = end + 1
            if end >= len(self._text) or self._text[end] == "\n":
                return [] if len(fields) == 1 and not field.text else fields

    def _field(self) -> tuple[Field, int]:
        """And where the separator or line end after it stands."""
        start = self._skip_blanks(self.at)
        if self._text.startswith(_QUOTE, start):
            quoted = self._quoted(start + 1)
            if quoted is not None:
                return quoted
        end = self._end_of_bare()
        text = self._text[self.at : end].strip()
        return Field(text, is_stray=text.startswith(_QUOTE)), end

    def _end_of_bare(self) -> int:
        line_end = self._find_line_end()
        found = self._text.find(self._delimiter, self.at, line_end)
        return line_end if found < 0 else found

    def _find_line_end(self) -> int:
        if self._line_end < self.at:
            found = self._text.find("\n", self.at)
            self._line_end = len(self._text) if found < 0 else found
        return self._line_end

    def _quoted(self, first: int) -> tuple[Field, int] | None:
        """None where the quote before `first` is text."""
        text, at, has_escapes = self._text, first, False
        while at <= self._last_quote:
            at = text.find(_QUOTE, at)
            if text.startswith(_QUOTE, at + 1):
                at += 2
                continue
            after = self._skip_blanks(at + 1)
            ends = after >= len(text) or text[after] in ("\n", self._delimiter)
            is_escape = text[at - 1] == "\\" and at > first
            if not is_escape and not ends:
                return None
            if ends and not (is_escape and has_escapes):
                break
            has_escapes, at = True, at + 1
        else:
            return None
        inside = text[first:at]
        if inside.count("\n") > _MOST_LINES:
            return None
        inside = inside.replace('\\"', _QUOTE) if has_escapes else inside
        return Field(inside.replace('""', _QUOTE).strip(), is_quoted=True), after

    def _skip_blanks(self, at: int) -> int:
        while self._text[at : at + 1] and self._text[at] in self._blanks:
            at += 1
        return at
