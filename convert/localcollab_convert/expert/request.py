"""What an expert is made from, and what became of it: the two ends of `make_expert`."""

from dataclasses import dataclass
from pathlib import Path

from localcollab.catalog import Catalog, Familiarity
from localcollab_convert.expert.texts import Text


@dataclass(frozen=True, slots=True)
class Like:
    """The team whose head is taken over, and whose expert the new one replaces."""

    team: str
    place: str


@dataclass(frozen=True, slots=True)
class Request:
    name: str
    """Of the model, the head and the team in the catalogue."""
    base: str
    texts: tuple[Text, ...]
    out: Path
    """A folder: NAME.gguf, NAME.safetensors and the work."""
    catalog: Catalog
    minutes: float = 20.0
    n_steps: int | None = None
    """Exactly so many, instead of minutes: the same bits on every machine of one kind."""
    size: str = "auto"
    """A key of `SHAPES`, "base" (the base's own weights, trained on), or "auto"."""
    like: Like | None = None
    seed: int = 0
    price: float = 0.05


@dataclass(frozen=True, slots=True)
class Made:
    expert: Path
    head: Path
    n_texts: int
    n_steps: int
    seconds: float
    perplexity: tuple[float, float]
    """Of the held-out texts, untrained and before they joined; NaN where none was held out."""
    recalled: float
    """Perplexity of the texts it was trained on."""
    nll: dict[str, float]
    """Nats a token of the made questions' answers: base, experts, mixture, head, oracle."""
    familiar: Familiarity | None
    """How the expert tells names that it does not know; None where it cannot."""
