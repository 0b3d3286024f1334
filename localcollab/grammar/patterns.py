"""Regular expressions inside a JSON string -> GBNF. What JSON must escape is left out of classes."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from localcollab.errors import BadOption
from localcollab.grammar.gbnf import MOST_REPETITIONS, any_of, one_of, repeated, text

# The parser of Python's own `re`: its tree is plain, and has been the same since 3.11.
_parser: Any = re._parser  # type: ignore[attr-defined]
_constants: Any = re._constants  # type: ignore[attr-defined]

_LAST = 0x10FFFF
_FORBIDDEN = ((0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0x7F, 0x7F), (0xD800, 0xDFFF))
"""Code points that a JSON string must escape, or should not hold."""
_CATEGORIES = {
    "CATEGORY_DIGIT": ((0x30, 0x39),),
    "CATEGORY_WORD": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "CATEGORY_SPACE": ((0x20, 0x20),),
}
_MOST_LONG = 2**31

Ranges = tuple[tuple[int, int], ...]


def pattern(source: str) -> tuple[str, int, int]:
    """What the strings that `source` matches may hold, between the quotes, and their least and most
    length. Without `^` or `$` anything may stand before or after. Raises `BadOption`."""
    try:
        tree = _parser.parse(source)
        least, most = tree.getwidth()
        items = list(tree)
        starts = bool(items) and _is_at(items[0], "AT_BEGINNING", "AT_BEGINNING_STRING")
        ends = bool(items) and _is_at(items[-1], "AT_END", "AT_END_STRING")
        inner = _sequence(items[int(starts) : len(items) - int(ends)])
    except (re.error, RecursionError, OverflowError) as error:
        raise BadOption(f"`pattern` {source!r} cannot be read ({error}): change it") from error
    free = repeated(one_of(_FORBIDDEN, negated=True), 0, None)
    parts = [inner] if starts else [free, inner]
    parts += [] if ends else [free]
    is_open = not (starts and ends) or most >= _MOST_LONG
    return " ".join(parts), int(least), _LAST if is_open else int(most)


def _is_at(item: Any, *names: str) -> bool:
    return str(item[0]) == "AT" and str(item[1]) in names


def _sequence(items: Iterable[Any]) -> str:
    parts = [_item(str(kind), value) for kind, value in items]
    return " ".join(parts) if parts else '""'


def _item(kind: str, value: Any) -> str:
    match kind:
        case "LITERAL":
            return _literal(value)
        case "NOT_LITERAL":
            return one_of(_without(((0, value - 1), (value + 1, _LAST))))
        case "ANY":
            return one_of(_FORBIDDEN, negated=True)
        case "IN":
            return _class(value)
        case "BRANCH":
            return any_of(f"{_sequence(branch)}" for branch in value[1])
        case "SUBPATTERN":
            return f"({_sequence(value[3])})"
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = value
            return _repeat(int(least), int(most), _sequence(inner))
    raise BadOption(
        f"`pattern` has a part ({kind.lower()}) that a grammar cannot express: leave it out"
    )


def _repeat(least: int, most: int, inner: str) -> str:
    if least > MOST_REPETITIONS:
        raise BadOption(f"`pattern` repeats {least} times: at most {MOST_REPETITIONS} are possible")
    limit = None if most >= _MOST_LONG else min(most, max(least, MOST_REPETITIONS))
    return repeated(f"({inner})", least, limit)


def _literal(number: int) -> str:
    character = chr(number)
    if character in '"\\':
        return text(f"\\{character}")
    if number < 0x20 or number == 0x7F:
        return text(f"\\u{number:04x}")
    return text(character)


def _class(items: list[Any]) -> str:
    negated = str(items[0][0]) == "NEGATE"
    ranges = [found for item in items[int(negated) :] for found in _ranges(str(item[0]), item[1])]
    kept = _without(tuple(_complement(ranges)) if negated else tuple(ranges))
    if not kept:
        raise BadOption("`pattern` has a class of characters that JSON must escape: leave it out")
    return one_of(kept)


def _ranges(kind: str, value: Any) -> Ranges:
    if kind == "LITERAL":
        return ((value, value),)
    if kind == "RANGE":
        return (tuple(value),)
    name = str(value)
    if name in _CATEGORIES:
        return _CATEGORIES[name]
    positive = name.replace("_NOT_", "_")
    if positive in _CATEGORIES:
        return tuple(_complement(_CATEGORIES[positive]))
    raise BadOption(f"`pattern` has a class ({name.lower()}) that a grammar cannot express")


def _complement(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    at = 0
    for low, high in sorted(ranges):
        if low > at:
            yield at, low - 1
        at = max(at, high + 1)
    if at <= _LAST:
        yield at, _LAST


def _without(ranges: Ranges) -> Ranges:
    """What may stand in a JSON string as it is."""
    return tuple(_complement([*_complement(ranges), *_FORBIDDEN]))
