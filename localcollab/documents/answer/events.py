"""Events of an answer from documents, besides its tokens: what was sent and how it was checked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from localcollab.events import Event

if TYPE_CHECKING:
    from localcollab.documents.answer.citations import Claim

Way = Literal["prompt", "quotes", "check"]
"""prompt: the passages precede the question; quotes: a member copies from them while it writes; check:
the answer is written without them, and checked against them."""


@dataclass(frozen=True, slots=True)
class SentPassage:
    """One source as it was sent; neighbouring passages of a document are joined."""

    number: int
    """From 1, as in `[1]`."""
    path: str
    page: int | None
    heading: str
    start: int
    end: int
    """Characters of the document's text: [start, end)."""
    text: str
    ids: tuple[int, ...]
    """The passages of the collection that it consists of."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Before the answer: which passages were sent. Empty: nothing was found."""

    collection: str
    way: Way
    passages: tuple[SentPassage, ...]
    n_left_out: int = 0
    """Passages found that did not fit."""
    excerpt: tuple[str, ...] = ()
    """Sentences that are sent in place of the passages: small models lose the question among more."""
    recited: str = ""
    """What is answered instead of asking a small model: the sentence that surely answers, or that the
    documents do not say it."""
    freshness: str = ""
    """How far the collection is behind its files: `as of 10:42; 3 changed files not read yet`."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sentence that `strict` does not show."""

    text: str
    why: str
    """The end of "left out: it ..."."""


@dataclass(frozen=True, slots=True)
class Checked:
    """After the answer: every sentence checked against what was sent."""

    claims: "tuple[Claim, ...]"
    cited: str
    """The answer, with marks for sources that the program found."""
    is_supported: bool
    unnamed: tuple[str, ...] = ()
    """Names in question and answer that no document of the collection contains."""
    left_out: tuple[LeftOut, ...] = ()
    """What `strict` left out of the answer that is shown."""


AnswerEvent = Event | Sources | Checked
