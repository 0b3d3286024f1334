"""The decode loop: a generator of events, for a model or any team of models.

Sampler state is kept here; the models stay pure. To stop, stop iterating; from another thread, or inside
a long read, set `stop_event`.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from localcollab.decoding.answer_text import Answer, Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.prompt_words import PromptWords
from localcollab.decoding.repetition import Loop, LoopDetector
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.second_thoughts import MOST, SecondThoughts
from localcollab.decoding.speculation import before_last
from localcollab.decoding.steps import Steps
from localcollab.errors import ContextFull
from localcollab.events import Drafted, Event, Finished, FinishReason, Progress, Token
from localcollab.language_model import LanguageModel, OnChunk, Reading, Stopped

UNSURE_BELOW = 0.5
"""A token is unsure if no member that was read gave it this probability, and its word is new."""
_PREFILL_CHUNK = 512
_SHORT_PROMPT, _FIRST_CHUNK = 256, 64
"""The first chunk is small, so that it is known soon how long a longer prompt takes."""


def generate(
    model: LanguageModel,
    prompt: Sequence[int],
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    *,
    speculation: Speculation | None = None,
    second_thoughts: bool = False,
    stop_event: threading.Event | None = None,
) -> Iterator[Event]:
    """Yields `Progress`, `Token`s and one `Finished`. Raises what `LanguageModel.read` raises.

    `second_thoughts`: an answer that loops goes back and on in another way; yields `Retracted` then."""
    limits = limits or Limits()
    thoughts = SecondThoughts(
        sampling or Sampling(), model.vocabulary.piece, most=MOST if second_thoughts else 0
    )
    on_chunk = _stopper(stop_event)
    tokens = list(prompt)
    _require_room(len(tokens), model.n_ctx)
    answer = Answer(limits.stop, model.vocabulary.piece)
    known = PromptWords(tokens, model.vocabulary.piece)
    detector = _detector(model, limits, ())
    loop: Loop | None = None
    steps = Steps(speculation, model, tokens) if speculation and speculation.may_gain else None
    started = first_read = time.perf_counter()
    reason: FinishReason | None = None
    counts, n_taken = Counts(), 0
    try:
        yield from _prefill(model, tokens, on_chunk)
        while reason is None:
            for reading in _readings(model, steps, tokens, limits, answer, on_chunk):
                if not answer.tokens:
                    first_read = time.perf_counter()
                token = thoughts.sample(reading.logits[-1], tokens)
                if token in model.vocabulary.end:
                    reason = "end"
                    break
                tokens.append(token)
                yield from answer.add(_token(model, reading, token, known.begins_one(token)))
                loop = detector.add(token) if detector else None
                if loop and thoughts.are_left:
                    counts.add(steps.finish(tokens, is_loop=True) if steps else {})
                    back = thoughts.take_back(loop, answer, tokens)
                    n_taken += back.n_tokens
                    yield back
                    detector, loop = _detector(model, limits, answer.tokens), None
                    steps = Steps(speculation, model, tokens) if speculation else None
                    break
                reason = _ended(answer, len(tokens), model.n_ctx, limits.max_tokens, loop)
                if reason:
                    break
    except Stopped:
        reason = "stopped"
        if not answer.tokens:
            first_read = time.perf_counter()
    yield from answer.flush()
    n_written = len(answer.tokens)
    counts.add(steps.finish(tokens, is_loop=loop is not None) if steps else {})
    if loop:
        answer.cut(loop.start + loop.period)
    yield Finished(
        reason=reason,
        text=answer.text,
        tokens=tuple(answer.tokens),
        n_prompt=len(prompt),
        authors=dict(answer.authors),
        seconds_prefill=first_read - started,
        seconds_decode=time.perf_counter() - first_read,
        n_repeated=n_taken + n_written - len(answer.tokens),
        drafted=counts.drafted,
    )
    if steps and reason != "stopped":
        steps.measure(tokens)


class Counts:
    """What was proposed and accepted, over all parts of an answer."""

    def __init__(self) -> None:
        self.drafted: dict[str, Drafted] = {}

    def add(self, found: Mapping[str, Drafted]) -> None:
        for source, more in found.items():
            known = self.drafted.get(source, Drafted(0, 0))
            self.drafted[source] = Drafted(
                known.proposed + more.proposed, known.accepted + more.accepted
            )


def _detector(model: LanguageModel, limits: Limits, written: Sequence[int]) -> LoopDetector | None:
    """That has seen what is `written`."""
    if not limits.ends_loops:
        return None
    detector = LoopDetector(model.vocabulary.piece, limits.allowed_loops)
    for token in written:
        detector.add(token)
    return detector


def _require_room(n_prompt: int, n_ctx: int) -> None:
    if n_prompt >= n_ctx:
        raise ContextFull(
            f"the prompt has {n_prompt} tokens and leaves no room for an answer in the context of "
            f"{n_ctx}: shorten it, or give a larger `n_ctx`"
        )


def _prefill(
    model: LanguageModel, tokens: list[int], on_chunk: OnChunk | None
) -> Iterator[Progress]:
    first = [_FIRST_CHUNK] if len(tokens) > _SHORT_PROMPT else []
    if first:
        yield Progress(0, len(tokens))
    for at in (*first, *range(_PREFILL_CHUNK, len(tokens), _PREFILL_CHUNK)):
        model.read(tokens[:at], last=0, on_chunk=on_chunk)
        yield Progress(at, len(tokens))


def _readings(
    model: LanguageModel,
    steps: Steps | None,
    tokens: list[int],
    limits: Limits,
    answer: Answer,
    on_chunk: OnChunk | None,
) -> Iterator[Reading]:
    """The next reading; with speculation, one after each proposed token as well, as long as `tokens`,
    which the caller extends, follows the proposal."""
    if steps is None:
        yield model.read(tokens, on_chunk=on_chunk)
        return
    n_before, left = len(tokens), model.n_ctx - len(tokens) - 1
    if limits.max_tokens is not None:
        left = min(left, limits.max_tokens - len(answer.tokens) - 1)
    proposal = steps.propose(tokens, left, on_chunk)
    reading = steps.read(tokens, on_chunk)
    n_proposed = len(proposal)
    for n in range(n_proposed + 1):
        if tokens[n_before:] != proposal[:n]:
            return
        yield before_last(reading, n_proposed - n)


def _stopper(stop_event: threading.Event | None) -> OnChunk | None:
    if stop_event is None:
        return None

    def on_chunk(done: int, total: int) -> None:
        if stop_event.is_set():
            raise Stopped

    return on_chunk


def _ended(
    answer: Answer, n_tokens: int, n_ctx: int, max_tokens: int | None, loop: Loop | None
) -> FinishReason | None:
    if answer.hit_stop:
        return "stop_string"
    if loop:
        return "repetition"
    if max_tokens is not None and len(answer.tokens) >= max_tokens:
        return "max_tokens"
    return "context" if n_tokens >= n_ctx else None


def _token(model: LanguageModel, reading: Reading, token: int, is_known: bool) -> Token:
    p = probability(reading.logits[-1], token)
    p_defer = None if reading.p_defer is None else float(reading.p_defer[-1].sum())
    return Token(
        id=token,
        text="",
        author=model.attribute(reading, token),
        probability=p,
        p_defer=p_defer,
        unsure=not is_known and p < UNSURE_BELOW and _most_confident(reading, token) < UNSURE_BELOW,
    )


def probability(logits: np.ndarray, token: int) -> float:
    """Softmax of one row, at one token."""
    if not np.isfinite(logits[token]):
        return 0.0
    with np.errstate(over="ignore"):  # a very improbable token: 1 / inf = 0
        return float(1.0 / np.exp(logits - logits[token]).sum())


def _most_confident(reading: Reading, token: int) -> float:
    """The highest probability that the team or any member that was read gave to `token`."""
    own = probability(reading.logits[-1], token) if token < reading.logits.shape[1] else 0.0
    return max([own, *(_most_confident(member, token) for member in reading.members.values())])
