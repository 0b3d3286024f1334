"""What was measured, as records; `report` shows them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from localcollab.catalog.evidence import CurvePoint
from localcollab.evaluation.statistics import wilson_interval
from localcollab.teams.plan import BASE
from localcollab.tuning.journal import Answer
from localcollab.tuning.verdict import Together, Verdict


@dataclass(frozen=True, slots=True)
class Measured:
    """Somebody, in a form, on one half of the questions."""

    name: str
    form: str
    kind: str
    """member, or a contender's."""
    n: int
    accuracy: float
    interval: tuple[float, float]
    """95 %, Wilson."""
    ms_per_token: float
    """Of whole answers, prompts included; whoever picks pays for all that it picks among."""
    rate: float | None = None
    """Share of the tokens that experts wrote; None where nobody is a base."""
    tokens_per_answer: float = 0.0
    answered: float = 1.0
    """The share of answers that are not empty."""

    @property
    def merit(self) -> tuple[float, float, float]:
        """More is better: of equally right ones, who answers more often, then who writes less."""
        return self.accuracy, self.answered, -self.tokens_per_answer


def measured(name: str, form: str, answers: Sequence[Answer], kind: str = "member") -> Measured:
    n, n_right = len(answers), sum(answer.right for answer in answers)
    n_tokens = sum(answer.n_tokens for answer in answers)
    written = sum(sum(answer.authors.values()) for answer in answers)
    by_base = sum(answer.authors.get(BASE, 0) for answer in answers)
    return Measured(
        name, form, kind, n, n_right / n if n else 0.0, wilson_interval(n_right, n),
        1000 * sum(answer.seconds for answer in answers) / max(1, n_tokens),
        1 - by_base / written if kind == "tokens" and written else None, n_tokens / n if n else 0.0,
        sum(bool(answer.text.strip()) for answer in answers) / n if n else 0.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TuneResult:
    n_choose: int
    n_quote: int
    n_shown: int
    """Questions that were examples in prompts, and asked of nobody."""
    singles: list[Measured]
    """Every member in every form, on the half that chose."""
    teams: list[Measured]
    """On the half that chose."""
    best: Measured
    """The member that was best on the other half."""
    members: list[Measured]
    """Each in its best form, on the other half."""
    together: Together
    winner: Measured | None = None
    """The team that was best on the first half, on the other half; None: there was none to try."""
    verdict: Verdict | None = None
    curve: tuple[CurvePoint, ...] = field(default=())
    written: Path | None = None
    """The models.toml that holds the winner now."""

    def record(self) -> dict[str, Any]:
        return asdict(self) | {
            "bound": self.together.bound,
            "written": self.written and str(self.written),
        }
