"""Dates and times of day in the ways people write them, in the languages known."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from localcollab.documents.checking.detection import KNOWN
from localcollab.documents.checking.language import Language


class Date(NamedTuple):
    year: int
    """0 where none is written."""
    month: int
    day: int


Readings = frozenset[Date]
"""More than one where day and month may be swapped: 01/03/2025."""
_ISO = re.compile(r"(?<![\d-])(\d{4})-(\d{2})-(\d{2})(?![\d-])")
_NUMERIC = re.compile(r"(?<![\d.,/])(\d{1,2})([./])(\d{1,2})\2(\d{4}|\d{2})(?![\d/]|\.\d)")
_TIME = re.compile(
    r"(?<![\d:.,])(\d{1,2})(?::(\d{2}))?\s?(a\.?m\.?|p\.?m\.?|o'clock|Uhr)(?!\w)|"
    r"(?<![\d:.,])(\d{1,2}):(\d{2})(?![\d:])",
    re.IGNORECASE,
)


def dates(text: str) -> Iterator[tuple[int, int, Readings]]:
    """(start, end, readings) of every date that has a month. Overlapping ones are left to the
    caller."""
    for found in _ISO.finditer(text):
        yield from _valid(found, {Date(int(found[1]), int(found[2]), int(found[3]))})
    for found in _NUMERIC.finditer(text):
        one, other = int(found[1]), int(found[3])
        year = int(found[4]) + (2000 if len(found[4]) == 2 else 0)
        swapped = {Date(year, one, other)} if found[2] == "/" else set()
        yield from _valid(found, {Date(year, other, one), *swapped})
    for found in _written().finditer(text):
        name = found["month"] or found["month2"]
        day = int(found["day"] or found["day2"] or 0)
        year = int(found["year"] or found["year2"] or 0)
        if day or year:
            yield from _valid(found, {Date(year, _months()[name.casefold()], day)})


def times(text: str) -> Iterator[tuple[int, int, int]]:
    """(start, end, minutes since midnight) of "5:30 pm", "17:30" and their like."""
    for found in _TIME.finditer(text):
        hour, minute = int(found[1] or found[4]), int(found[2] or found[5] or 0)
        half = (found[3] or "").casefold().replace(".", "")
        if half in ("am", "pm"):
            hour = hour % 12 + (12 if half == "pm" else 0)
        if hour <= 24 and minute < 60:
            yield found.start(), found.end(), 60 * hour + minute


def _valid(found: re.Match[str], readings: set[Date]) -> Iterator[tuple[int, int, Readings]]:
    possible = frozenset(d for d in readings if 1 <= d.month <= 12 and 0 <= d.day <= 31)
    if possible:
        yield found.start(), found.end(), possible


@cache
def _months() -> dict[str, int]:
    return {
        name: number
        for language in KNOWN
        for spelled in language.months
        for number in [language.months.index(spelled) + 1]
        for name in (spelled, *_shortened(language, spelled))
    }


def _shortened(language: Language, month: str) -> tuple[str, ...]:
    return (
        (month[:3], "sept")
        if language.code == "en" and month[:4] == "sept"
        else (month[:3],) * (language.code == "en")
    )


@cache
def _written() -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True))
    month = rf"(?P<month>{names})\b\.?"
    # "may 5" is a verb and a number: English months begin with a capital, those of other
    # languages may not.
    return re.compile(
        rf"(?<![\w.,])(?:the\s)?(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|º)?\.?\s(?:of\s|de\s|"
        rf"di\s)?{month}"
        r"(?:,?\s(?:de\s|del\s|di\s)?(?P<year>\d{4})(?![\d.,]\d))?"
        rf"|\b(?P<month2>(?-i:May)|(?!may\b)(?:{names}))\b\.?\s(?:(?P<day2>\d{{1,2}})(?:st|"
        rf"nd|rd|th)?(?![\d.,:]\d|\d)(?:,?\s)?)?"
        r"(?P<year2>(?<=\s)\d{4}(?!\d))?",
        re.IGNORECASE,
    )
