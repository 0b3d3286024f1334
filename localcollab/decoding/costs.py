"""What a read of several new tokens costs beside a read of one: measured here, never assumed.

Kernels come in sizes, so a batch of 4 may cost less than two tokens on one machine and nearly four on
another. Where a curve is remembered is left to the callers.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel

LONGEST = 16
"""Tokens proposed at once, at most."""
SIZES = (1, 4, 2, 8, 16)
"""Of the batches that are measured, the most telling first."""
_ROUNDS = 3
_SECONDS_ALLOWED = 1.0

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class CostCurve:
    """Cost of a read by its number of new tokens, relative to one token."""

    points: tuple[tuple[int, float], ...]
    """(tokens, cost), ascending, from (1, 1.0)."""
    seconds: float
    """Of one token, when it was measured."""

    def __post_init__(self) -> None:
        """Raises `BadOption`: it may come from a file."""
        sizes = [size for size, _ in self.points]
        is_sound = sizes[:1] == [1] and sizes == sorted(set(sizes)) and 0 < self.seconds < 1e6
        if not is_sound or not all(0 < cost < 1e6 for _, cost in self.points):
            raise BadOption(f"a cost curve has the points {self.points}: measure them again")

    def at(self, n: int) -> float:
        """Between the sizes and beyond them in a straight line. From one size only: n."""
        if len(self.points) == 1:
            return float(n)
        later = (i for i, (size, _) in enumerate(self.points[1:], 1) if size >= n)
        i = next(later, len(self.points) - 1)
        (low, before), (high, after) = self.points[i - 1 : i + 1]
        return before + (after - before) * (n - low) / (high - low)


def measure_curve(
    model: LanguageModel, tokens: Sequence[int], *, clock: Clock = time.perf_counter
) -> CostCurve:
    """Of `model` behind `tokens`, which stay in its cache. Stops after a second, with what it has.

    Raises what reading raises; `ContextFull` where there is no room for one more token.
    """
    room = max(1, model.n_ctx - len(tokens))
    more = (list(tokens) * LONGEST)[:LONGEST]
    sizes = [size for size in SIZES if size <= room]
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    model.read(tokens, last=0)
    left = _SECONDS_ALLOWED
    for _ in range(_ROUNDS):
        for size in sizes:
            if left <= 0 and seconds[size]:
                break
            if left <= -_SECONDS_ALLOWED:  # a slow model: the rest follows from these
                break
            started = clock()
            model.read([*tokens, *more[:size]], last=size)
            elapsed = clock() - started
            seconds[size].append(elapsed)
            left -= elapsed
    fastest = {size: min(found) for size, found in sorted(seconds.items()) if found}
    return CostCurve(
        tuple((size, found / fastest[1]) for size, found in fastest.items()), fastest[1]
    )


class BatchCosts:
    """Costs by the number of new tokens, 1 to LONGEST + 1: a curve, corrected by every read."""

    def __init__(self, curve: CostCurve) -> None:
        self.costs = [0.0, *(curve.at(n) for n in range(1, LONGEST + 2))]

    def correct(self, n: int, measured: float) -> None:
        """One read of `n` tokens cost `measured`: most is learned about batches of this size."""
        off = min(max(measured / self.costs[n], 0.5), 2.0)
        own, other = off**0.25, off**0.1
        self.costs[2:] = [
            cost * (own if size == n else other) for size, cost in enumerate(self.costs[2:], 2)
        ]
