"""The team or the member? From answers to questions that chose neither."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localcollab.catalog.evidence import Decision
from localcollab.evaluation.statistics import (
    clopper_pearson,
    discordant,
    highest_gain,
    questions_needed,
    sign_test,
)

WORTH = 0.03
"""The least gain in accuracy for which a team's further models are worth their cost."""
_SURE = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: Decision
    n: int
    wins: int
    """Questions that only the team answers rightly."""
    losses: int
    p: float
    """McNemar's exact test."""
    highest_gain: float
    """What the team may gain at most: a one-sided 95 % bound."""
    n_more: int = 0
    """About so many more questions would tell; 0 where it is known."""


def judge(team: Sequence[bool], member: Sequence[bool], worth: float = WORTH) -> Verdict:
    """`team`: it is better. `member`: it is better, or the team's gain is below `worth` at 95 %, and
    a member alone costs less. Otherwise it is not known."""
    n = len(team)
    wins, losses = discordant(team, member)
    p, most = sign_test(wins, losses), highest_gain(wins, losses, n)
    decision: Decision = "unknown"
    if p < _SURE:
        decision = "team" if wins > losses else "member"
    elif most < worth:
        decision = "member"
    n_more = questions_needed(wins, losses, n, worth) if decision == "unknown" else 0
    return Verdict(decision, n, wins, losses, p, most, n_more)


@dataclass(frozen=True, slots=True)
class Together:
    """What the members get wrong together: 1 - beta bounds whoever picks among their answers. A team
    that mixes them token by token is not bound by it."""

    beta: float
    low: float
    high: float
    """Clopper and Pearson, 95 %."""

    @property
    def bound(self) -> float:
        return 1 - self.beta


def together(members: Mapping[str, Sequence[bool]]) -> Together:
    """`members`: right or wrong, by question."""
    all_wrong = [not any(rights) for rights in zip(*members.values(), strict=True)]
    n_wrong, n = sum(all_wrong), len(all_wrong)
    low, high = clopper_pearson(n_wrong, n)
    return Together(n_wrong / n if n else 0.0, low, high)
