"""What the history holds, as frozen records. How they are stored is left to `database` and `rows`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from localcollab.events import FinishReason, Unfamiliar

Role = Literal["user", "assistant"]
Status = Literal["complete", "stopped", "streaming", "failed"]
"""streaming: being written by a running process; stopped: ended by the user, or left unfinished by a
process that ended; failed: ended by an error. Questions are always complete."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One entry of the list. The system prompt belongs to the conversation, not to its messages."""

    id: str
    title: str
    """Default: the first line of the first question."""
    system: str
    team: str
    created: datetime
    updated: datetime
    """Times are timezone-aware, in UTC, to the microsecond."""
    pinned: bool
    leaf: int | None
    """The last message of the shown branch; None: nothing is shown."""
    n_messages: int
    """On all branches."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who answers, known before the answer begins."""

    team: str = ""
    head_sha256: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    """Member -> sha256 of its file, base first."""
    vocabulary: str = ""
    """The fingerprint of the base's vocabulary, without which token ids mean nothing."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Sampling, limits, threshold, gate and so on, as JSON values."""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended."""

    reason: FinishReason | None = None
    """None: not finished (a crash or an error)."""
    n_prompt: int = 0
    n_tokens: int = 0
    """Including the ids of a stop string."""
    authors: Mapping[str, int] = field(default_factory=dict)
    """Tokens by author."""
    seconds_prefill: float = 0.0
    seconds_decode: float = 0.0
    unfamiliar: tuple[Unfamiliar, ...] = ()
    notes: tuple[str, ...] = ()
    """Lines to show under the answer."""
    error: str | None = None
    n_repeated: int = 0
    """Tokens of a loop that were written, and folded away: copies of those that end the answer."""
    proposed: Mapping[str, int] = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    """Tokens of speculative decoding, by source."""

    @property
    def tokens_per_second(self) -> float:
        n_written = self.n_tokens + self.n_repeated
        return n_written / self.seconds_decode if self.seconds_decode > 0 else 0.0


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A question or an answer. Token records are read separately: `History.tokens`."""

    id: int
    conversation: str
    parent: int | None
    """None: it starts the conversation."""
    role: Role
    status: Status
    text: str
    """As written, including reasoning; for a streaming answer, what was saved so far."""
    created: datetime
    siblings: tuple[int, ...]
    """All messages with this parent, oldest first, including this one: "2 of 3"."""
    provenance: Provenance | None = None
    outcome: Outcome | None = None
    """Both None for a question; the outcome is None while the answer streams."""


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
    """Spans of the matched words in the snippet: [start, end)."""
