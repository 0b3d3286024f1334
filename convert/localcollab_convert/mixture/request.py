"""The request of `convert mixture` and its result."""

from dataclasses import dataclass
from pathlib import Path

from localcollab.catalog import Mixture
from localcollab.errors import BadOption
from localcollab_convert.export.request import ExportRequest
from localcollab_convert.staging.ranges import require_suffix


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureRequest(ExportRequest):
    out: Path
    force: bool = False

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        ExportRequest.__post_init__(self)
        require_suffix("out", self.out, ".json")
        plan = self.plan
        if isinstance(plan.method, Mixture) and plan.method.space == "log":
            raise BadOption(
                f"{plan.name} mixes log-probs, and its best weights cannot be computed from the "
                'members\' likelihoods: give space = "probability", or weights of your own'
            )
        is_mixture = plan.method is None or isinstance(plan.method, Mixture)
        if not is_mixture or len(plan.members) < 2:
            raise BadOption(
                f"{plan.name}: neither a mixture nor a base with experts: choose one of these"
            )


@dataclass(frozen=True, slots=True)
class MixtureResult:
    path: Path
    names: tuple[str, ...]
    weights: tuple[float, ...]
    nll: dict[str, float]
    """Nats a validation token: of the members by position from 1, of `equal` and `fitted` weights."""
    n_train: int
    n_valid: int
