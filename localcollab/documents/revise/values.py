"""The values of a sentence that may grow old: numbers with units, dates, times, names, contacts.

What belongs to the identity of a thing ("flat 3", "section 2.1", "Boeing 747") is not a value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from localcollab.documents.checking.dates import Date, Readings, dates, times
from localcollab.documents.checking.language import Language, words_of
from localcollab.documents.checking.numbers import NO_UNIT, Number, are_same, readings, scale_of
from localcollab.documents.checking.units import unit_of

Kind = Literal["number", "date", "time", "name", "contact"]

_DIGITS = r"[-−]?\d+(?:[.,'’  ]\d+)*"
_BEFORE = r"[€$£¥]\s?|(?:EUR|USD|GBP|CHF|JPY)\s"
_BEHIND = (
    r"\s?(?:[^\W\d_]{1,12}/[^\W\d_]{1,12}|°[CF]?|[€$£¥%]|k?m[²2](?!\w))"
    r"|\s?[^\W\d_]{1,12}(?![\w'’])"
)
_LETTERS = r"\d_A-Za-z\u00c0-\u0e00"
"""Of scripts with blanks: in others a number stands between characters."""
_NUMBER = re.compile(
    rf"(?<![{_LETTERS}.,/#§–—-])(?P<before>{_BEFORE})?(?P<digits>{_DIGITS})(?![{_LETTERS}/–—-]|[.,:]\d)"
    rf"(?P<scale>\s[^\W\d_]{{7,10}}(?!\w))?(?P<behind>{_BEHIND})?"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_IN_YEAR = re.compile(
    r"\b(?:in|until|till|by|bis|ende|en|hasta|jusqu['’]en|nel|entro)\s(?P<year>(?:19|20)\d\d)"
    r"(?![\w/–—-]|[.,:]\d)",
    re.IGNORECASE,
)
_NUMBER_SIGN = re.compile(r"[#§№]\s?$")
_SPELLED = re.compile(r"(?<![\w-])(?P<word>[^\W\d_]+)(?=(?P<behind>\s[^\W\d_]{1,12})(?![\w'’-]))")
_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w.,/-])(?:\+|\(\d+\)\s?)?\d+(?:[ ()/-]{1,2}\d+)+(?![\w.,]\d)"
)
"""An address of mail, or a number of a telephone: groups of digits."""
_LEAST_DIGITS = 6
_LONGEST_UNIT = 13
_CAPITAL = r"[^\W\d_a-zß-ÿ][\w'’&-]*\.?"
_NAME = re.compile(
    rf"(?<![\w.])(?:(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Mme|Sra|Sr|Dott)\.?\s)?{_CAPITAL}"
    rf"(?:\s(?:of|de|del|della|von|van|der|den|da|di|du|la|bin|&|and\sSons)?\s?{_CAPITAL}){{0,4}}"
)
NUMBERED = words_of(
    """
    flat apartment room floor unit house building gate door section article clause paragraph chapter page
    part table figure appendix annex item step invoice order ticket case file number no nr version release
    line zone grade level class type model phase stage lot team group shelf bay building platform track
    wohnung zimmer raum etage haus abschnitt artikel absatz kapitel seite teil tabelle abbildung anhang
    rechnung nummer stufe klasse typ modell phase
    appartement chambre salle étage article chapitre page facture numéro
    piso habitación sala artículo capítulo página factura número
    appartamento stanza piano articolo capitolo pagina fattura numero
    """
)
"""Nouns whose number says which one, not how many."""
_WORD_BEFORE = re.compile(r"([^\W\d_]+)\.?\s?$")


_NONE = Number(frozenset())


@dataclass(frozen=True, slots=True)
class Value:
    """One value, and where it stands in its sentence."""

    start: int
    end: int
    text: str
    kind: Kind
    number: Number = _NONE
    date: Readings = frozenset()
    minutes: int = -1
    digits: tuple[int, int] = (0, 0)
    """Where the digits of a number stand within `text`."""

    def is_like(self, other: "Value") -> bool:
        """Whether one may replace the other: the same kind of thing, in the same dimension."""
        if self.kind != other.kind:
            return False
        if self.kind == "number":
            return self.number.unit.dimension == other.number.unit.dimension
        if self.kind == "date":
            return {_precision(d) for d in self.date} == {_precision(d) for d in other.date}
        return True

    def is_same(self, other: "Value") -> bool:
        if self.kind != other.kind:
            return False
        if self.kind == "number":
            return are_same(self.number, other.number)
        if self.kind == "date":
            return bool(self.date & other.date)
        if self.kind == "time":
            return self.minutes == other.minutes
        return " ".join(self.text.casefold().split()) == " ".join(other.text.casefold().split())

    def styled(self, new: "Value") -> str:
        """The new value in the spelling of this one where only the digits differ, else in its own."""
        if self.kind == "number" and self.number.unit == new.number.unit != NO_UNIT:
            first, last = self.digits
            if first < last and new.digits[0] < new.digits[1]:
                return self.text[:first] + new.text[slice(*new.digits)] + self.text[last:]
        return new.text


def values(text: str, language: Language) -> list[Value]:
    """Numbers, dates, times and contacts, in order; no two overlap."""
    found: list[Value] = []
    candidates = chain(
        _dates(text),
        _times(text),
        _years(text),
        _contacts(text),
        _numbers(text, language),
        _spelled(text, language),
    )
    for value in candidates:
        if all(value.end <= other.start or value.start >= other.end for other in found):
            found.append(value)
    return sorted(found, key=lambda value: value.start)


def names(text: str) -> Iterator[Value]:
    """Runs of capitalized words. Where one is a name, and may change, is left to `facts`."""
    for found in _NAME.finditer(text):
        name = found[0].rstrip()
        name = (
            name if re.search(r"\b[A-Z]\.$|\b(?:Ltd|Inc|Co|Jr|Sr)\.$", name) else name.rstrip(".")
        )
        yield Value(found.start(), found.start() + len(name), name, "name")


def _precision(date: tuple[int, int, int]) -> tuple[bool, ...]:
    return tuple(map(bool, date))


def _dates(text: str) -> Iterator[Value]:
    longest = sorted(dates(text), key=lambda found: found[0] - found[1])
    for start, end, date in longest:
        yield Value(start, end, text[start:end], "date", date=date)


def _contacts(text: str) -> Iterator[Value]:
    for found in _CONTACT.finditer(text):
        if "@" in found[0] or sum(map(str.isdigit, found[0])) >= _LEAST_DIGITS:
            yield Value(found.start(), found.end(), found[0], "contact")


def _years(text: str) -> Iterator[Value]:
    """ "in 2027": a year alone may be a number of anything."""
    for found in _IN_YEAR.finditer(text):
        date = frozenset({Date(int(found["year"]), 0, 0)})
        yield Value(found.start("year"), found.end("year"), found["year"], "date", date=date)


def _times(text: str) -> Iterator[Value]:
    for start, end, minutes in times(text):
        yield Value(start, end, text[start:end], "time", minutes=minutes)


def _numbers(text: str, language: Language) -> Iterator[Value]:
    comma = language.decimal_comma if language.code else None
    for found in _NUMBER.finditer(text):
        scale = scale_of((found["scale"] or "").strip().casefold())
        counted = (found["behind"] if scale or not found["scale"] else None) or ""
        if found["scale"] and not scale:
            counted = found["scale"] if len(found["scale"]) <= _LONGEST_UNIT else ""
        unit = unit_of(counted.strip()) if counted else None
        before = unit_of(found["before"].strip()) if found["before"] else None
        is_bare = before is None and unit is None and scale is None
        if is_bare and (
            _YEAR.fullmatch(found["digits"]) or _is_identity(text, found.start("digits"))
        ):
            continue
        first = found.start() if before else found.start("digits")
        last = found.end("scale") if scale else found.end("digits")
        last += len(counted) if unit else 0
        values_ = frozenset(v * (scale or 1.0) for v in readings(found["digits"], comma))
        offset = found.start("digits") - first
        yield Value(
            first, last, text[first:last], "number", Number(values_, unit or before or NO_UNIT),
            digits=(0, 0) if scale else (offset, offset + len(found["digits"])),
        )  # fmt: skip


def _is_identity(text: str, start: int) -> bool:
    """Whether the number at `start` says which thing is meant: "flat 3", "Boeing 747"."""
    before = _WORD_BEFORE.search(text[:start])
    if before is None:
        return bool(_NUMBER_SIGN.search(text[:start]))
    word = before[1]
    is_name = word[0].isupper() and bool(re.search(r"\w[^.!?\n]*$", text[: before.start()]))
    return word.casefold() in NUMBERED or is_name


def _spelled(text: str, language: Language) -> Iterator[Value]:
    """ "three months": with a unit only, because "one" is often no number."""
    words = dict(language.numbers)
    for found in _SPELLED.finditer(text):
        value, unit = words.get(found["word"].casefold()), unit_of(found["behind"].strip())
        if value is not None and unit is not None:
            number = Number(frozenset({float(value)}), unit)
            end = found.end("behind")
            yield Value(found.start(), end, text[found.start() : end], "number", number)
