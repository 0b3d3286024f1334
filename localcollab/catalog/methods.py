"""The ways a team's members answer as one: a record a method, with the keys of its [teams.X] table.

Each names its members by place; what a method does with them is `localcollab.teams.build`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SAMPLE_TEMPERATURE = 0.7
"""Of a blend's further samples, where a greedy answer was asked for."""
TOP_K = 3
"""Candidates that a blend fuses, as in its paper."""


class Place(NamedTuple):
    """A member in its place."""

    role: str
    """`base`, `expert`, `antiexpert`, ...: one word, for people."""
    key: str
    """The key of the table that names it."""
    name: str
    takes_team: bool = True
    """Whether a team may stand there. A model of the same name goes first."""
    prefers_team: bool = False
    """The team of a name goes before the model of that name: who answers is asked, not who writes."""


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How an expert's documents open before a name, and when a name counts as unknown."""

    opening: str
    least_logprob: float
    """Nats. A name is unknown where one of its later tokens has a lower log-probability."""


@dataclass(frozen=True, slots=True)
class Deferral:
    """A base, experts, and a head or a gate that says who writes."""

    base: str
    experts: tuple[str, ...]
    head: str | None = None
    gate: str | None = None
    threshold: float | None = None
    """None: the head's own."""
    compose: bool = False
    familiar: Mapping[str, Familiarity] = field(default_factory=dict)
    """By expert: how to tell names it does not know."""

    @property
    def places(self) -> tuple[Place, ...]:
        experts = (Place("expert", "experts", name) for name in self.experts)
        return (Place("base", "base", self.base), *experts)


@dataclass(frozen=True, slots=True)
class Speculation:
    """A large base; the team's draft proposes what it may write."""

    base: str

    @property
    def places(self) -> tuple[Place, ...]:
        return (Place("base", "base", self.base, takes_team=False),)


@dataclass(frozen=True, slots=True)
class Calm:
    """An anchor that looks into augmenting models, across a bridge."""

    base: str
    """The anchor."""
    experts: tuple[str, ...]
    """The augmenting models, in the bridge's order."""
    bridge: str

    @property
    def places(self) -> tuple[Place, ...]:
        experts = (Place("expert", "experts", name, takes_team=False) for name in self.experts)
        return (Place("base", "base", self.base, takes_team=False), *experts)


@dataclass(frozen=True, slots=True)
class Proxy:
    """base + alpha (expert - antiexpert)."""

    base: str
    expert: str
    antiexpert: str
    alpha: float = 1.0

    @property
    def places(self) -> tuple[Place, ...]:
        return (
            Place("base", "base", self.base),
            Place("expert", "expert", self.expert),
            Place("antiexpert", "antiexpert", self.antiexpert),
        )


@dataclass(frozen=True, slots=True)
class Contrast:
    """(1 + beta) expert - beta amateur, where the expert gives at least `cut` of its maximum."""

    expert: str
    amateur: str
    beta: float = 0.5
    cut: float = 0.1

    @property
    def places(self) -> tuple[Place, ...]:
        return (
            Place("expert", "expert", self.expert),
            Place("amateur", "amateur", self.amateur),
        )


@dataclass(frozen=True, slots=True)
class Mixture:
    """The weighted mean of the members' probabilities, or of their logs."""

    members: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    """None: the fitted ones, else equal ones."""
    fitted: str | None = None
    """Weights from a file of [mixtures]."""
    space: Literal["probability", "log"] = "probability"

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(Place("member", "members", name) for name in self.members)


@dataclass(frozen=True, slots=True)
class Blend:
    """Whole answers of the members: ranked in pairs, and the best ones fused by a fuser."""

    members: tuple[str, ...]
    ranker: str
    """As `localcollab.catalog.ranker_names` reads it."""
    samples: int = 1
    """Answers of each member: the first greedy, the others drawn at `temperature`."""
    temperature: float = SAMPLE_TEMPERATURE
    aggregation: Literal["max_logits", "max_wins", "bubble"] = "max_logits"
    fuser: str | None = None
    """None: the best answer is the reply."""
    top_k: int = TOP_K
    """Answers that the fuser reads."""
    verify: bool = False
    """A fused answer that the ranker finds worse than the best candidate is left out."""

    @property
    def places(self) -> tuple[Place, ...]:
        # Imported here: of all methods only this one names models in its ranker.
        from localcollab.catalog.ranker_names import parse_ranker

        named = [("member", "members", name) for name in self.members]
        named += [("fuser", "fuser", self.fuser)] if self.fuser else []
        named += [("ranker", "ranker", name) for name in parse_ranker(self.ranker).models]
        return tuple(Place(*words, prefers_team=True) for words in named)


Method = Deferral | Speculation | Calm | Proxy | Contrast | Mixture | Blend
METHODS: Mapping[str, type[Method]] = {
    "deferral": Deferral,
    "speculation": Speculation,
    "calm": Calm,
    "proxy": Proxy,
    "contrast": Contrast,
    "mixture": Mixture,
    "blend": Blend,
}
"""By the word that stands under `method`."""

TRAINED = {"head": "heads", "bridge": "bridges", "fitted": "mixtures"}
"""Keys of a team that name a trained file, and the table where that stands."""


def method_name(method: Method) -> str:
    return next(name for name, kind in METHODS.items() if isinstance(method, kind))
