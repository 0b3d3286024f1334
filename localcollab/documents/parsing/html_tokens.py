"""HTML -> tags and texts, in one pass over it: `html.parser` is quadratic in what never ends."""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

_OPENING = re.compile(r"<(?:(!--)|(!\[CDATA\[)|([!?])|(/?)([A-Za-z][^\s/>]*))")
_NAME = re.compile(r"[\s/]*([^\s/>=]+|=)(\s*=\s*)?")
_BARE = re.compile(r"[^\s>]*")
UNSHOWN = frozenset({"script", "style", "template", "noscript", "iframe", "object", "noframes"})
_TEXT_ONLY = frozenset({"title", "textarea"})
_LOST = frozenset({"script", "style"})
"""Without an end, the rest of the page is program text; of others it is read."""


class Tag(NamedTuple):
    name: str
    """In lower case."""
    attributes: dict[str, str]
    is_end: bool = False
    is_empty: bool = False
    """Written as `<name/>`."""


class Tokens:
    def __init__(self, text: str) -> None:
        self.notes: list[str] = []
        """What was never closed."""
        self._text, self._at = text, 0
        self._absent: set[str] = set()

    def __iter__(self) -> Iterator[Tag | str]:
        text = self._text
        while (start := text.find("<", self._at)) >= 0:
            if start > self._at:
                yield unescape(text[self._at : start])
            found = _OPENING.match(text, start)
            if found is None:
                self._at = start + 1
                yield "<"
                continue
            self._at = found.end()
            if found[5]:
                yield from self._tag(found[5].lower(), is_end=bool(found[4]))
            elif found[1]:
                self._skip("-->", "comment")
            elif found[2]:
                yield self._until("]]>")
            else:
                self._skip(">", "declaration")
        if self._at < len(text):
            yield unescape(text[self._at :])

    def _tag(self, name: str, *, is_end: bool) -> Iterator[Tag | str]:
        attributes, is_empty = self._attributes()
        if name in UNSHOWN:
            if not is_end and not is_empty:
                self._skip_element(name)
            return
        yield Tag(name, attributes, is_end, is_empty)
        if name in _TEXT_ONLY and not is_end and not is_empty:
            end = self._find(f"</{name}")
            if end >= 0:
                yield unescape(self._text[self._at : end])
                self._at = end

    def _attributes(self) -> tuple[dict[str, str], bool]:
        """Up to the tag's end. The first of two attributes of one name counts."""
        text, attributes = self._text, dict[str, str]()
        while found := _NAME.match(text, self._at):
            self._at = found.end()
            value = self._value() if found[2] else ""
            attributes.setdefault(found[1].lower(), value)
        end = self._find(">")
        is_empty = end > 0 and text[end - 1] == "/"
        self._at = len(text) if end < 0 else end + 1
        return attributes, is_empty

    def _value(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote in ("'", '"'):
            end = self._find(quote, self._at + 1)
            if end >= 0:
                value = self._text[self._at + 1 : end]
                self._at = end + 1
                return unescape(value)
        bare = _BARE.match(self._text, self._at)
        assert bare is not None
        self._at = bare.end()
        return unescape(bare[0])

    def _skip_element(self, name: str) -> None:
        end = self._find(f"</{name}")
        if end >= 0:
            close = self._find(">", end)
            self._at = len(self._text) if close < 0 else close + 1
            return
        left = len(self._text) - self._at
        if name in _LOST and left:
            self._note(f"an unclosed <{name}> hides the {left} characters after it")
            self._at = len(self._text)
        elif left:
            self._note(f"an unclosed <{name}>: what follows it is read as shown")

    def _skip(self, end: str, what: str) -> None:
        found = self._find(end)
        if found >= 0:
            self._at = found + len(end)
        else:
            self._note(f"an unclosed {what}: what follows it is read as shown")

    def _until(self, end: str) -> str:
        found, start = self._find(end), self._at
        self._at = len(self._text) if found < 0 else found + len(end)
        return self._text[start : len(self._text) if found < 0 else found]

    def _find(self, what: str, start: int | None = None) -> int:
        """What was not found once is not looked for again: the rest only gets shorter."""
        if what in self._absent:
            return -1
        start = self._at if start is None else start
        if what.startswith("</"):
            match = re.compile(re.escape(what) + r"(?=[\s/>])", re.IGNORECASE).search(
                self._text, start
            )
            found = -1 if match is None else match.start()
        else:
            found = self._text.find(what, start)
        if found < 0:
            self._absent.add(what)
        return found

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)
