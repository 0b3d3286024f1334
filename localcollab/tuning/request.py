"""What `tune` is asked for; every range is checked here, before anything is loaded."""

from dataclasses import dataclass, field
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.evaluation.forms import check_measure
from localcollab.llama.options import Options
from localcollab.models.store import check_name
from localcollab.teams.choice import TeamChoice
from localcollab.tuning.verdict import WORTH


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """Raises `BadOption`."""

    choice: TeamChoice
    data: tuple[Path, ...]
    docs: str | None = None
    """A collection; without data the questions are gaps in its sentences."""
    name: str = "tuned"
    """Of the team that is written."""
    out: Path | None = None
    """The models.toml that the winner is written into; None: the user's own."""
    writes: bool = True
    limit: int | None = None
    seed: int = 0
    measure: str | None = None
    runs_code: bool = False
    n_samples: int = 5
    """Answers a question for self-consistency; 1: it is not tried."""
    worth: float = WORTH
    """The least gain in accuracy that makes a team worth its cost."""
    work: Path | None = None
    """The folder of the answers; None: among the program's own files."""
    options: Options = field(default_factory=Options)
    trains: bool = True
    """A head, where the team may defer and `convert` is installed."""
    history: bool = False
    """Without data the questions are gaps in what the user wrote in the chat."""

    def __post_init__(self) -> None:
        if bool(self.data) + (self.docs is not None) + self.history != 1:
            raise BadOption(
                "give either `data`, a JSONL file of questions, or `docs`, a collection to make some "
                "from, or `history`, to make some from your own messages"
            )
        if self.limit is not None and self.limit < 1:
            raise BadOption(f"`limit` is {self.limit}: give 1 or more")
        if not 1 <= self.n_samples <= 99:
            raise BadOption(f"`n_samples` is {self.n_samples}: give 1 to 99")
        if not 0 < self.worth < 1:
            raise BadOption(f"`worth` is {self.worth}: give a share above 0 and below 1")
        check_measure(self.measure)
        check_name(self.name)
