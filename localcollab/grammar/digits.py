"""Integers and decimals within bounds, digit by digit."""

import re
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from localcollab.grammar.gbnf import any_of, repeated, text

MOST_DIGITS = 15
_PLACES = 6
"""Decimals within bounds have up to so many places, and exactly so many beside a bound."""
_DIGIT = "[0-9]"
_FULL = re.compile(r"\[1-9\](?P<rest> \[0-9\](\{(?P<n>\d+),\d+\})?)?")


def integers(low: int | None, high: int | None) -> str | None:
    """Every integer from `low` to `high`, up to 15 digits; None: there is none."""
    parts = list(_signed(low, high))
    return any_of(parts) if parts else None


def _signed(low: int | None, high: int | None) -> Iterator[str]:
    if low is None or low < 0:
        # -0 is left out.
        least = 1 if high is None or high >= 0 else -high
        most = None if low is None else -low
        if most is None or most >= least:
            yield f'"-" {_whole(least, most)}'
    if high is None or high >= 0:
        least = 0 if low is None or low < 0 else low
        if high is None or high >= least:
            yield _whole(least, high)


def _whole(low: int, high: int | None) -> str:
    """Of numbers from 0 up."""
    most = 10 ** max(MOST_DIGITS, len(str(low))) - 1 if high is None else high
    parts = []
    for length in range(len(str(low)), len(str(most)) + 1):
        first = 0 if length == 1 else 10 ** (length - 1)
        a, b = max(low, first), min(most, 10**length - 1)
        parts.append(between(str(a), str(b)))
    return any_of(_joined(parts))


def _joined(parts: list[str]) -> list[str]:
    """One alternative for all numbers of n digits, for several n."""
    found = {part: _FULL.fullmatch(part) for part in parts}
    lengths = [_n_rest(match) for match in found.values() if match]
    if len(lengths) < 2:
        return parts
    one = f"[1-9] {repeated(_DIGIT, min(lengths), max(lengths))}"
    return [part for part in parts if not found[part]] + [one]


def _n_rest(match: re.Match[str]) -> int:
    """Digits after the first."""
    if match["n"]:
        return int(match["n"])
    return 1 if match["rest"] else 0


def between(a: str, b: str) -> str:
    """Digit strings of one length, from `a` to `b`."""
    if a == b:
        return text(a)
    n = len(a) - 1
    rest = f" {repeated(_DIGIT, n, n)}" if n else ""
    if a[1:] == "0" * n and b[1:] == "9" * n:
        return f"{_digits(a[0], b[0])}{rest}"
    if a[0] == b[0]:
        return f"{text(a[0])} {between(a[1:], b[1:])}"
    parts = [f"{text(a[0])} {between(a[1:], '9' * n)}", f"{text(b[0])} {between('0' * n, b[1:])}"]
    if int(b[0]) - int(a[0]) > 1:
        inner = _digits(str(int(a[0]) + 1), str(int(b[0]) - 1))
        parts.append(f"{inner}{rest}")
    return any_of(parts)


def _digits(a: str, b: str) -> str:
    return f"[{a}]" if a == b else f"[{a}-{b}]"


def decimals(
    low: Decimal | None, high: Decimal | None, *, above: bool = False, below: bool = False
) -> str | None:
    """Numbers without an exponent within bounds; `above`, `below`: the bound itself is outside.

    None: there is none."""
    unit = Decimal(1).scaleb(-_PLACES)
    least = None if low is None else _scaled(low, unit, ROUND_CEILING, 1 if above else 0)
    most = None if high is None else _scaled(high, unit, ROUND_FLOOR, -1 if below else 0)
    parts = list(_signed_decimals(least, most))
    return any_of(parts) if parts else None


def _scaled(bound: Decimal, unit: Decimal, rounding: str, step: int) -> int:
    """In units of the last place; the bound itself is stepped over where it may not be."""
    exact = bound / unit
    whole = int(exact.to_integral_value(rounding))
    return whole + step if exact == whole else whole


def _signed_decimals(low: int | None, high: int | None) -> Iterator[str]:
    if low is None or low < 0:
        least = 1 if high is None or high >= 0 else -high
        most = None if low is None else -low
        if most is None or most >= least:
            yield f'"-" {_unsigned_decimals(least, most)}'
    if high is None or high >= 0:
        least = 0 if low is None or low < 0 else low
        if high is None or high >= least:
            yield _unsigned_decimals(least, high)


def _unsigned_decimals(low: int, high: int | None) -> str:
    """`low` and `high` in units of the last place."""
    scale = 10**_PLACES
    (first, after_first) = divmod(low, scale)
    parts = []
    whole = integers(first + (1 if after_first else 0), None if high is None else high // scale)
    if whole is not None:
        parts.append(whole)
    if high is not None and high // scale == first:
        parts.append(_with_places(first, after_first, high % scale))
        return any_of(parts)
    parts.append(_with_places(first, after_first, scale - 1))
    last = None if high is None else high // scale
    inner = integers(first + 1, None if last is None else last - 1)
    if inner is not None:
        parts.append(f'{inner} "." {repeated(_DIGIT, 1, _PLACES)}')
    if high is not None and last is not None:
        parts.append(_with_places(last, 0, high % scale))
    return any_of(parts)


def _with_places(whole: int, low: int, high: int) -> str:
    return f'{text(str(whole))} "." {between(f"{low:0{_PLACES}}", f"{high:0{_PLACES}}")}'
