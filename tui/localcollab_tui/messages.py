"""The records between the app and the models' thread: jobs one way, updates the other. No logic.

A `ticket` ties an update to its job, so that late updates of a stopped job are recognized.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcollab.blend.events import BlendEvent
from localcollab.documents.answer.events import Checked, Sources
from localcollab.events import Finished, Progress, Prompted, Retracted, Token, Unfamiliar
from localcollab.history.records import StoredMessage

StreamedEvent = (
    Progress | Token | Retracted | Unfamiliar | Sources | Checked | Finished | BlendEvent
)
Options = tuple[tuple[str, float | int | str], ...]
"""Sampling and limits that differ from their defaults, by name."""
BASE_ALONE = "base"
"""What /compare calls the open team's base without its experts."""


@dataclass(frozen=True, slots=True)
class Load:
    """Open a team of the catalogue (None: the default) and close the one before."""

    team: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the branch it ends."""

    text: str
    before: tuple[StoredMessage, ...] = ()
    ids: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """The token ids of the answers before, by message, as they were generated."""
    system: str | None = ""
    """None: what models.toml says for the team, which was not open yet."""
    drop: int = 0
    """How many of the oldest turns are left out because the context is full."""
    summary: str = ""
    """What the model wrote about these turns; empty: nothing stands in their place."""
    conversation: str = ""
    """Its id, by which the history knows it."""

    @property
    def system_sent(self) -> str:
        if not self.summary:
            return self.system or ""
        return f"{self.system or ''}\n\nSummary of the conversation so far: {self.summary}".strip()


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An answer that goes on: what was written of it."""

    text: str
    tokens: tuple[int, ...]
    in_loop: bool
    """It was ended because it repeated itself, which it may do now."""


@dataclass(frozen=True, slots=True)
class Ask:
    ticket: int
    question: Question
    options: Options = ()
    model: str | None = None
    """None: the open team; `base`: its base alone; else another team of the catalogue."""
    goes_on: Unfinished | None = None
    """Not another answer, but more of this one."""


@dataclass(frozen=True, slots=True)
class SetGate:
    """Set the gate or the threshold of the open team; None: unchanged. `head`: the trained gate."""

    gate: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Inspect:
    """What every member predicts at token `at` of an answer."""

    ticket: int
    question: Question
    answer: tuple[int, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Preview:
    """p_defer of another gate along an answer."""

    ticket: int
    question: Question
    answer: tuple[int, ...]
    gate: str


@dataclass(frozen=True, slots=True)
class ShowPrompt:
    ticket: int
    question: Question


@dataclass(frozen=True, slots=True)
class FreeReaders:
    """Free the contexts that only inspection and comparison needed."""


@dataclass(frozen=True, slots=True)
class UseDocs:
    """Answer the next questions from this collection, or from attached files; neither: without."""

    collection: str | None
    strict: bool = False
    files: tuple[Path, ...] = ()


Job = UseDocs | Load | Ask | SetGate | Inspect | Preview | ShowPrompt | FreeReaders


@dataclass(frozen=True, slots=True)
class TeamFacts:
    """An open team, as far as a screen needs it."""

    name: str
    members: tuple[str, ...]
    """Base first; colours and marks follow this order."""
    n_ctx: int
    """0: a server does not tell it."""
    gate: str | None
    """None: one model, or a method without a gate."""
    threshold: float | None
    takes_system: bool
    head_sha256: str | None = None
    """Of the trained head, also where another gate is set; None: the team has none."""
    sha256s: tuple[str, ...] = ()
    """One for each member's file."""
    vocabulary: str = ""
    """Fingerprint of the base's vocabulary."""
    system: str = ""
    """The system prompt of a new conversation, from models.toml."""
    notes: tuple[str, ...] = ()
    """What was decided when it was opened: a budget, or that a member answers alone."""


@dataclass(frozen=True, slots=True)
class Loading:
    text: str


@dataclass(frozen=True, slots=True)
class Ready:
    facts: TeamFacts


@dataclass(frozen=True, slots=True)
class DocsInUse:
    """The collection that questions are answered from; None: no documents."""

    collection: str | None
    strict: bool = False
    n_documents: int = 0

    @property
    def label(self) -> str:
        if self.collection is None:
            return ""
        return f"docs {self.collection}{' strict' * self.strict}"


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """The team could not be opened. `still`: the previous team, opened again."""

    team: str | None
    why: str
    still: TeamFacts | None = None


@dataclass(frozen=True, slots=True)
class TooLong:
    """The prompt leaves no room for an answer. `drop`: how many of the oldest turns to leave out."""

    ticket: int
    n_prompt: int
    n_ctx: int
    drop: int | None
    """None: the question alone is too long."""
    why: str = ""
    """Set where the question is too long to be tokenized."""

    def reason(self) -> str:
        return self.why or f"the prompt has {self.n_prompt} tokens, the context {self.n_ctx}"


@dataclass(frozen=True, slots=True)
class Began:
    ticket: int
    prompted: Prompted
    facts: TeamFacts
    opens_reasoning: bool
    """The template itself opened a <think> block."""
    dropped: int = 0
    """The oldest turns that were left out."""
    summary: str = ""
    """What stood in their place."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """One event of the answer."""

    ticket: int
    event: StreamedEvent


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that ended with an error."""

    ticket: int
    why: str
    stored: str | None = None
    """What a history keeps instead of `why`, which may hold words of documents."""


@dataclass(frozen=True, slots=True)
class Unexpected:
    """A job ended with an error that is a bug of localcollab; `Failed` says which. See `crash_report`."""

    report: str


@dataclass(frozen=True, slots=True)
class Candidate:
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """One member's most likely tokens at a place, and its probability of the token that was written."""

    member: str
    top: tuple[Candidate, ...]
    p_written: float


@dataclass(frozen=True, slots=True)
class Inspected:
    ticket: int
    at: int
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class Previewed:
    """p_defer of every token of the answer, from `gate`."""

    ticket: int
    gate: str
    p_defer: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PromptShown:
    ticket: int
    pieces: tuple[tuple[int, str], ...] = field(default=())
    """(id, text) of every token."""


Update = (
    Loading | Ready | OpenFailed | DocsInUse | Began | Streamed | TooLong | Failed | Inspected
    | Previewed | PromptShown | Unexpected
)  # fmt: skip
Report = Callable[[Update], None]
