"""Is the answer in an exact loop? Sure rather than early: tables, code, lists and poems repeat, too.

Token ids alone decide, so a team's loops are found like a single model's. Two answers that say the same
in other words are no exact loop, and are not looked for here.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LONGEST_PERIOD = 128
CHECK_EVERY = 16
MIN_COPIES = 4
MIN_COVER = 200
"""Tokens that the copies of one unit must cover together."""
MIN_COVER_WITHOUT_WORDS = 512
"""The same for a unit of digits, dots, lines or single letters: numbers and tables repeat such units."""
_FEW_WORDS = 0.25
"""Of a unit's characters; a word has three letters or more."""
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Loop:
    """`period` tokens that were written again and again, from token `start` of the answer on."""

    start: int
    period: int
    n_copies: int


class LoopDetector:
    """Sees every token of one answer; `add` costs one comparison with each of the last 128 tokens."""

    def __init__(
        self, piece: Callable[[int], bytes], allowed: Sequence[tuple[int, ...]] = ()
    ) -> None:
        """`allowed`: units that may go on, because somebody asked for more of them."""
        self._piece = piece
        self._tokens: list[int] = []
        self._recent = np.full(LONGEST_PERIOD, -1, dtype=np.int64)  # newest first
        self._runs = np.zeros(LONGEST_PERIOD, dtype=np.int64)
        self._allowed = {_least_rotation(unit) for unit in allowed}

    def add(self, token: int) -> Loop | None:
        """The loop that this token completes, at every 16th token."""
        # runs[p - 1]: for how many tokens each has equalled the one `p` before it.
        self._runs = np.where(self._recent == token, self._runs + 1, 0)
        self._recent = np.concatenate(([token], self._recent[:-1]))
        self._tokens.append(token)
        return self._loop() if len(self._tokens) % CHECK_EVERY == 0 else None

    def _loop(self) -> Loop | None:
        periods = np.arange(1, LONGEST_PERIOD + 1)
        covered = self._runs + periods
        found = np.flatnonzero(covered >= np.maximum(MIN_COPIES * periods, MIN_COVER))
        # The shortest: a loop of one period is one of its multiples, too.
        return self._checked(int(found[0]) + 1, int(covered[found[0]])) if len(found) else None

    def _checked(self, period: int, covered: int) -> Loop | None:
        unit = tuple(self._tokens[-period:])
        if _least_rotation(unit) in self._allowed:
            return None
        if covered < MIN_COVER_WITHOUT_WORDS and self._has_few_words(unit):
            return None
        return Loop(len(self._tokens) - covered, period, covered // period)

    def _has_few_words(self, unit: tuple[int, ...]) -> bool:
        text = b"".join(map(self._piece, unit)).decode("utf-8", "ignore")
        in_words = sum(map(len, _WORD.findall(text)))
        return in_words < _FEW_WORDS * sum(not c.isspace() for c in text)


def unit_of(tokens: Sequence[int], loop: Loop) -> tuple[int, ...]:
    """The tokens of one copy."""
    return tuple(tokens[loop.start : loop.start + loop.period])


def units_at_end(
    tokens: Sequence[int], piece: Callable[[int], bytes], *, is_loop: bool
) -> tuple[tuple[int, ...], ...]:
    """What may go on repeating when `tokens` are continued: the unit of the loop they are in; where
    `is_loop`, they were cut after its first copy, so that it may be of any length."""
    if is_loop:
        return tuple(tuple(tokens[-n:]) for n in range(1, min(LONGEST_PERIOD, len(tokens)) + 1))
    detector = LoopDetector(piece)
    found = [detector.add(token) for token in tokens]
    # A loop is looked for at every 16th token only.
    return tuple(unit_of(tokens, loop) for loop in found[-CHECK_EVERY:] if loop)


def _least_rotation(unit: tuple[int, ...]) -> tuple[int, ...]:
    """One name for a unit wherever its loop is entered."""
    return min(unit[n:] + unit[:n] for n in range(len(unit)))
