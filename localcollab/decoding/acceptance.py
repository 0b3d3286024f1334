"""How often a proposed token is the one that is written, and how many are worth proposing."""

from collections.abc import Sequence

_WINDOW = 256
"""Observations that one class remembers: what a conversation is about changes."""
_PRIOR_WEIGHT = 8.0
_KEPT = 8.0


class Acceptance:
    """A running estimate for each class of proposals, which begins at a prior."""

    def __init__(self, prior: Sequence[float]) -> None:
        self._prior = tuple(prior)
        self._n = [0.0] * len(prior)
        self._hits = [0.0] * len(prior)
        self.rates = list(prior)
        """By class."""

    def add(self, which: int, *, is_hit: bool) -> None:
        n, hits = self._n[which] + 1, self._hits[which] + is_hit
        if n > _WINDOW:
            n, hits = n / 2, hits / 2
        self._n[which], self._hits[which] = n, hits
        self._estimate(which)

    def fade(self, keep: float = _KEPT) -> None:
        """For the next answer, which may be of another kind: half of what was seen still counts, and no
        more than `keep` observations. So what failed is tried again some day."""
        for which in range(len(self._n)) if any(self._n) else ():
            n = self._n[which]
            if n:
                kept = min(n / 2, keep)
                self._hits[which] *= kept / n
                self._n[which] = kept
                self._estimate(which)

    def copy(self) -> "Acceptance":
        other = Acceptance(self._prior)
        other._n, other._hits, other.rates = self._n[:], self._hits[:], self.rates[:]
        return other

    def _estimate(self, which: int) -> None:
        prior = _PRIOR_WEIGHT * self._prior[which]
        self.rates[which] = (self._hits[which] + prior) / (self._n[which] + _PRIOR_WEIGHT)


def least_rate(costs: Sequence[float], speed: float) -> float:
    """The chance of the first token below which no depth reaches `speed`, were all after it right.
    `costs` as in `best_depth`."""
    return min((speed * cost - 1) / n for n, cost in enumerate(costs[2:], 1))


def best_depth(
    rates: Sequence[float], costs: Sequence[float], price: float = 0.0
) -> tuple[int, float]:
    """(number of tokens to propose, expected speed relative to none) with the highest speed; (0, 1.0)
    where none gains.

    `rates[j]`: the chance of the token j + 1 if all before it are accepted. `costs[n]`: a read of n
    tokens, in reads of one. `price`: to propose one token.
    """
    depth, speed = 0, 1.0
    survival = written = 1.0
    for n, rate in enumerate(rates, 1):
        survival *= rate
        written += survival
        found = written / (costs[n + 1] + n * price)
        if found > speed:
            depth, speed = n, found
        elif survival < 0.05:
            break
    return depth, speed


def deepest(costs: Sequence[float], most: float, price: float = 0.0) -> int:
    """How many tokens may be proposed so that no more than `most` is lost if all of them are wrong, in
    reads of one. `costs` and `price` as in `best_depth`."""
    lost = (cost - 1 + n * price for n, cost in enumerate(costs[2:], 1))
    return next((n for n, loss in enumerate(lost) if loss > most), len(costs) - 2)
