"""The request of `docs refresh` and its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcollab.catalog import Catalog
from localcollab.errors import BadOption
from localcollab_convert.expert.request import require_duration
from localcollab_convert.study.card import ExpertCard, load_card
from localcollab_convert.study.texts import Text


@dataclass(frozen=True, slots=True)
class Expert:
    """The expert of the team of its name."""

    name: str
    path: Path
    head: Path
    card: ExpertCard


def find_expert(catalog: Catalog, name: str) -> Expert:
    """As entered by `convert expert`. Raises `BadOption`, `BadModelFile`, `BadCatalog`."""
    entry = catalog.team(name).require_deferral()
    if name not in entry.experts or entry.head != name:
        raise BadOption(
            f"the team {name!r} was not made from documents: create one with localcollab convert expert"
        )
    path = catalog.model(name).path
    return Expert(name, path, catalog.trained("heads", name).path, load_card(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRequest:
    expert: Expert
    texts: tuple[Text, ...]
    """All texts of the collection, known and new."""
    catalog: Catalog
    minutes: float = 8.0
    n_steps: int | None = None
    """Exact number of steps instead of minutes."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_duration(self.minutes, self.n_steps)
        if not self.new:
            raise BadOption(
                f"nothing is new for {self.expert.name!r}: its {len(self.known)} texts are unchanged; "
                "localcollab docs sync reads the files again"
            )

    @property
    def new(self) -> Sequence[Text]:
        return [text for text in self.texts if text.sha256 not in self.expert.card.texts]

    @property
    def known(self) -> Sequence[Text]:
        return [text for text in self.texts if text.sha256 in self.expert.card.texts]

    @property
    def n_gone(self) -> int:
        """Texts of the last training that are not in the collection any more."""
        return len(set(self.expert.card.texts)) - len(self.known)


@dataclass(frozen=True, slots=True)
class RefreshResult:
    n_new: int
    n_gone: int
    known: tuple[float, float]
    """Nats a token of the answers about known texts, before and after."""
    new: tuple[float, float]
    """The same about new texts."""
    is_kept: bool
    """The new expert has replaced the old one."""
    minutes: float
