"""What a blend yields before its reply: candidates as they are written, their ranking, the fusion."""

from collections.abc import Mapping
from dataclasses import dataclass

from localcollab.events import Event, Token


@dataclass(frozen=True, slots=True)
class Answering:
    """A member begins to write candidate `candidate`, the first being 1, of `n_candidates`."""

    candidate: int
    n_candidates: int
    model: str


@dataclass(frozen=True, slots=True)
class CandidateToken:
    """A token of a candidate, which may not become the reply."""

    candidate: int
    token: Token


@dataclass(frozen=True, slots=True)
class Answered:
    """A candidate is finished."""

    candidate: int
    model: str
    text: str
    reason: str
    """Why it ended: a `FinishReason`."""
    authors: Mapping[str, int]
    """Tokens by author."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """The verdict on all candidates."""

    ranker: str
    ranks: tuple[int, ...]
    """By candidate; 1 is the best, identical texts share theirs."""
    logits: tuple[tuple[float | None, ...], ...]
    """How much the candidate of the row is better than that of the column; None: not compared."""
    doubts: tuple[str | None, ...] = ()
    """Why each candidate is doubted, as "says 60, which no passage says"; empty: none is."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The reply that follows: candidate `candidate`, or for None what `fuser` wrote."""

    candidate: int | None
    fuser: str | None = None
    why: str = ""
    """Why it is no fused answer where one was wanted, or of how few candidates it was fused."""


BlendEvent = Event | Answering | CandidateToken | Answered | Ranked | Chosen
