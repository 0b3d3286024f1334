"""What every format's `parse` yields, and the ways in which it may end instead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """Text under one heading, on one page where there are pages."""

    text: str
    page: int | None = None
    heading: str = ""
    """With those above it, as in `Dosage > Children`."""


class Refused(Exception):
    """A file that is not looked into: its format is unknown, or it is beyond a limit."""


class Unreadable(Exception):
    """A file that is damaged, encrypted, or not what its name says."""


class Missing(Exception):
    """A package that reading this format needs: the name of the extra is in the message."""


HEADINGS_JOINED = " > "


class Outline:
    """The headings above the current line, by level."""

    def __init__(self) -> None:
        self._levels: dict[int, str] = {}

    def enter(self, level: int, heading: str) -> None:
        self._levels = {n: text for n, text in self._levels.items() if n < level}
        heading = " ".join(heading.split())
        if heading:
            self._levels[level] = heading[:200]

    def __str__(self) -> str:
        return HEADINGS_JOINED.join(text for _, text in sorted(self._levels.items()))
