"""Options by name -> records, and the events of one answer -> one result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TypedDict

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer.citations import Claim
from localcollab.documents.answer.events import AnswerEvent, Checked, LeftOut, SentPassage, Sources
from localcollab.events import Finished, FinishReason, Token, Unfamiliar


class AnswerOptions(TypedDict, total=False):
    """Keyword arguments of everything that asks. Defaults are those of `Sampling` and `Limits`."""

    max_tokens: int | None
    stop: str | Iterable[str]
    ends_loops: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    repeat_last: int
    seed: int
    typical_p: float
    dry_multiplier: float
    dry_base: float
    dry_allowed_length: int
    dry_last: int
    xtc_probability: float
    xtc_threshold: float
    logit_bias: tuple[tuple[int, float], ...]
    presence_penalty: float
    frequency_penalty: float


_SAMPLING = tuple(each.name for each in fields(Sampling))
_LIMITS = ("max_tokens", "stop", "ends_loops")


def parse_options(options: AnswerOptions) -> tuple[Sampling, Limits]:
    """Raises `BadOption`, and `TypeError` for an unknown name."""
    given = dict[str, object](options)
    unknown = sorted(given.keys() - {*_SAMPLING, *_LIMITS})
    if unknown:
        known = ", ".join((*_LIMITS, *_SAMPLING))
        raise TypeError(f"unknown option {unknown[0]!r}: the options of an answer are {known}")
    stop = options.get("stop", ())
    given["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    sampling = {name: given[name] for name in _SAMPLING if name in given}
    limits = {name: given[name] for name in _LIMITS if name in given}
    return Sampling(**sampling), Limits(**limits)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. As a string it is its text."""

    text: str
    """Without the stop string and the end token."""
    tokens: tuple[Token, ...]
    """Every token with its author, its probability and p_defer."""
    authors: Mapping[str, int]
    """Number of tokens by author."""
    reason: FinishReason
    """Why it ended: end, stop_string, max_tokens, context, stopped or repetition."""
    n_prompt: int
    seconds_prefill: float
    seconds_decode: float
    unfamiliar: tuple[Unfamiliar, ...] = ()
    """Names that an expert wrote about and does not know: double-check the answer."""

    @property
    def tokens_per_second(self) -> float:
        return sum(self.authors.values()) / self.seconds_decode if self.seconds_decode > 0 else 0.0

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class SourcedAnswer(Answer):
    """An answer from documents, every sentence of it checked against what was sent."""

    sources: tuple[SentPassage, ...] = ()
    n_left_out: int = 0
    """Passages that were found and did not fit."""
    claims: tuple[Claim, ...] = ()
    cited: str = ""
    """The text with the marks of the sources that the program itself found."""
    is_supported: bool = False
    unnamed: tuple[str, ...] = ()
    """Names that the answer takes over from the question and no document holds."""
    left_out: tuple[LeftOut, ...] = ()
    """What `strict` left out of the text, and why."""


@dataclass(slots=True)
class _Heard:
    tokens: list[Token] = field(default_factory=list)
    unfamiliar: list[Unfamiliar] = field(default_factory=list)
    sources: Sources | None = None
    checked: Checked | None = None
    finished: Finished | None = None


def to_answer(events: Iterable[object]) -> Answer:
    """Raises what asking raises."""
    heard = _hear(events)
    return Answer(*_parts(heard), unfamiliar=tuple(heard.unfamiliar))


def to_sourced_answer(events: Iterable[AnswerEvent]) -> SourcedAnswer:
    """Raises what asking raises, and `NotSupported`."""
    heard = _hear(events)
    sent, checked = heard.sources, heard.checked
    assert sent is not None, "it is the first event"
    assert checked is not None, "it comes before Finished"
    return SourcedAnswer(
        *_parts(heard), unfamiliar=tuple(heard.unfamiliar), sources=sent.passages,
        n_left_out=sent.n_left_out, claims=checked.claims, cited=checked.cited,
        is_supported=checked.is_supported, unnamed=checked.unnamed, left_out=checked.left_out,
    )  # fmt: skip


def _hear(events: Iterable[object]) -> _Heard:
    heard = _Heard()
    for event in events:
        match event:
            case Token():
                heard.tokens.append(event)
            case Unfamiliar():
                heard.unfamiliar.append(event)
            case Sources():
                heard.sources = event
            case Checked():
                heard.checked = event
            case Finished():
                heard.finished = event
    return heard


def _parts(
    heard: _Heard,
) -> tuple[str, tuple[Token, ...], Mapping[str, int], FinishReason, int, float, float]:
    end = heard.finished
    assert end is not None, "every answer ends with Finished"
    return (
        end.text, tuple(heard.tokens), end.authors, end.reason, end.n_prompt, end.seconds_prefill,
        end.seconds_decode,
    )  # fmt: skip
