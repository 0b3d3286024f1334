"""What makes a team doubt a span: small pure functions of what is known once the span is written.

A span is what one expert wrote in one go. No trigger reads a model that writes the answer, so that
looking for doubts changes nothing. A loop, which needs no span, is found by `repetition`; what is done
about a doubt is left to `second_thoughts`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from localcollab.language_model import Float32Array

AHEAD = 8
"""Tokens that are read on before the members' own probabilities are judged."""
UNLIKELY = -1.0
"""Nats a token: below, an author doubts what it wrote."""
UNLIKELY_TO_BASE = -2.0
"""Nats a token, over the span and what follows it."""

_RESULT = re.compile(r"\d[\d.,]*\s*[x×*+/÷−-]\s*\d[\d.,]*\s*=\s*$")
SENTENCE_END = re.compile(r"[.!?][\"'”’)]*(?:\s|$)")
_BEFORE_A_SENTENCE = re.compile(r"[.!?:][\"'”’)]*\s*$|\n\s*$")
_HALF_WORD_BEFORE = re.compile(r"[\w'’-]*$")
_HALF_WORD_BEHIND = re.compile(r"^(?:[\w'’-]|[.,](?=\d))*")


@dataclass(frozen=True, slots=True)
class Span:
    """What one expert wrote, and what stands around it."""

    author: str
    """A member's name."""
    before: str
    """The answer before it."""
    text: str
    after: str
    """What was written since."""
    own: tuple[float, ...]
    """Log-probabilities that the author gave to the span's tokens, in nats."""
    base: tuple[float, ...]
    """Those that the base gave to the span's tokens and to what follows."""
    state: Float32Array | None = None
    """(n_embd,): the base's hidden state after the span; None where it was not read."""

    @property
    def words(self) -> str:
        """The text, and the rest of the words it begins and ends in."""
        begun, rest = "", ""
        if self.text[:1].isalnum() and (found := _HALF_WORD_BEFORE.search(self.before)):
            begun = found[0]
        if self.text[-1:].isalnum() and (found := _HALF_WORD_BEHIND.search(self.after)):
            rest = found[0]
        return begun + self.text + rest

    @property
    def ends_word(self) -> bool:
        """Whether the word it ends in is written to its end, as far as what follows tells."""
        behind = _HALF_WORD_BEHIND.match(self.after)
        return behind is not None and behind.end() < len(self.after)

    @property
    def begins_sentence(self) -> bool:
        """Whether a capital of its first word says nothing."""
        return not self.before.strip() or bool(_BEFORE_A_SENTENCE.search(self.before))

    @property
    def is_result(self) -> bool:
        """Of a sum or product just before it, which no document has to state."""
        return bool(_RESULT.search(self.before))


class Doubt(Protocol):
    def __call__(self, span: Span) -> str | None:
        """Why the span is doubted, to follow "because it"; None: it is not."""
        ...


@dataclass(frozen=True, slots=True)
class Trigger:
    """One kind of doubt, and what it takes."""

    name: str
    doubt: Doubt
    n_ahead: int = 0
    """Tokens behind the span that must be known, besides the end of its last word; fewer where the answer
    ends."""
    is_early: bool = False
    """Doubts half a span rightly, and more of it as well."""
    may_write: Callable[[str, Span], bool] = lambda author, span: True
    """Whether this member may write the span instead."""
    quotes: bool = False
    """The documents may write the span instead."""


def learned(p_right: Callable[[Span], float | None], least: float) -> Trigger:
    """The head's second output: so likely the span is right. None: it cannot tell."""

    def doubt(span: Span) -> str | None:
        p = p_right(span)
        return None if p is None or p >= least else f"is right with probability {p:.2f} only"

    return Trigger("learned", doubt, n_ahead=1)


def disagreement(own: float = UNLIKELY, base: float = UNLIKELY_TO_BASE) -> Trigger:
    """The author found its own words unlikely, and so does the base after reading on."""

    def doubt(span: Span) -> str | None:
        if _mean(span.own) < own and _mean(span.base) < base:
            return f"is unlikely, to {span.author} too"
        return None

    return Trigger("disagreement", doubt, AHEAD)


def unheard(claimed: Callable[[str, bool], Collection[str]], given: Collection[str]) -> Trigger:
    """A number or name of the span stands in no passage. `claimed(text, begins_sentence)`: those of a
    text; `given`: those of the passages and of the question."""

    def doubt(span: Span) -> str | None:
        if span.is_result:
            return None
        missing = sorted(set(claimed(span.words, span.begins_sentence)).difference(given))
        return f"says {missing[0]}, which no passage says" if missing else None

    return Trigger("documents", doubt, quotes=True)


def otherwise(passages_say: Callable[[str], Iterable[str]]) -> Trigger:
    """Where the passages go on from the same words, they go on with others. `passages_say`: how they do;
    nothing where too few words are the same."""

    def doubt(span: Span) -> str | None:
        said = _folded(SENTENCE_END.split(span.text, maxsplit=1)[0])
        known = [_folded(text) for text in passages_say(span.before)]
        if not known or not said or any(_agree(said, text) for text in known):
            return None
        return "is not what the passages say there"

    return Trigger("passage", doubt, is_early=True, quotes=True)


def unfamiliar(
    names: Callable[[str], Iterable[str]], knows: Mapping[str, Callable[[str], bool]]
) -> Trigger:
    """The author cannot spell a name it writes about, and another expert can. `names`: those in the
    question that an answer is about; `knows`: by expert."""

    def unknown(author: str, span: Span) -> list[str]:
        can_spell = knows.get(author)
        about = names(span.before + span.text)
        return [name for name in about if can_spell is not None and not can_spell(name)]

    def is_known(author: str, span: Span) -> bool:
        return author in knows and not unknown(author, span)

    def doubt(span: Span) -> str | None:
        found = unknown(span.author, span)
        if not found or not any(is_known(author, span) for author in knows):
            return None
        return f"is about {found[0]}, which {span.author} cannot spell"

    return Trigger("familiarity", doubt, may_write=is_known)


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values) if values else 0.0


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _agree(one: str, other: str) -> bool:
    """The same words, as far as both go; the last word of either may be cut."""
    n = min(len(one), len(other))
    return one[:n] == other[:n]
