"""What `convert calm` is asked for, and what it made: frozen records without torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.methods.bridges import LayerPair
from localcollab.teams.open import Member

_LAYERS_A_PAIR = 4
_FEWEST_PAIRS = 3


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the trained bits depend on, besides models, layers and examples."""

    n_inner: int = 256
    """Width of the keys and values, of all heads together."""
    n_heads: int = 4
    seed: int = 0
    n_steps: int = 1000
    """At most."""
    batch: int = 32
    """Examples a step."""
    learning_rate: float = 2e-3
    warmup_steps: int = 30
    weight_decay: float = 0.01
    eval_every: int = 50
    n_valid: int = 256
    """At most so many validation examples at an evaluation."""
    patience: int = 6
    """Evaluations without a better validation loss, then training ends."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        for option, value, most in (
            ("--heads", self.n_heads, 1024), ("--inner", self.n_inner, 2**16),
            ("--steps", self.n_steps, 10**8), ("--batch", self.batch, 2**16),
        ):  # fmt: skip
            if not 1 <= value <= most:
                raise BadOption(f"{option} is {value}: give a number from 1 to {most}")
        if self.n_inner % self.n_heads:
            raise BadOption(
                f"--inner {self.n_inner} cannot be cut into {self.n_heads} heads: give a multiple"
            )
        if not 0 <= self.seed < 2**63:
            raise BadOption(f"--seed is {self.seed}: give a number from 0 to {2**63 - 1}")
        if not 0 < self.learning_rate <= 1:
            raise BadOption(f"--learning-rate is {self.learning_rate}: give more than 0, at most 1")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `work` keeps what a resumed run goes on with."""

    anchor: Member
    augmenting: tuple[Member, ...]
    data: Path
    out: Path
    work: Path
    valid: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    n_pairs: int | None = None
    """Of each augmenting model; None: one for about every 4th layer of the anchor."""
    layers: tuple[tuple[int, int], ...] = ()
    """(augmenting layer, anchor layer) for every augmenting model, in place of `n_pairs`."""
    half: bool = False
    measure_on: int = 100
    force: bool = False
    n_ctx: int | None = None
    n_threads: int | None = None

    def pairs(self, n_anchor: int, n_augmenting: Sequence[int]) -> tuple[LayerPair, ...]:
        """For models of so many layers. Raises `BadOption`."""
        return tuple(
            LayerPair(model, source, target)
            for model, n_layers in enumerate(n_augmenting)
            for source, target in self._pairs_with(n_layers, n_anchor)
        )

    def _pairs_with(self, n_augmenting: int, n_anchor: int) -> list[tuple[int, int]]:
        if not self.layers:
            return spread_pairs(n_augmenting, n_anchor, self.n_pairs)
        for source, target in self.layers:
            if not (0 <= source < n_augmenting and 0 <= target < n_anchor - 1):
                raise BadOption(
                    f"--layers {source}:{target} is outside: the augmenting model's go from 0 to "
                    f"{n_augmenting - 1}, the anchor's from 0 to {n_anchor - 2}"
                )
        return list(self.layers)


def spread_pairs(
    n_augmenting: int, n_anchor: int, n_pairs: int | None = None
) -> list[tuple[int, int]]:
    """Layer pairs in even distances: up to the augmenting model's last layer, where what it would say
    is plainest, and the anchor's last but one, behind which nothing can be added. Raises `BadOption`.
    """
    room = min(n_augmenting, n_anchor - 1)
    usual = max(round(n_anchor / _LAYERS_A_PAIR), min(_FEWEST_PAIRS, room))
    n = usual if n_pairs is None else n_pairs
    if not 1 <= n <= room:
        raise BadOption(
            f"--pairs is {n}, and these models have {n_augmenting} and {n_anchor} layers: give 1 to "
            f"{room}"
        )
    return [(_spread(n, i, n_augmenting), _spread(n, i, n_anchor - 1)) for i in range(n)]


def _spread(n: int, i: int, n_layers: int) -> int:
    """Layer i of n that are evenly spread over the first `n_layers` and end with the last of them."""
    return round((i + 1) * n_layers / n) - 1


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A point of the curve, nats an answer token."""

    step: int
    train_loss: float
    """Mean over the steps since the point before; at step 0 the validation loss of the anchor."""
    valid_loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    curve: tuple[Evaluated, ...]
    n_train: int
    n_valid: int
    n_parameters: int

    @property
    def anchor_loss(self) -> float:
        """Of the anchor alone: a fresh bridge changes nothing."""
        return self.curve[0].valid_loss

    @property
    def best(self) -> Evaluated:
        return min(self.curve, key=lambda point: point.valid_loss)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Whole answers right, written greedily by the runtime on the GGUF files."""

    n: int
    anchor: float
    composed: float
    by_kind: dict[str, tuple[float, float]] = field(default_factory=dict)
    """(anchor, composed)"""


@dataclass(frozen=True, slots=True)
class Made:
    """A finished bridge."""

    path: Path
    sha256: str
    pairs: tuple[LayerPair, ...]
    trained: Trained
    accuracy: Accuracy | None
    """None: plain text, which nobody asked for."""
