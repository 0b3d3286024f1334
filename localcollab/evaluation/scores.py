"""Answers -> accuracy and the mean of every measure, with intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from localcollab.evaluation.questions import Question
from localcollab.evaluation.statistics import Measured, bootstrap, wilson_interval


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer of one system."""

    question: Question
    text: str
    authors: Mapping[str, int]
    seconds: float
    flagged: bool = False
    """The answer carries a double-check."""
    confidence: float | None = None
    """Mean log-probability of its tokens, in nats; of a choice the log of its share."""
    known_score: float | None = None
    """The score, where it is known already: code is not run twice."""

    @property
    def score(self) -> float:
        """0 to 1, by the question's measure."""
        if self.known_score is not None:
            return self.known_score
        return self.question.score(self.text)

    @property
    def right(self) -> bool:
        return self.score >= self.question.enough


def scored(outcome: Outcome) -> Outcome:
    """With its score in it."""
    return replace(outcome, known_score=outcome.score)


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
    measures: Mapping[str, Measured] = field(default_factory=dict)
    """Mean score by measure; empty where every question is measured by the whole answer."""


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
        measures=_measures(outcomes),
    )


def _measures(outcomes: Sequence[Outcome]) -> dict[str, Measured]:
    groups: dict[str, list[float]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.question.measure, []).append(outcome.score)
    if set(groups) <= {"exact"}:
        return {}
    return {name: bootstrap(values) for name, values in sorted(groups.items())}


def accuracy_by(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> dict[str, float]:
    groups: dict[str, list[bool]] = {}
    for outcome in outcomes:
        if key(outcome):
            groups.setdefault(key(outcome), []).append(outcome.right)
    return {name: sum(right) / len(right) for name, right in sorted(groups.items())}
