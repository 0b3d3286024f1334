"""What the app asks of the models' thread, and what that thread says back: frozen records, no logic.

A `ticket` ties what is said to the job that caused it, so that late words of a stopped job are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from localcollab.blend.events import BlendEvent
from localcollab.documents.answer.events import Checked, Sources
from localcollab.events import Finished, Progress, Prompted, Token, Unfamiliar
from localcollab.history.records import StoredMessage

HeardEvent = Progress | Token | Unfamiliar | Sources | Checked | Finished | BlendEvent
Options = tuple[tuple[str, float | int | str], ...]
"""Sampling and limits that differ from their defaults, by name."""
BASE_ALONE = "base"
"""The contender that is the open team's base without its experts."""


@dataclass(frozen=True, slots=True)
class Load:
    """Open a team of the catalogue; None: the default one. The team before it is let go."""

    team: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question in its place: the branch it stands at the end of."""

    text: str
    before: tuple[StoredMessage, ...] = ()
    ids: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Of the answers before, by message: as they were generated."""
    system: str = ""
    drop: int = 0
    """Turns, from the oldest, that are left out because they do not fit."""


@dataclass(frozen=True, slots=True)
class Ask:
    ticket: int
    question: Question
    options: Options = ()
    who: str | None = None
    """None: the open team; `base`: its base alone; else another team of the catalogue."""


@dataclass(frozen=True, slots=True)
class Decide:
    """Move the gate or the threshold of the open team; None leaves it. `head`: the trained one."""

    gate: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What every member would have said at token `at` of an answer."""

    ticket: int
    question: Question
    answer: tuple[int, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What another gate would have said along an answer."""

    ticket: int
    question: Question
    answer: tuple[int, ...]
    gate: str


@dataclass(frozen=True, slots=True)
class ShowPrompt:
    ticket: int
    question: Question


@dataclass(frozen=True, slots=True)
class LetGo:
    """Free what only looking and side by side needed."""


@dataclass(frozen=True, slots=True)
class UseDocs:
    """Answer from this collection from now on; None: from no documents."""

    collection: str | None
    strict: bool = False


Job = UseDocs | Load | Ask | Decide | Look | Preview | ShowPrompt | LetGo


@dataclass(frozen=True, slots=True)
class TeamFacts:
    """An open team, as far as a screen needs it."""

    name: str
    members: tuple[str, ...]
    """Base first: the order of colours and marks."""
    n_ctx: int
    gate: str | None
    """None: nobody decides (one model, or a method without a gate)."""
    threshold: float | None
    takes_system: bool
    head_sha256: str | None = None
    """Of the trained head, whether it decides now or not; None: the team has none."""
    sha256s: tuple[str, ...] = ()
    """Of the members' files."""
    vocabulary: str = ""
    """The fingerprint of the base's."""


@dataclass(frozen=True, slots=True)
class Loading:
    text: str


@dataclass(frozen=True, slots=True)
class Ready:
    facts: TeamFacts


@dataclass(frozen=True, slots=True)
class DocsUsed:
    """What questions are answered from now; None: no documents."""

    collection: str | None
    strict: bool = False
    n_documents: int = 0

    @property
    def what(self) -> str:
        if self.collection is None:
            return ""
        return f"docs {self.collection}{' strict' * self.strict}"


@dataclass(frozen=True, slots=True)
class NotOpened:
    """The team could not be opened. `still`: the one before it, if any, was opened again."""

    team: str | None
    why: str
    still: TeamFacts | None = None


@dataclass(frozen=True, slots=True)
class WontFit:
    """The turn leaves no room for an answer. `drop`: the fewest oldest turns to leave out."""

    ticket: int
    n_prompt: int
    n_ctx: int
    drop: int | None
    """None: the question alone is too long."""
    why: str = ""
    """Of a question too long even to be counted."""

    def what(self) -> str:
        return self.why or f"this turn has {self.n_prompt} tokens, the context holds {self.n_ctx}"


@dataclass(frozen=True, slots=True)
class Began:
    ticket: int
    prompted: Prompted
    facts: TeamFacts
    opens_reasoning: bool
    """The template itself opened a <think> block."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the answer."""

    ticket: int
    event: HeardEvent


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that ended with an error the user can mend."""

    ticket: int
    why: str


@dataclass(frozen=True, slots=True)
class Candidate:
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one member would have said: its likeliest tokens, and its probability of the one written."""

    member: str
    likeliest: tuple[Candidate, ...]
    p_written: float


@dataclass(frozen=True, slots=True)
class Looked:
    ticket: int
    at: int
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True, slots=True)
class Previewed:
    """p_defer of every token of the answer under `gate`."""

    ticket: int
    gate: str
    p_defer: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PromptShown:
    ticket: int
    pieces: tuple[tuple[int, str], ...] = field(default=())
    """(id, what it stands for), in order."""


Severity = Literal["information", "warning", "error"]
Said = (
    Loading | Ready | NotOpened | WontFit | Began | Heard | Failed | Looked | Previewed | PromptShown
    | DocsUsed
)  # fmt: skip
