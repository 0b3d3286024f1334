"""Texts, classes and rules of llama.cpp's grammars (GBNF)."""

import re
from collections.abc import Iterable

MOST_REPETITIONS = 500
"""llama.cpp refuses more than 2,000 rules that come of one repetition."""
_HEX = re.compile(r"[^\x20-\x7e]")


def text(value: str) -> str:
    """A literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _HEX.sub(lambda found: code(found[0]), escaped) + '"'


def code(character: str) -> str:
    """One character as its number."""
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02X}"
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"


def one_of(ranges: Iterable[tuple[int, int]], *, negated: bool = False) -> str:
    """A class of code points, each range with both ends."""
    inner = "".join(
        code(chr(low)) if low == high else f"{code(chr(low))}-{code(chr(high))}"
        for low, high in ranges
    )
    return f"[{'^' if negated else ''}{inner}]"


def any_of(parts: Iterable[str]) -> str:
    several = list(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else f"({' | '.join(several)})"


def repeated(part: str, least: int, most: int | None) -> str:
    """At least and at most so many of it; `most` None: any number."""
    if most is None:
        return f"{part}*" if not least else f"{part}{{{least},}}"
    if (least, most) == (1, 1):
        return part
    return '""' if not most else f"{part}{{{least},{most}}}"


class Rules:
    """Named rules; equal ones are one."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def add(self, hint: str, expression: str) -> str:
        """The rule's name."""
        known = self._names.get(expression)
        if known is not None:
            return known
        name = self.reserve(hint)
        self.define(name, expression)
        self._names[expression] = name
        return name

    def reserve(self, hint: str) -> str:
        """A name for a rule that is defined later."""
        clean = re.sub(r"[^A-Za-z0-9]+", "-", hint).strip("-")[:40] or "rule"
        name, n = clean, 1
        while name in self._rules:
            n += 1
            name = f"{clean}-{n}"
        self._rules[name] = ""
        return name

    def define(self, name: str, expression: str) -> None:
        self._rules[name] = expression

    def grammar(self) -> str:
        return "".join(f"{name} ::= {expression}\n" for name, expression in self._rules.items())
