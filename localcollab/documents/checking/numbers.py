"""What a number written in digits or words can mean: by locale, with its unit."""

import math
import re
from typing import NamedTuple

from localcollab.documents.checking.units import Unit

NO_UNIT = Unit("", 1.0)
_THOUSANDS = {
    "million": 1e6,
    "millions": 1e6,
    "billion": 1e9,
    "billions": 1e9,
    "trillion": 1e12,
    "thousand": 1e3,
    "hundred": 1e2,
    "millionen": 1e6,
    "milliarden": 1e9,
    "tausend": 1e3,
    "millones": 1e6,
    "milliards": 1e9,
    "milioni": 1e6,
    "miliardi": 1e9,
}


class Number(NamedTuple):
    values: frozenset[float]
    """All that the digits can mean: `1.870` in an unknown language is 1.87 or 1870."""
    unit: Unit = NO_UNIT


def readings(digits: str, decimal_comma: bool | None) -> frozenset[float]:
    """The values of `digits`. `decimal_comma`: of the language; None: unknown, so both are
    possible."""
    sign = -1.0 if digits[0] in "-−" else 1.0
    digits = re.sub(r"[\s'’\u00a0\u202f]", "", digits.lstrip("-−+"))
    separators = [c for c in digits if c in ".,"]
    if not separators:
        return frozenset({sign * float(digits)})
    point = separators[-1]
    if len(set(separators)) == 2 and separators.count(point) > 1:
        # "1,2.3,4" is no number: it keeps all its digits, in a range of its own.
        return frozenset({float(f"{re.sub(r'[.,]', '', digits)}e-99")})
    if len(set(separators)) == 2:
        return frozenset({sign * float(digits.replace(separators[0], "").replace(point, "."))})
    grouped = re.fullmatch(r"[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*", digits)
    if len(separators) > 1:
        joined = digits.replace(separators[0], "")
        # Versions and dates (1.2.3) keep all their digits, in a range of their own.
        return frozenset({sign * float(joined) if grouped else float(f"{joined}e-99")})
    as_decimal = sign * float(digits.replace(",", "."))
    if not grouped:
        return frozenset({as_decimal})
    as_thousands = sign * float(digits.replace(separators[0], ""))
    if decimal_comma is None:
        return frozenset({as_decimal, as_thousands})
    return frozenset({as_decimal if (separators[0] == ",") == decimal_comma else as_thousands})


def scale_of(word: str) -> float | None:
    """Of "million" and its like."""
    return _THOUSANDS.get(word)


def are_same(claim: Number, source: Number) -> bool:
    """Whether some reading is the same, in the same unit or converted into it."""
    if claim.unit.dimension != source.unit.dimension:
        return False
    return any(
        math.isclose(a * claim.unit.factor, b * source.unit.factor, rel_tol=1e-9)
        for a in claim.values
        for b in source.values
    )
