"""What a read of several new tokens costs beside a read of one: measured here, never assumed.

Kernels come in sizes, so a batch of 4 may cost less than two tokens on one machine and nearly four on
another. Where a curve is remembered is left to the callers.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from localcollab.decoding.acceptance import least_rate
from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel

LONGEST = 16
"""Tokens proposed at once, at most."""
SIZES = (4, 2, 8, 16)
"""Of the batches that are measured, the most telling first."""
_ROUNDS = 3
_SECONDS_ALLOWED = 1.0
_STEADY, _ROUGHLY = 1.3, 1.1
"""On a machine that does nothing else: the median time of one token over the least one, and the cost of
a batch over that of the next larger one."""
_FEW_PREEMPTIONS, _PREEMPTIONS_A_SECOND = 20, 200.0
"""At most: threads that compete for cores are interrupted thousands of times a second, others ten."""

WORTH_IT = 1.03
"""Expected speed, relative to none, from which on tokens are proposed."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class CostCurve:
    """Cost of a read by its number of new tokens, relative to one token."""

    points: tuple[tuple[int, float], ...]
    """(tokens, cost), ascending, from (1, 1.0)."""
    seconds: float
    """Of one token, when it was measured."""
    is_steady: bool = True
    """Nothing else took the machine meanwhile: worth remembering."""

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


TYPICAL = CostCurve(((1, 1.0), (2, 1.8), (4, 2.7), (8, 4.2), (16, 7.4)), 0.01, is_steady=False)
"""Of a small quantized model on two cores, where batches gain little: until another one is known."""


def measure_curve(
    model: LanguageModel, tokens: Sequence[int], *, clock: Clock = time.perf_counter
) -> CostCurve:
    """Of `model` behind `tokens`, which stay in its cache. Stops after a second, with what it has.

    llama.cpp builds another graph where the number of tokens changes, also on the way back to one: a
    batch costs what it takes, and what the token after it takes more than others. Raises what reading
    raises.
    """
    timed = _Timed(model, tokens, clock)
    model.read(tokens, last=0)
    before, started = _preemptions(), time.perf_counter()
    fastest: dict[int, float] = {}
    for _ in range(_ROUNDS):
        timed.ones()
        for size in [size for size in SIZES if size < timed.room]:
            if timed.total < _SECONDS_ALLOWED or not fastest:
                seconds = timed.batch(size)
                fastest[size] = min(fastest.get(size, seconds), seconds)
    one = min(timed.ones_seconds)
    costs = {size: max(seconds - one, one) / one for size, seconds in sorted(fastest.items())}
    rises = all(a <= _ROUGHLY * b for a, b in pairwise((1.0, *costs.values())))
    most = _FEW_PREEMPTIONS + _PREEMPTIONS_A_SECOND * (time.perf_counter() - started)
    had_the_cores = _preemptions() - before <= most
    is_steady = had_the_cores and rises and median(timed.ones_seconds) <= _STEADY * one
    return CostCurve(((1, 1.0), *costs.items()), one, is_steady)


def _preemptions() -> int:
    """How often the system took a core from a thread of this process; 0 where it does not count that."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


class _Timed:
    """Reads behind `tokens`, and what they took."""

    def __init__(self, model: LanguageModel, tokens: Sequence[int], clock: Clock) -> None:
        self._model, self._tokens, self._clock = model, list(tokens), clock
        self._more = (self._tokens * (LONGEST + 1))[: LONGEST + 1]
        self.room = min(model.n_ctx - len(tokens), len(self._more))
        self.ones_seconds: list[float] = []
        """Of one token after another one."""
        self.total = 0.0

    def ones(self) -> None:
        n = min(3, self.room)
        seconds = [self._read(at, 1) for at in range(1, n + 1)]
        self.ones_seconds += seconds[1:] or seconds

    def batch(self, size: int) -> float:
        """Seconds of `size` tokens at once and of one more."""
        return self._read(size, size) + self._read(size + 1, 1)

    def _read(self, n: int, last: int) -> float:
        started = self._clock()
        self._model.read([*self._tokens, *self._more[:n]], last=last)
        elapsed = self._clock() - started
        self.total += elapsed
        return elapsed


class BatchCosts:
    """Costs by the number of new tokens, 1 to LONGEST + 1: a curve, corrected by every read."""

    def __init__(self, curve: CostCurve) -> None:
        self.costs = [0.0, *(curve.at(n) for n in range(1, LONGEST + 2))]
        self.least_rate = least_rate(self.costs, WORTH_IT)
        """Of a first token; below it nothing can gain."""

    @property
    def may_gain(self) -> bool:
        return self.least_rate < 1

    def correct(self, n: int, measured: float) -> None:
        """One read of `n` tokens cost `measured`: most is learned about batches of this size."""
        off = min(max(measured / self.costs[n], 0.5), 2.0)
        own, other = off**0.25, off**0.1
        self.costs[2:] = [
            cost * (own if size == n else other) for size, cost in enumerate(self.costs[2:], 2)
        ]
        self.least_rate = least_rate(self.costs, WORTH_IT)
