"""The request of `convert head` and its results: frozen records without torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from localcollab.errors import BadOption
from localcollab_convert.export.request import ExportRequest
from localcollab_convert.staging.ranges import (
    require_at_least,
    require_between,
    require_choice,
    require_suffix,
)

Metric = Literal["exact", "f1", "logprob"]
LEAST_STEPS = 201
"""The first is measured after 200 steps of weak supervision."""
StageName = Literal["export", "train", "calibrate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRequest(ExportRequest):
    out: Path
    stage: StageName | None = None
    """None: all."""
    width: int = 0
    """Of a hidden layer; 0: a linear head."""
    price: float = 0.0
    """Nats a token by which the expert must be better than the base."""
    metric: Metric | None = None
    """None: exact match where there are answers, log-prob for plain text."""
    calibrate_on: int = 100
    """Maximum number of validation answers a threshold."""
    n_steps: int = 4000
    """Maximum number of training steps of a recipe."""
    force: bool = False
    second_thoughts: bool = False
    """Train the second output as well: was this span right?"""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        ExportRequest.__post_init__(self)
        if self.plan.method is not None or len(self.plan.members) < 2:
            raise BadOption(
                "a head needs a base and at least one expert: give `experts`, or a deferral `team`"
            )
        require_suffix("out", self.out, ".safetensors")
        require_between("width", self.width, 0, 65536)
        require_between("price", self.price, 0, 10)
        require_at_least("n_steps", self.n_steps, LEAST_STEPS)
        require_at_least("calibrate_on", self.calibrate_on, 1)
        for name, value, choices in (
            ("metric", self.metric, get_args(Metric)), ("stage", self.stage, get_args(StageName)),
        ):  # fmt: skip
            if value is not None:
                require_choice(name, value, choices)


@dataclass(frozen=True, slots=True)
class ExportedData:
    """Result of the stage `export`."""

    n_tokens: int
    n_shards: int


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """Result of the stage `train`."""

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
    """Share of the tokens written by an expert."""
    tokens_per_second: float | None = None
    """None where nothing was generated."""
    by_kind: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeadResult:
    """A finished head."""

    path: Path
    sha256: str
    training: TrainedHead
    metric: Metric
    points: list[Point]
    chosen: Point
    members: list[str]
    spans: dict[str, float] = field(default_factory=dict)
    """Of the second output: `spans` that it was calibrated on, `wrong spans`, `span AUC`, `span ECE`,
    `least right`."""
