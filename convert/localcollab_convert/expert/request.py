"""The request of `convert expert` and its result: frozen records without torch."""

import math
from dataclasses import dataclass
from pathlib import Path

from localcollab.catalog import Catalog, Familiarity
from localcollab.errors import BadOption
from localcollab.llama.header import read_header
from localcollab_convert.staging.ranges import (
    MAX_SEED,
    require_above_0,
    require_between,
    require_choice,
)
from localcollab_convert.study.texts import Text

MAX_MINUTES = 60 * 24
MAX_STEPS = 10**6
TINY = 20_000_000
"""Parameters: a base with fewer has nothing that a LoRA of it could build on."""
CONTINUED = "base"
"""The size of an expert that continues from the base's weights."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a model from scratch. Feed-forward widths are multiples of 256, as K-quants need."""

    n_layers: int
    n_embd: int
    n_heads: int
    n_ff: int


SHAPES = {
    "tiny": Shape(3, 128, 4, 256),
    "small": Shape(4, 256, 8, 768),
    "medium": Shape(6, 384, 12, 1024),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertRequest:
    name: str
    """Of the model, the head and the team in the catalogue."""
    base: str
    """A model of the catalogue."""
    texts: tuple[Text, ...]
    out: Path
    """A folder: NAME.gguf, NAME.safetensors and the stages."""
    catalog: Catalog
    minutes: float = 20.0
    n_steps: int | None = None
    """Exact number of steps instead of minutes: reproducible on machines of one kind."""
    size: str = "auto"
    """A key of `SHAPES`, "base" (continued from the base's weights), or "auto"."""
    like: str | None = None
    """A team on the same base, whose head is reused."""
    place: str | None = None
    """The expert of `like` that the new one replaces."""
    seed: int = 0
    price: float = 0.05

    def __post_init__(self) -> None:
        """Raises `BadOption`, `BadCatalog`."""
        require_choice("size", self.size, ("auto", CONTINUED, *SHAPES))
        require_duration(self.minutes, self.n_steps)
        require_between("seed", self.seed, 0, MAX_SEED)
        require_between("price", self.price, 0, 10)
        if (self.like is None) != (self.place is None):
            raise BadOption(
                "`like` (a team) and `place` (its expert to replace) go together: give both"
            )
        if self.like is not None:
            self._require_place(self.like)

    def _require_place(self, like: str) -> None:
        team = self.catalog.team(like).require_deferral()
        if self.place not in team.experts:
            raise BadOption(
                f"`place` is {self.place!r}: the team {like!r} has {', '.join(team.experts)}"
            )
        if team.head is None:
            raise BadOption(f"`like` is {like!r}, a team without a head to reuse: leave it out")


def is_tiny(base: Path) -> bool:
    """Whether a small model from scratch suits this base better. Raises `BadModelFile`."""
    return sum(math.prod(tensor.shape) for tensor in read_header(base).tensors) < TINY


def require_duration(minutes: float, n_steps: int | None) -> None:
    """Raises `BadOption`."""
    require_above_0("minutes", minutes, MAX_MINUTES)
    if n_steps is not None:
        require_between("n_steps", n_steps, 1, MAX_STEPS)


@dataclass(frozen=True, slots=True)
class ExpertResult:
    expert: Path
    head: Path
    n_texts: int
    n_steps: int
    seconds: float
    perplexity: tuple[float, float]
    """Of the held-out texts, untrained and before they joined the training; NaN where there are none."""
    recalled: float
    """Perplexity of the training texts."""
    nll: dict[str, float]
    """Nats a token of the answers to the generated questions: base, experts, mixture, head, oracle."""
    familiar: Familiarity | None
    """How the expert recognizes unknown names; None where it cannot."""
