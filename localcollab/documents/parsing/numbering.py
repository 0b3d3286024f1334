"""Automatic numbers of WordprocessingML: the lists that numbering.xml defines, and the counting.

A `num`, which paragraphs name, refers to an abstract list, which holds up to nine levels. Nums of one
abstract list count together, unless one of them begins anew. Which paragraph is in which list is left to
the caller.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from localcollab.documents.parsing.markup import read_xml, whole
from localcollab.documents.parsing.numerals import spelled
from localcollab.documents.parsing.ooxml import flag

_DEEPEST = 8
_LONGEST = 100
"""Characters of a level's text: what is longer is no number."""
_BETWEEN = {"space": " ", "nothing": ""}
_BULLET, _CIRCLE = "•", "◦"


@dataclass(slots=True)
class Level:
    form: str = "decimal"
    text: str = ""
    """With %1 to %9 for the numbers of the levels."""
    start: int = 0
    restarts_after: int = _DEEPEST + 1
    """It begins anew after levels up to this one, counted from 1."""
    in_figures: bool = False
    """All its numbers, whatever the forms of their levels."""
    between: str = " "
    style: str = ""
    """The paragraph style that is tied to it."""


@dataclass(slots=True)
class NumberedList:
    key: str = ""
    """Lists with the same one count together."""
    levels: dict[int, Level] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    """Levels that begin anew, with this number, where the list is used first."""

    def level_of(self, style: str) -> int | None:
        return next((n for n, level in self.levels.items() if level.style == style), None)


def read_lists(data: bytes, nums_of_styles: Mapping[str, str]) -> dict[str, NumberedList]:
    """By the ids of the nums. `nums_of_styles`: of the styles that a list may take its levels from."""
    reader = _Reader()
    read_xml(data, reader.start, lambda _: None, lambda _: None)
    return reader.lists(nums_of_styles)


class _Reader:
    def __init__(self) -> None:
        self._abstract: dict[str, NumberedList] = {}
        self._nums: dict[str, NumberedList] = {}
        self._links: dict[str, str] = {}
        self._list, self._level, self._at = NumberedList(), Level(), 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        value = attributes.get("val", "")
        if name == "abstractNum":
            id_ = attributes.get("abstractNumId", "")
            self._list = self._abstract.setdefault(id_, NumberedList(id_))
        elif name == "num":
            self._list = self._nums.setdefault(attributes.get("numId", ""), NumberedList())
        elif name == "numStyleLink":
            self._links[self._list.key] = value
        elif name == "abstractNumId":
            self._list.key = value
        elif name == "lvlOverride":
            self._at = whole(attributes.get("ilvl", "")) or 0
        elif name == "startOverride":
            self._list.starts[self._at] = whole(value) or 0
        elif name == "lvl":
            self._level = Level()
            at = whole(attributes.get("ilvl", "")) or 0
            if at <= _DEEPEST:
                self._list.levels[at] = self._level
        else:
            _set(self._level, name, attributes)

    def lists(self, nums_of_styles: Mapping[str, str]) -> dict[str, NumberedList]:
        found = {}
        for id_, num in self._nums.items():
            key = num.key
            linked = self._nums.get(nums_of_styles.get(self._links.get(key, ""), ""))
            if linked is not None:
                key = linked.key
            shared = self._abstract.get(key, NumberedList()).levels
            found[id_] = NumberedList(key, {**shared, **num.levels}, num.starts)
        return found


class Counters:
    """The numbers of one story, counted paragraph by paragraph."""

    def __init__(self, lists: Mapping[str, NumberedList]) -> None:
        self._lists = lists
        self._counts: dict[str, dict[int, int]] = {}
        """Of lists by key: level -> the last number."""
        self._begun: set[tuple[str, int]] = set()

    def set_next(self, num: str, at: int, number: int) -> None:
        """The number of the next paragraph of this level."""
        self._counts.setdefault(self._lists.get(num, NumberedList()).key, {})[at] = number - 1

    def next_label(self, num: str, at: int) -> str:
        """What stands before the next paragraph of this level, and separates it; empty for nothing."""
        list_ = self._lists.get(num, NumberedList())
        level = list_.levels.get(at)
        if level is None:
            return ""
        counts = self._counts.setdefault(list_.key, {})
        begins_anew = at in list_.starts and (num, at) not in self._begun
        self._begun.add((num, at))
        for above in range(at):  # of an item without one above it, that one counts as passed
            counts.setdefault(above, list_.levels.get(above, level).start)
        is_next = at in counts and not begins_anew
        counts[at] = counts[at] + 1 if is_next else list_.starts.get(at, level.start)
        for deeper in [n for n in counts if n > at]:
            if at < list_.levels.get(deeper, level).restarts_after:
                del counts[deeper]
        label = _label(level, list_.levels, counts)
        return label + level.between if label else ""


def _label(level: Level, levels: Mapping[int, Level], counts: Mapping[int, int]) -> str:
    if level.form == "bullet":
        return _bullet(level.text.strip())

    def number(found: re.Match[str]) -> str:
        at = int(found[1]) - 1
        of = levels.get(at, Level())
        if of.form in ("bullet", "none"):
            return ""
        form = "decimal" if level.in_figures else of.form
        return spelled(counts.get(at, of.start), form)

    return re.sub(r"%([1-9])", number, level.text).strip()


def _bullet(sign: str) -> str:
    """Symbol and Wingdings have theirs in the private area; Courier's o is a small circle."""
    if sign == "o":
        return _CIRCLE
    return (
        sign if len(sign) == 1 and sign.isprintable() and not sign.isalnum() else sign and _BULLET
    )


def _set(level: Level, name: str, attributes: dict[str, str]) -> None:
    value = attributes.get("val", "")
    if name == "numFmt":
        level.form = value
    elif name == "lvlText":
        level.text = value if len(value) <= _LONGEST else ""
    elif name == "start":
        level.start = whole(value) or 0
    elif name == "lvlRestart":
        number = whole(value)
        level.restarts_after = level.restarts_after if number is None else number
    elif name == "isLgl":
        level.in_figures = flag(attributes)
    elif name == "suff":
        level.between = _BETWEEN.get(value, " ")
    elif name == "pStyle":
        level.style = value
