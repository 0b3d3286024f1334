"""The request of `convert calm` and its results: frozen records without torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.methods.bridges import LayerPair
from localcollab.teams.plan import Member
from localcollab_convert.staging.ranges import (
    MAX_SEED,
    require_above_0,
    require_at_least,
    require_between,
    require_suffix,
)

_LAYERS_PER_PAIR = 4
_MIN_PAIRS = 3


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the trained weights depend on, besides models, layers and examples."""

    n_inner: int = 256
    """Width of the keys and values, of all heads together."""
    n_heads: int = 4
    seed: int = 0
    n_steps: int = 1000
    """Maximum."""
    batch: int = 32
    """Examples a step."""
    learning_rate: float = 2e-3
    warmup_steps: int = 30
    weight_decay: float = 0.01
    eval_every: int = 50
    n_valid: int = 256
    """Maximum number of validation examples an evaluation."""
    patience: int = 6
    """Evaluations without a better validation loss before training stops."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        for name, value, most in (
            ("n_heads", self.n_heads, 1024), ("n_inner", self.n_inner, 2**16),
            ("n_steps", self.n_steps, 10**8), ("batch", self.batch, 2**16),
        ):  # fmt: skip
            require_between(name, value, 1, most)
        if self.n_inner % self.n_heads:
            raise BadOption(
                f"`n_inner` is {self.n_inner}, and `n_heads` is {self.n_heads}: give a multiple of the "
                "heads"
            )
        require_between("seed", self.seed, 0, MAX_SEED)
        require_above_0("learning_rate", self.learning_rate, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRequest:
    anchor: Member
    augmenting: tuple[Member, ...]
    data: Path
    out: Path
    work: Path
    """Folder of the stages."""
    valid: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    n_pairs: int | None = None
    """Layer pairs with each augmenting model. None: one for about every 4th layer of the anchor."""
    layers: tuple[tuple[int, int], ...] | None = None
    """(augmenting layer, anchor layer) for every augmenting model, instead of `n_pairs`."""
    half: bool = False
    measure_on: int = 100
    """Maximum number of validation answers before and after."""
    force: bool = False
    n_ctx: int | None = None
    n_threads: int | None = None

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_suffix("out", self.out, ".safetensors")
        require_at_least("measure_on", self.measure_on, 1)
        if not self.augmenting:
            raise BadOption("the anchor needs a model to attend to: give `augmenting`")
        names = [member.name for member in self.augmenting]
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            raise BadOption(
                f"`augmenting` has the name {repeated[0]} twice: rename one of the files"
            )
        adapted = [m.name for m in (self.anchor, *self.augmenting) if m.adapter]
        if adapted:
            raise BadOption(f"{adapted[0]} has an adapter: merge it into its weights first")
        if self.n_pairs is not None and self.layers is not None:
            raise BadOption(f"`n_pairs` is {self.n_pairs}, and `layers` is given too: choose one")
        if self.layers is not None and len(set(self.layers)) < len(self.layers):
            raise BadOption("`layers` has a pair twice: give each once, or more `n_heads`")

    def pairs(self, n_anchor: int, n_augmenting: Sequence[int]) -> tuple[LayerPair, ...]:
        """For models with these numbers of layers. Raises `BadOption`."""
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
                    f"`layers` has {source}:{target}, which is out of range: the augmenting model's "
                    f"layers go from 0 to {n_augmenting - 1}, the anchor's from 0 to {n_anchor - 2}"
                )
        return list(self.layers)


def parse_layers(text: str) -> tuple[tuple[int, int], ...]:
    """`0:0,1:2` -> ((0, 0), (1, 2)). Raises `BadOption`."""
    try:
        pairs = [pair.split(":") for pair in text.split(",")]
        return tuple((int(source), int(target)) for source, target in pairs)
    except ValueError:
        raise BadOption(
            f"`layers` is {text!r}: give AUGMENTING:ANCHOR layers, counted from 0, e.g. 0:0,1:2"
        ) from None


def spread_pairs(
    n_augmenting: int, n_anchor: int, n_pairs: int | None = None
) -> list[tuple[int, int]]:
    """Evenly spaced layer pairs, up to the augmenting model's last layer and the anchor's last but one:
    after its last layer nothing can be added. Raises `BadOption`."""
    most = min(n_augmenting, n_anchor - 1)
    usual = max(round(n_anchor / _LAYERS_PER_PAIR), min(_MIN_PAIRS, most))
    n = usual if n_pairs is None else n_pairs
    if not 1 <= n <= most:
        raise BadOption(
            f"`n_pairs` is {n}, and these models have {n_augmenting} and {n_anchor} layers: give 1 to "
            f"{most}"
        )
    return [(_spread(n, i, n_augmenting), _spread(n, i, n_anchor - 1)) for i in range(n)]


def _spread(n: int, i: int, n_layers: int) -> int:
    """Layer i of n that are evenly spaced over the first `n_layers` and end with the last of these."""
    return round((i + 1) * n_layers / n) - 1


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A point of the curve, nats an answer token."""

    step: int
    train_loss: float
    """Mean over the steps since the previous point; at step 0 the validation loss of the anchor."""
    valid_loss: float


@dataclass(frozen=True, slots=True)
class TrainedBridge:
    curve: tuple[Evaluated, ...]
    n_train: int
    n_valid: int
    n_parameters: int

    @property
    def anchor_loss(self) -> float:
        """Of the anchor alone: an untrained bridge changes nothing."""
        return self.curve[0].valid_loss

    @property
    def best(self) -> Evaluated:
        return min(self.curve, key=lambda point: point.valid_loss)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of exact answers, generated greedily by the runtime on the GGUF files."""

    n: int
    anchor: float
    composed: float
    by_kind: dict[str, tuple[float, float]] = field(default_factory=dict)
    """(anchor, composed)"""


@dataclass(frozen=True, slots=True)
class BridgeResult:
    """A finished bridge."""

    path: Path
    sha256: str
    pairs: tuple[LayerPair, ...]
    trained: TrainedBridge
    accuracy: Accuracy | None
    """None: plain text, which has no answers."""
