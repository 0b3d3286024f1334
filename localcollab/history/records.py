"""What the history holds, as frozen records. How it is stored is `database`'s and `schema`'s."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from localcollab.events import FinishReason, Unfamiliar

Role = Literal["user", "assistant"]
Status = Literal["complete", "stopped", "streaming", "failed"]
"""streaming: being written now, by a process that lives; stopped: ended by the user, or left
unfinished by a process that ended; failed: an error ended it. Questions are complete."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What stands in a list. The system prompt is the conversation's, not a message of the tree."""

    id: str
    title: str
    """The first line of the first question where none was given."""
    system: str
    team: str
    created: datetime
    updated: datetime
    """Times are aware, in UTC, to the microsecond."""
    pinned: bool
    leaf: int | None
    """The message that the shown branch ends in; None: nothing is shown."""
    n_messages: int
    """On all branches."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who is asked, known before the answer begins."""

    team: str = ""
    head_sha256: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    """Member -> sha256 of its file; base first."""
    vocabulary: str = ""
    """The fingerprint of the base's vocabulary: token ids mean something only with it."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Sampling, limits, threshold, gate ...: whatever JSON can hold."""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended, known when it has."""

    reason: FinishReason | None = None
    """None: it was not finished (a crash, an error)."""
    n_prompt: int = 0
    n_tokens: int = 0
    """All ids, those of a stop string too."""
    authors: Mapping[str, int] = field(default_factory=dict)
    """Tokens by author."""
    seconds_prefill: float = 0.0
    seconds_decode: float = 0.0
    unfamiliar: tuple[Unfamiliar, ...] = ()
    notes: tuple[str, ...] = ()
    """Lines to show under the answer."""
    error: str | None = None

    @property
    def tokens_per_second(self) -> float:
        return self.n_tokens / self.seconds_decode if self.seconds_decode > 0 else 0.0


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A question or an answer. Its token records are read apart: `History.tokens`."""

    id: int
    conversation: str
    parent: int | None
    """None: the conversation begins with it."""
    role: Role
    status: Status
    text: str
    """As it was written, reasoning included; of a streaming answer, what was saved so far."""
    created: datetime
    siblings: tuple[int, ...]
    """All messages with this parent, oldest first, this one included: "2 of 3"."""
    provenance: Provenance | None = None
    outcome: Outcome | None = None
    """Both None for a question; the outcome also while the answer streams."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One message that a search found."""

    conversation: str
    title: str
    message: int
    role: Role
    created: datetime
    snippet: str
    marks: tuple[tuple[int, int], ...]
    """Where the words stand in the snippet: [start, end)."""
