"""The methods by which a team answers as one: one record each, with the keys of its [teams.X] table.

Each names its members by place; building a model of them is left to `teams`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple

from localcollab.errors import BadOption

SAMPLE_TEMPERATURE = 0.7
"""For the further samples of a blend when greedy answers were requested."""
TOP_K = 3
"""Number of candidates that a blend fuses, as in its paper."""


class Place(NamedTuple):
    """A member and its place in the team."""

    role: str
    """`base`, `expert`, `antiexpert` and so on, as shown to people."""
    key: str
    """The key of the table that names it."""
    name: str
    takes_team: bool = True
    """Whether a team is allowed there. A model of the same name has precedence."""
    prefers_team: bool = False
    """A team has precedence over a model of the same name, because whole answers are wanted."""


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How an expert's documents start before a name, and when a name counts as unknown."""

    opening: str
    least_logprob: float
    """In nats. A name is unknown if one of its later tokens has a lower log-probability."""


@dataclass(frozen=True, slots=True)
class Deferral:
    """A base, experts, and a head or gate that decides who writes."""

    base: str
    experts: tuple[str, ...]
    head: str | None = None
    gate: str | None = None
    threshold: float | None = None
    """None: the head's own."""
    compose: bool = False
    familiar: Mapping[str, Familiarity] = field(default_factory=dict)
    """By expert: how to recognize names it does not know."""

    @property
    def places(self) -> tuple[Place, ...]:
        experts = (Place("expert", "experts", name) for name in self.experts)
        return (Place("base", "base", self.base), *experts)


@dataclass(frozen=True, slots=True)
class Alone:
    """One model is a team of one."""

    base: str

    @property
    def places(self) -> tuple[Place, ...]:
        return (Place("base", "base", self.base, takes_team=False),)


@dataclass(frozen=True, slots=True)
class Speculation:
    """A large base; the team's draft proposes tokens."""

    base: str

    @property
    def places(self) -> tuple[Place, ...]:
        return (Place("base", "base", self.base, takes_team=False),)


@dataclass(frozen=True, slots=True)
class Calm:
    """An anchor that attends to augmenting models across a bridge."""

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
    """(1 + beta) expert - beta amateur, for tokens with at least `cut` of the expert's maximum."""

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
    """The weighted mean of the members' probabilities, or of their log-probabilities."""

    members: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    """None: the fitted weights, else equal ones."""
    fitted: str | None = None
    """Weights from a file of [mixtures]."""
    space: Literal["probability", "log"] = "probability"

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(Place("member", "members", name) for name in self.members)


@dataclass(frozen=True, slots=True)
class Blend:
    """Whole answers of the members: ranked in pairs, and the best ones optionally fused."""

    members: tuple[str, ...]
    ranker: str
    """As `localcollab.catalog.ranker_names` reads it."""
    samples: int = 1
    """Answers per member: the first one greedy, the others sampled at `temperature`."""
    temperature: float = SAMPLE_TEMPERATURE
    aggregation: Literal["max_logits", "max_wins", "bubble"] = "max_logits"
    fuser: str | None = None
    """None: the best answer is the reply."""
    top_k: int = TOP_K
    """Answers that the fuser reads."""
    verify: bool = False
    """Drop a fused answer that the ranker finds worse than the best candidate."""

    @property
    def places(self) -> tuple[Place, ...]:
        # Imported here: only this method names models in its ranker.
        from localcollab.catalog.ranker_names import parse_ranker

        named = [("member", "members", name) for name in self.members]
        named += [("fuser", "fuser", self.fuser)] if self.fuser else []
        named += [("ranker", "ranker", name) for name in parse_ranker(self.ranker).models]
        return tuple(Place(*words, prefers_team=True) for words in named)


Method = Alone | Deferral | Speculation | Calm | Proxy | Contrast | Mixture | Blend
METHODS: Mapping[str, type[Method]] = {
    "alone": Alone,
    "deferral": Deferral,
    "speculation": Speculation,
    "calm": Calm,
    "proxy": Proxy,
    "contrast": Contrast,
    "mixture": Mixture,
    "blend": Blend,
}
"""By the value of the key `method`."""

TRAINED = {"head": "heads", "bridge": "bridges", "fitted": "mixtures"}
"""Keys of a team that name a trained file, and the table that defines it."""


def named_method(table: Mapping[str, object]) -> object | None:
    """The method of a [teams.X] table, which only a team of one may leave out; None: it lacks one."""
    if "method" in table or "base" not in table:
        return table.get("method")
    keys = {field.name for kind in METHODS.values() for field in fields(kind)}
    return "alone" if (keys | {"draft"}) & table.keys() == {"base"} else None


def method_name(method: Method) -> str:
    return next(name for name, kind in METHODS.items() if isinstance(method, kind))


def check_threshold(threshold: float) -> float:
    """Raises `BadOption` outside 0..1."""
    if not 0 <= threshold <= 1:
        raise BadOption(f"`threshold` is {threshold}, not a probability: give a number from 0 to 1")
    return threshold
