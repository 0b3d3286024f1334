"""What `convert head` is asked for, and what it made: frozen records without torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from localcollab.errors import BadOption
from localcollab.teams.open import TeamPlan

Metric = Literal["exact", "f1", "logprob"]
StageName = Literal["export", "train", "calibrate"]


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `work` keeps what a resumed run goes on with."""

    plan: TeamPlan
    data: Path
    out: Path
    work: Path
    valid: Path | None = None
    seed: int = 0
    width: int = 0
    price: float = 0.0
    metric: Metric | None = None
    """None: exact match where there are answers, log-prob for plain text."""
    calibrate_on: int = 100
    force: bool = False
    n_ctx: int | None = None
    n_threads: int | None = None

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        if not 0 <= self.seed < 2**63:
            raise BadOption(f"--seed is {self.seed}: give a number from 0 to {2**63 - 1}")


@dataclass(frozen=True, slots=True)
class Training:
    nll: dict[str, float]
    """Nats a validation token, named as in `HeadMetadata.metrics`."""
    n_train: int
    n_valid: int


@dataclass(frozen=True, slots=True)
class Point:
    """The validation data at one threshold."""

    threshold: float
    metric: float
    deferral_rate: float
    """Share of the written tokens that are an expert's."""
    tokens_per_second: float | None = None
    """None where nothing was generated."""
    by_kind: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished head."""

    path: Path
    sha256: str
    training: Training
    metric: Metric
    points: list[Point]
    chosen: Point
