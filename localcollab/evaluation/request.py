"""What can be evaluated, and on which data; every range is checked here, before anything is loaded."""

from dataclasses import dataclass
from pathlib import Path

from localcollab.catalog.ranker_names import RankerSpec, parse_ranker
from localcollab.errors import BadOption
from localcollab.evaluation.forms import check_measure
from localcollab.evaluation.plot import require_drawable
from localcollab.evaluation.references import ROUGE_L
from localcollab.teams.choice import TeamChoice


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """A team beside its members, and perhaps beside other models. Raises `BadOption`."""

    choice: TeamChoice
    data: tuple[Path, ...] = ()
    """Empty: the questions that ship with the team."""
    beside: tuple[Path, ...] = ()
    limit: int | None = None
    plot: Path | None = None
    measure: str | None = None
    """Instead of the default of questions that can be measured in several ways."""
    runs_code: bool = False
    """Answers that are code may be run."""
    ray: str | None = None
    """Where they are asked: `auto`, `here` or HOST:PORT of a Ray cluster; None: in this process."""

    def __post_init__(self) -> None:
        check_limit(self.limit)
        check_beside(self.beside)
        check_measure(self.measure)
        if self.plot:
            require_drawable(self.plot)

    def check_blend(self, name: str) -> None:
        """Raises `BadOption`."""
        if self.beside or self.plot or self.ray:
            raise BadOption(f"{name} is a blend: leave out `beside`, `plot` and `ray`")


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """Several teams beside all their members. Raises `BadOption`."""

    compare: str
    """Teams, or methods of the default team's base, separated by commas."""
    catalogs: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    limit: int | None = None
    seed: int = 0
    plot: Path | None = None
    measure: str | None = None
    runs_code: bool = False

    def __post_init__(self) -> None:
        check_limit(self.limit)
        check_beside(self.beside)
        check_measure(self.measure)
        if self.plot:
            require_drawable(self.plot)

    @property
    def names(self) -> list[str]:
        return [name.strip() for name in self.compare.split(",")]


@dataclass(frozen=True, slots=True)
class RankerRequest:
    """Rankers, and perhaps a fuser, on answers whose scores are known. Raises `BadOption`."""

    rankers: tuple[str, ...]
    """The first one ranks what the fuser reads."""
    data: tuple[Path, ...] = ()
    measure: str | None = None
    """None: the only score that the data has."""
    fuser: str | None = None
    """Its answers have no score in the data: everything is scored by ROUGE-L."""
    catalogs: tuple[Path, ...] = ()
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_limit(self.limit)
        if not self.rankers:
            raise BadOption("`fuser` needs `ranker`")
        if not self.data:
            raise BadOption("`ranker` is evaluated on answers with scores: give `data`")
        if self.fuser and self.measure not in (None, ROUGE_L):
            raise BadOption(
                f"a fused answer has no score {self.measure} in the data: leave `measure` out to use "
                f"{ROUGE_L}"
            )

    @property
    def specs(self) -> list[RankerSpec]:
        """Those asked for, and two to compare with. Raises `BadOption`."""
        return [parse_ranker(text) for text in (*self.rankers, "longest", "random")]


def check_limit(limit: int | None) -> None:
    """Raises `BadOption`."""
    if limit is not None and limit < 1:
        raise BadOption(f"`limit` is {limit}: give 1 or more")


def check_beside(beside: tuple[Path, ...]) -> None:
    """They are told apart by the names of their files. Raises `BadOption`."""
    stems = [path.stem for path in beside]
    twice = next((stem for n, stem in enumerate(stems) if stem in stems[:n]), None)
    if twice:
        raise BadOption(f"`beside` names two files {twice}: rename one")
