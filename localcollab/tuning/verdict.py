"""The team or a member? From answers to questions that chose no form and no team.

The best member is whoever is right most often on these same questions: one that was chosen on others,
by a few of them, may be the weaker one, and a team that beats the weaker one is worth nothing. What
that choice could gain is paid for: a team has to beat every member, and what is said of one member
holds for as many tests as there are members (Bonferroni).
"""

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
    member: str
    """The best one."""
    n: int
    wins: int
    """Questions that only the team answers rightly."""
    losses: int
    p: float
    """McNemar's exact test; of the member that the team is told apart from least, if it is better."""
    highest_gain: float
    """What the team may gain over the best member at most: a one-sided 95 % bound."""
    n_more: int = 0
    """About so many more questions would tell; 0 where it is known."""


def judge(
    team: Sequence[bool], members: Mapping[str, Sequence[bool]], worth: float = WORTH
) -> Verdict:
    """`members`: by name; of equally right ones the first. `team`: it is better than each of them.
    `member`: the best one is better, or the team's gain is below `worth` at 95 %, and a member alone
    costs less. Otherwise it is not known."""
    n, n_members = len(team), len(members)
    best = max(members, key=lambda name: sum(members[name]))
    wins, losses = discordant(team, members[best])
    p, most = sign_test(wins, losses), highest_gain(wins, losses, n, n_members)
    decision: Decision = "unknown"
    if wins > losses:
        p = max(sign_test(*discordant(team, rights)) for rights in members.values())
        decision = "team" if p < _SURE else "unknown"
    elif p < _SURE / n_members:
        decision = "member"
    if decision == "unknown" and most < worth:
        decision = "member"
    n_more = questions_needed(wins, losses, n, worth, n_members) if decision == "unknown" else 0
    return Verdict(decision, best, n, wins, losses, p, most, n_more)


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
