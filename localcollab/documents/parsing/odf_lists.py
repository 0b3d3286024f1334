"""Lists of OpenDocument: their styles, and what stands before the first paragraph of an item."""

import re
from dataclasses import dataclass

from localcollab.documents.parsing.markup import whole
from localcollab.documents.parsing.numbering import Counters, Level, NumberedList

_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman",
          "I": "upperRoman", "": "none", "1st": "ordinal", "01, 02, 03, ...": "decimalZero",
          "一, 二, 三, ...": "chineseCounting", "①, ②, ③, ...": "decimalEnclosedCircle"}  # fmt: skip
_LEVEL_STYLES = ("list-level-style-number", "outline-level-style")
STYLES_OF_LISTS = frozenset(
    {"list-style", "outline-style", "list-level-style-bullet", *_LEVEL_STYLES}
)
"""Elements that stand where nothing is shown."""
_OUTLINE = "outline"
_LEVEL_NUMBER = re.compile(r"%([1-9])%")
_LONGEST = 100
_DEEPEST = 10


@dataclass(slots=True)
class _OpenList:
    key: str
    style: str


class Lists:
    """Given the elements of styles.xml and content.xml as they come; styles stand before the text."""

    def __init__(self) -> None:
        self._styles: dict[str, dict[int, Level]] = {}
        self._style: dict[int, Level] = {}
        self._lists: dict[str, NumberedList] = {}
        self._counters = Counters(self._lists)
        self._open: list[_OpenList] = []
        self._items: list[bool] = []
        """Of the open items: whether the number is still to come."""
        self._keys: dict[str, str] = {}
        """Of lists by their id, or their style."""

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Of an element that may be one of a list or of a list's style."""
        if name == "list-style":
            self._style = self._styles.setdefault(attributes.get("name", ""), {})
        elif name == "outline-style":
            self._style = self._styles.setdefault(_OUTLINE, {})
            self._lists[_OUTLINE] = NumberedList(_OUTLINE, self._style)
        elif name in _LEVEL_STYLES:
            self._set_level(attributes, _numbered(attributes))
        elif name == "list-level-style-bullet":
            self._set_level(attributes, Level("bullet", attributes.get("bullet-char", "")[:1]))
        elif name == "list":
            self._open_list(attributes)
        elif name in ("list-item", "list-header"):
            self._items.append(name == "list-item")
            self._set_next(attributes)

    def end(self, name: str) -> None:
        if name == "list" and self._open:
            self._open.pop()
        elif name in ("list-item", "list-header") and self._items:
            self._items.pop()

    def label(self, heading_level: int, attributes: dict[str, str]) -> str:
        """Before a paragraph that begins; empty for most. `heading_level` 0: no heading."""
        if self._open:
            if not self._items or not self._items[-1]:
                return ""
            self._items[-1] = False
            return self._counters.next_label(self._open[-1].key, len(self._open) - 1)
        if not heading_level or attributes.get("is-list-header") == "true":
            return ""
        return self._counters.next_label(_OUTLINE, heading_level - 1)

    def _set_level(self, attributes: dict[str, str], level: Level) -> None:
        at = whole(attributes.get("level", "")) or 0
        if 1 <= at <= _DEEPEST:
            self._style[at - 1] = level

    def _open_list(self, attributes: dict[str, str]) -> None:
        outer = self._open[-1] if self._open else None
        style = attributes.get("style-name", "") or (outer.style if outer else "")
        continued = attributes.get("continue-list", "")
        before = self._keys.get(continued, "")
        # LibreOffice names lists that it does not store: meant is the last one of this style.
        if not before and (continued or attributes.get("continue-numbering") == "true"):
            before = self._keys.get(f"style {style}", "")
        key = outer.key if outer else before or f"list {len(self._lists)}"
        if key not in self._lists:
            self._lists[key] = NumberedList(key, self._styles.get(style, {}))
        if attributes.get("id"):
            self._keys[attributes["id"]] = key
        self._keys[f"style {style}"] = key
        self._open.append(_OpenList(key, style))

    def _set_next(self, attributes: dict[str, str]) -> None:
        if not self._open:
            return
        if attributes.get("style-override"):
            self._keys[f"style {attributes['style-override']}"] = self._open[-1].key
        number = whole(attributes.get("start-value", ""))
        if number is not None:
            self._counters.set_next(self._open[-1].key, len(self._open) - 1, number)


def _numbered(attributes: dict[str, str]) -> Level:
    at = min(whole(attributes.get("level", "")) or 1, _DEEPEST)
    n_shown = min(whole(attributes.get("display-levels", "")) or 1, at)
    numbers = ".".join(f"%{n}" for n in range(at - n_shown + 1, at + 1))
    around = attributes.get("num-prefix", ""), attributes.get("num-suffix", "")
    form = attributes.get("num-format", "")
    start = whole(attributes.get("start-value", ""))
    numbers = numbers if form else ""
    # LibreOffice's own says more: what stands between the numbers.
    own = _LEVEL_NUMBER.sub(r"%\1", attributes.get("num-list-format", ""))
    text = own or numbers.join(around)
    return Level(
        form=_FORMS.get(form, "decimal"), text=text if len(text) <= _LONGEST else "",
        start=1 if start is None else start,
    )  # fmt: skip
