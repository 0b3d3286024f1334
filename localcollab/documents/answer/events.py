"""What an answer from documents tells beside its tokens: what was sent, and what became of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from localcollab.events import Event

if TYPE_CHECKING:
    from localcollab.documents.answer.citations import Claim

Way = Literal["prompt", "quotes"]
"""prompt: the passages stand before the question; quotes: a member copies from them while it writes."""


@dataclass(frozen=True, slots=True)
class SentPassage:
    """One source, as the team got it: neighbouring passages of a document are one."""

    number: int
    """From 1: what `[1]` means."""
    path: str
    page: int | None
    heading: str
    start: int
    end: int
    """Characters of the document's text: [start, end)."""
    text: str
    ids: tuple[int, ...]
    """The passages of the collection that it was joined from."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Before the answer: which passages were sent. None: nothing was found."""

    collection: str
    way: Way
    passages: tuple[SentPassage, ...]
    n_left_out: int = 0
    """Passages that were found and did not fit."""


@dataclass(frozen=True, slots=True)
class Checked:
    """After the answer: every sentence of it against what was sent."""

    claims: "tuple[Claim, ...]"
    cited: str
    """The answer with the marks of the sources that the program itself found."""
    is_supported: bool
    unnamed: tuple[str, ...] = ()
    """Names of the question that the answer takes over and no document of the collection holds."""


AnswerEvent = Event | Sources | Checked
