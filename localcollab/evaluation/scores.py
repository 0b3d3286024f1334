"""Answers -> accuracy with its interval, and the tests that compare two systems; exact where cheap."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from localcollab.evaluation.questions import Question, is_right

MAX_TOKENS = 96
"""Of an answer to a question."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer of one system."""

    question: Question
    text: str
    authors: Mapping[str, int]
    seconds: float
    flagged: bool = False
    """The answer carries a double-check."""

    @property
    def right(self) -> bool:
        return is_right(self.text, self.question.gold)


@dataclass(frozen=True, slots=True)
class Score:
    """A system on a set of questions."""

    n: int
    accuracy: float
    interval: tuple[float, float]
    """95 %, Wilson."""
    by_kind: Mapping[str, float] = field(default_factory=dict)
    by_wording: Mapping[str, float] = field(default_factory=dict)
    tokens_per_second: float = 0.0


def score(outcomes: Sequence[Outcome]) -> Score:
    n_right = sum(o.right for o in outcomes)
    seconds = sum(o.seconds for o in outcomes)
    n_tokens = sum(sum(o.authors.values()) for o in outcomes)
    return Score(
        n=len(outcomes),
        accuracy=n_right / len(outcomes) if outcomes else 0.0,
        interval=wilson_interval(n_right, len(outcomes)),
        by_kind=accuracy_by(outcomes, lambda o: o.question.kind),
        by_wording=accuracy_by(outcomes, lambda o: o.question.wording),
        tokens_per_second=n_tokens / seconds if seconds else 0.0,
    )


def accuracy_by(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> dict[str, float]:
    groups: dict[str, list[bool]] = {}
    for outcome in outcomes:
        if key(outcome):
            groups.setdefault(key(outcome), []).append(outcome.right)
    return {name: sum(right) / len(right) for name, right in sorted(groups.items())}


def wilson_interval(n_right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); (0, 1) of nothing."""
    if n == 0:
        return 0.0, 1.0
    p = n_right / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def paired_p_value(ours: Sequence[bool], theirs: Sequence[bool]) -> float:
    """McNemar's exact test, two-sided: are two systems on the same questions equally good?"""
    wins = sum(a and not b for a, b in zip(ours, theirs, strict=True))
    losses = sum(b and not a for a, b in zip(ours, theirs, strict=True))
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1)) / 2**n if n else 1.0
    return min(1.0, 2 * tail)
