"""Exact statistics of answers that are right or wrong, and a seeded bootstrap of scores between 0 and 1.

Small samples are the rule here, so nothing is approximated that can be counted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
_Z_TWO_SIDED, _Z_POWER = 1.959964, 0.841621
"""Of 5 % at both ends, and of a power of 80 %."""
_N_RESAMPLES = 2000
_AT_ONCE = 50
_N_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float


def wilson_interval(n_right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); (0, 1) of nothing."""
    if n == 0:
        return 0.0, 1.0
    p = n_right / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(n_hits: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a proportion (Clopper and Pearson 1934): never covers less than `level`."""
    tail = (1 - level) / 2
    low = 0.0 if n_hits == 0 else _root(lambda p: at_least(n_hits, n, p) - tail)
    high = 1.0 if n_hits == n else _root(lambda p: tail - at_most(n_hits, n, p))
    return low, high


def at_least(n_hits: int, n: int, p: float) -> float:
    """P(X >= n_hits) of a binomial X."""
    return math.fsum(_binomial(k, n, p) for k in range(n_hits, n + 1))


def at_most(n_hits: int, n: int, p: float) -> float:
    """P(X <= n_hits) of a binomial X."""
    return math.fsum(_binomial(k, n, p) for k in range(n_hits + 1))


def _binomial(k: int, n: int, p: float) -> float:
    """0 < p < 1; by logarithms, since the coefficients leave the range of a float."""
    chosen = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(chosen + k * math.log(p) + (n - k) * math.log1p(-p))


def _root(rises: Callable[[float], float]) -> float:
    """Where a function that rises over (0, 1) is 0."""
    low, high = 0.0, 1.0
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) > 0 else (middle, high)
    return (low + high) / 2


def discordant(ours: Sequence[bool], theirs: Sequence[bool]) -> tuple[int, int]:
    """(wins, losses): the questions that only we, and only they, answer rightly."""
    pairs = list(zip(ours, theirs, strict=True))
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)


def paired_p_value(ours: Sequence[bool], theirs: Sequence[bool]) -> float:
    """McNemar's exact test, two-sided: are two systems on the same questions equally good?"""
    return sign_test(*discordant(ours, theirs))


def sign_test(wins: int, losses: int) -> float:
    """P(a split at least as uneven, of so many fair coins), two-sided."""
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1)) / 2**n if n else 1.0
    return min(1.0, 2 * tail)


def highest_gain(wins: int, losses: int, n: int, n_tests: int = 1) -> float:
    """The upper end of what we may gain over them: a one-sided 95 % bound of (wins - losses) / n.

    `n_tests`: of so many such bounds together (Bonferroni)."""
    z = _one_sided(n_tests)
    rate, gain, size = _smoothed(wins, losses, n, z)
    return gain + z * math.sqrt(max(0.0, rate - gain**2) / size)


def _one_sided(n_tests: int) -> float:
    return NormalDist().inv_cdf(1 - (1 - LEVEL) / n_tests)


def _smoothed(wins: int, losses: int, n: int, z: float) -> tuple[float, float, float]:
    """The share of pairs that differ, the difference of the shares, and the number of pairs.

    z^2 pairs are added, half of them wins, as in Wilson's interval: two that never differed so far may
    still differ.
    """
    added = z**2
    size = n + added
    return (wins + losses + added) / size, (wins - losses) / size, size


def questions_needed(wins: int, losses: int, n: int, worth: float, n_tests: int = 1) -> int:
    """How many more questions about tell the two apart, or tell that the gain is less than `worth`.

    From the rate of pairs that differ: for McNemar's test with a power of 80 % (Connor 1987), or until
    `highest_gain` is below `worth`, whichever comes first. At least 1.
    """
    z = _one_sided(n_tests)
    rate, gain, _ = _smoothed(wins, losses, n, z)
    wanted = []
    if gain:
        spread = _Z_TWO_SIDED * math.sqrt(rate) + _Z_POWER * math.sqrt(max(0.0, rate - gain**2))
        wanted.append((spread / gain) ** 2)
    if gain < worth:
        wanted.append(z**2 * rate / (worth - gain) ** 2)
    return max(1, math.ceil(min(wanted) - n)) if wanted else 1


def bootstrap(
    values: Sequence[float], *, seed: int = 0, n_resamples: int = _N_RESAMPLES
) -> Measured:
    """The mean of independent values, with a percentile interval over resamples of them."""
    known = np.asarray(values, np.float64)
    if not len(known):
        return Measured(0.0, 0.0, 1.0)
    rng, shares = np.random.default_rng(seed), np.full(len(known), 1 / len(known))
    # How often each value is drawn, a few resamples at a time: (_AT_ONCE, n).
    means = [
        rng.multinomial(len(known), shares, size=_AT_ONCE) @ known / len(known)
        for _ in range(n_resamples // _AT_ONCE)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Measured(float(known.mean()), float(low), float(high))
