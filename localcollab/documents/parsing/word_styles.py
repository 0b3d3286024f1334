"""What styles.xml and numbering.xml of a DOCX say of paragraphs: their headings and their lists."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from localcollab.documents.parsing.markup import read_xml, whole
from localcollab.documents.parsing.numbering import NumberedList, read_lists

OUTLINE_LEVELS = tuple("012345678")
HEADING = re.compile(r"(?:heading|title)\s*([0-9]?)", re.IGNORECASE)
_LONGEST_CHAIN = 10
_NO_LIST = "0"


@dataclass(slots=True)
class _Style:
    based_on: str = ""
    level: int = 0
    num: str = ""
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Styles:
    lists: Mapping[str, NumberedList] = field(default_factory=dict)
    _styles: Mapping[str, _Style] = field(default_factory=dict)

    def heading_level(self, style: str) -> int:
        """0: no heading."""
        if style not in self._styles and (found := HEADING.fullmatch(style)):
            return int(found[1] or 1)
        return next((each.level for _, each in self._chain(style) if each.level), 0)

    def place(self, style: str, num: str, at: int | None) -> tuple[str, int] | None:
        """Num and level of a paragraph; `num` empty, `at` None: it says nothing itself."""
        origin = ""
        for name, each in self._chain(style):
            at = each.at if at is None and not num else at
            if not num and each.num:
                origin, num = name, each.num
        if not num or num == _NO_LIST:
            return None
        tied = self.lists[num].level_of(origin) if origin and num in self.lists else None
        return num, (at or 0) if tied is None else tied

    def _chain(self, style: str) -> Iterator[tuple[str, _Style]]:
        """A style and those it is based on."""
        for _ in range(_LONGEST_CHAIN):
            if style not in self._styles:
                return
            yield style, self._styles[style]
            style = self._styles[style].based_on


def read_styles(styles: bytes | None, numbering: bytes | None) -> Styles:
    """The ids of styles are translated, their names are not."""
    found: dict[str, _Style] = {}
    style = _Style()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal style
        value = attributes.get("val", "")
        if name == "style":
            style = found.setdefault(attributes.get("styleId", ""), _Style())
        elif name == "name" and (heading := HEADING.fullmatch(value)):
            style.level = int(heading[1] or 1)
        elif name == "outlineLvl" and value in OUTLINE_LEVELS:
            style.level = style.level or int(value) + 1
        elif name == "basedOn":
            style.based_on = value
        elif name == "numId":
            style.num = value
        elif name == "ilvl":
            style.at = whole(value)

    if styles is not None:
        read_xml(styles, start, lambda _: None, lambda _: None)
    nums = {name: each.num for name, each in found.items() if each.num}
    return Styles({} if numbering is None else read_lists(numbering, nums), found)
