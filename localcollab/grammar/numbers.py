"""Numbers of a schema: its bounds and steps, as a grammar writes them. Numbers have 15 digits."""

import math
from decimal import Decimal
from typing import Any

from localcollab.errors import BadOption
from localcollab.grammar.digits import MOST_DIGITS, decimals, integers
from localcollab.grammar.gbnf import MOST_REPETITIONS, any_of, text
from localcollab.grammar.merging import Schema

INTEGER = f'"-"? ( "0" | [1-9] [0-9]{{0,{MOST_DIGITS - 1}}} )'
NUMBER = f'{INTEGER} ( "." [0-9]{{1,{MOST_DIGITS}}} )? ( [eE] [-+]? [0-9]{{1,2}} )?'


def number(schema: Schema, kind: str) -> str | None:
    """None: any of its kind, `integer` or `number`. Raises `BadOption`."""
    of = schema.get("multipleOf")
    if of is not None and not (of == 1 and kind == "integer"):
        return _multiples(schema, of)
    bounds = _bounds(schema)
    if bounds is None:
        return None
    low, high, above, below = bounds
    if kind == "integer":
        found = integers(*_whole_bounds(bounds))
    else:
        found = decimals(low, high, above=above, below=below)
    if found is None:
        raise BadOption("`json_schema` has bounds between which there is no number: change them")
    return found


def _bounds(schema: Schema) -> tuple[Decimal | None, Decimal | None, bool, bool] | None:
    """Low, high, and whether each itself is outside; None: there are none."""
    low, above = _bound(schema, "minimum", "exclusiveMinimum", max)
    high, below = _bound(schema, "maximum", "exclusiveMaximum", min)
    return None if low is None and high is None else (low, high, above, below)


def _bound(schema: Schema, name: str, outside: str, choose: Any) -> tuple[Decimal | None, bool]:
    given, excluded = schema.get(name), schema.get(outside)
    if isinstance(excluded, bool):  # as in draft 4
        return (None, False) if given is None else (_decimal(given), excluded)
    found = [
        (_decimal(value), is_out)
        for value, is_out in ((given, False), (excluded, True))
        if value is not None
    ]
    if not found:
        return None, False
    limit = choose(value for value, _ in found)
    return limit, (limit, True) in found


def _decimal(value: Any) -> Decimal:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or abs(value) >= 10**MOST_DIGITS
    ):
        raise BadOption(
            f"`json_schema` has the bound {str(value)[:40]}: give a number of 15 digits at most"
        )
    return Decimal(str(value))


def _whole_bounds(
    bounds: tuple[Decimal | None, Decimal | None, bool, bool],
) -> tuple[int | None, int | None]:
    low, high, above, below = bounds
    first = None if low is None else math.floor(low) + 1 if above else math.ceil(low)
    last = None if high is None else math.ceil(high) - 1 if below else math.floor(high)
    return first, last


def _multiples(schema: Schema, of: Any) -> str:
    """Listed, where they are few."""
    bounds = _bounds(schema)
    if bounds is not None and not isinstance(of, bool) and isinstance(of, (int, float)) and of > 0:
        low, high, above, below = bounds
        if low is not None and high is not None:
            step = _decimal(of)
            first, last = math.ceil(low / step), math.floor(high / step)
            if last - first < MOST_REPETITIONS:
                found = [n * step for n in range(first, last + 1)]
                kept = [x for x in found if not (above and x == low) and not (below and x == high)]
                if kept:
                    return any_of(text(f"{x.normalize():f}") for x in kept)
    raise BadOption(
        "`json_schema` uses multipleOf, which a grammar can promise only between near bounds: give "
        "minimum and maximum, or leave it out"
    )
