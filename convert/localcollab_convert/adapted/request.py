"""The request of an adapted expert and its result: frozen records without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.catalog import Catalog
from localcollab.documents.collection import Collection
from localcollab.errors import BadOption
from localcollab.tuning.verdict import Verdict
from localcollab_convert.head.request import LEAST_STEPS
from localcollab_convert.staging.ranges import (
    MAX_SEED,
    require_above_0,
    require_at_least,
    require_between,
)
from localcollab_convert.study.texts import Text

_MAX_MINUTES = 60 * 24
_MAX_STEPS = 10**6
DEFAULT_RANK = 32


@dataclass(frozen=True, slots=True)
class Effort:
    """What is done beside the training; smaller in tests."""

    n_questions: int = 30
    """At most, withheld from the training, for the table."""
    n_general: int = 50
    """General answers of the base, at most: so many to practise, and so many others to check."""
    n_head_steps: int = 4000
    """Of the head's training, at most."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_at_least("n_questions", self.n_questions, 0)
        require_at_least("n_general", self.n_general, 1)
        require_at_least("n_head_steps", self.n_head_steps, LEAST_STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedRequest:
    name: str
    """Of the model, the head and the team in the catalogue."""
    base: str
    """A model of the catalogue with weights of its own."""
    texts: tuple[Text, ...]
    collection: Collection
    """Where the texts are from: answers with retrieval are compared on it."""
    out: Path
    """A folder: NAME.gguf, NAME.safetensors and the stages."""
    catalog: Catalog
    minutes: float | None = None
    """Of the whole run; None: as many as the documents take."""
    n_rounds: int | None = None
    """Exact number of rounds through the documents instead: reproducible on machines of one kind."""
    seed: int = 0
    rank: int = DEFAULT_RANK
    price: float = 0.05
    most_lost: float = 0.02
    """The share by which bits a byte of general text may rise for the team; else it is not accepted."""
    effort: Effort = Effort()
    start: Path | None = None
    """An earlier adapter, which goes on learning; None: the base itself does."""
    old: tuple[Text, ...] = ()
    """What the earlier adapter knows: some of it is repeated in every round."""

    def __post_init__(self) -> None:
        """Raises `BadOption`, `BadCatalog`."""
        if self.minutes is not None:
            require_above_0("minutes", self.minutes, _MAX_MINUTES)
        if self.n_rounds is not None:
            require_between("n_rounds", self.n_rounds, 1, _MAX_STEPS)
        require_between("seed", self.seed, 0, MAX_SEED)
        require_between("price", self.price, 0, 10)
        require_between("most_lost", self.most_lost, -1, 10)
        require_between("rank", self.rank, 1, 1024)
        if self.catalog.model(self.base).adapter is not None:
            raise BadOption(
                f"`base` is {self.base!r}, a model with an adapter, which can have no second one: "
                "name the model below it"
            )


@dataclass(frozen=True, slots=True)
class Score:
    """How many of the withheld questions somebody answers."""

    who: str
    right: int
    n: int


@dataclass(frozen=True, slots=True)
class AdaptedResult:
    adapter: Path
    head: Path
    n_texts: int
    n_statements: int
    n_rounds: int
    n_steps: int
    tokens_per_second: float
    seconds: float
    """Of the training."""
    text: tuple[float, float, float]
    """Bits a byte of general text: base, expert, team."""
    chat: tuple[float, float, float]
    """The same of the base's own chat answers."""
    nll: dict[str, float]
    """Nats a token of answers about the documents and about general things: base, expert, head, ..."""
    table: tuple[Score, ...]
    verdict: Verdict | None
    """The team alone beside the base that reads the documents; None without questions."""
    recalled: tuple[int, int, int] | None = None
    """Of so many questions about old texts: right before and after; None where nothing is old. In the
    order (before, after, all)."""

    @classmethod
    def of(
        cls, facts: Mapping[str, Any], adapter: Path, head: Path, n_texts: int, n_statements: int
    ) -> "AdaptedResult":
        """`facts`: what the stages noted."""
        verdict = facts["verdict"]
        return cls(
            adapter=adapter, head=head, n_texts=n_texts, n_statements=n_statements,
            n_rounds=facts["n_rounds"], n_steps=facts["n_steps"],
            tokens_per_second=facts["tokens_per_second"], seconds=facts["seconds"],
            text=tuple(facts["text"]), chat=tuple(facts["chat"]),
            nll=facts["nll"], table=tuple(Score(*row) for row in facts["table"]),
            verdict=Verdict(**verdict) if verdict else None,
            recalled=tuple(facts["recalled"]) if facts["recalled"] else None,
        )  # fmt: skip
