"""The events of a generation. Every token records which model wrote it, and with what probability."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

FinishReason = Literal["end", "stop_string", "max_tokens", "context", "stopped", "repetition"]
"""end: the model ended the answer; max_tokens, context: a limit was reached; stopped: by the caller;
repetition: the answer was in an exact loop."""

_MOST_SHOWN, _MOST_STORED = 120, 4_000
"""Characters of what was taken back."""
TAKEN_BACK = "taken back"
"""How the notes begin that say what was."""
_LEAST = 1e-30
"""A probability of 0 has no logarithm."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """The prompt as it will be read. `n_reread`: tokens of earlier turns that must be evaluated again,
    because the template rendered those turns differently."""

    n_tokens: int
    n_reread: int = 0
    notes: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    """Sampling and limits that are used, by name."""
    n_continued: int = 0
    """Tokens at the end of the prompt that are the answer's own, which goes on behind them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Prompt tokens evaluated so far on the way to the first token."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token. `text` holds whole characters only, so it may be empty."""

    id: int
    text: str
    author: str
    probability: float
    """Of this token, in the distribution it was sampled from at temperature 1."""
    p_defer: float | None = None
    """The probability that any expert should write it; None where there is no expert to ask."""
    unsure: bool = False
    """No model that was read gave this token a probability of at least one half, and no word of the
    prompt begins with the word it writes."""


def confidence(tokens: Sequence[Token]) -> float | None:
    """Mean log-probability of the tokens of an answer, in nats; None of nothing."""
    if not tokens:
        return None
    return math.fsum(math.log(max(token.probability, _LEAST)) for token in tokens) / len(tokens)


@dataclass(frozen=True, slots=True)
class Unfamiliar:
    """An expert wrote a name that its documents do not contain: double-check the answer."""

    expert: str
    name: str


@dataclass(frozen=True, slots=True)
class Retracted:
    """The last tokens are no part of the answer any more: it went back, and goes on in another way."""

    n_tokens: int
    """How many of the `Token` events before this one."""
    text: str
    """Theirs."""
    why: str
    """As "repeated itself"."""
    author: str = ""
    """Who wrote the span that is doubted; empty for a loop."""

    @property
    def _words(self) -> str:
        return " ".join(self.text.split())

    @property
    def note(self) -> str:
        """`line`, and on another one all of the text where the first does not hold it."""
        is_long = len(self._words) > _MOST_SHOWN
        return f"{self.line}\n{self._words[:_MOST_STORED]}" if is_long else self.line

    @property
    def line(self) -> str:
        """What happened, in one line."""
        words = self._words
        shown = words if len(words) <= _MOST_SHOWN else words[:_MOST_SHOWN] + " …"
        who = f", by {self.author}" if self.author else ""
        n_tokens = f"{self.n_tokens} token{'' if self.n_tokens == 1 else 's'}"
        return f"{TAKEN_BACK}, because it {self.why} ({n_tokens}{who}): {shown}"


@dataclass(frozen=True, slots=True)
class Drafted:
    """Tokens that one source proposed in speculative decoding, and how many of them were written."""

    proposed: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Confidence:
    """How likely what an expert wrote in one go is right, as its head has learned."""

    author: str
    text: str
    """Whole words."""
    p_right: float

    @property
    def line(self) -> str:
        return f"{' '.join(self.text.split())} {self.p_right:.2f}"


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every generation."""

    reason: FinishReason
    text: str
    """The whole answer without stop string and end token."""
    tokens: tuple[int, ...]
    """The generated ids, without the end token."""
    n_prompt: int
    authors: Mapping[str, int] = field(default_factory=dict)
    """Tokens by author."""
    seconds_prefill: float = 0.0
    seconds_decode: float = 0.0
    n_repeated: int = 0
    """Tokens of loops that were written after their first copies; `text` and `tokens` leave them out."""
    drafted: Mapping[str, Drafted] = field(default_factory=dict)
    """By source: `lookup`, `recall`, `draft`, `member`. Empty where nothing was proposed."""
    n_rewritten: int = 0
    """Tokens that second thoughts took more: spans taken back, and others tried in their place."""
    confidences: tuple[Confidence, ...] = ()
    """Of the spans of experts, in order, where second thoughts have a head that tells."""

    @property
    def confidence_line(self) -> str:
        """How likely each span is right; empty where nothing tells."""
        spans = dict.fromkeys(each.line for each in self.confidences)
        return f"right with probability: {' · '.join(spans)}" if spans else ""

    @property
    def tokens_per_second(self) -> float:
        return (
            (len(self.tokens) + self.n_repeated + self.n_rewritten) / self.seconds_decode
            if self.seconds_decode > 0
            else 0.0
        )


Event = Prompted | Progress | Token | Retracted | Unfamiliar | Finished
