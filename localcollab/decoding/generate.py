"""The decode loop: a generator of events, for a model or any team of models.

Sampler state is kept here; the models stay pure. To stop, stop iterating; from another thread, or inside
a long read, set `stop_event`.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from localcollab.decoding.answer_text import Answer, Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.prompt_words import PromptWords
from localcollab.decoding.repetition import Loop, LoopDetector
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.second_thoughts import Again, Doubts, SecondThoughts, settled
from localcollab.decoding.speculation import before_last
from localcollab.decoding.steps import Steps
from localcollab.decoding.written_token import written
from localcollab.errors import ContextFull
from localcollab.events import Drafted, Event, Finished, FinishReason, Progress, Token
from localcollab.language_model import LanguageModel, OnChunk, Reading, Stopped

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
    second_thoughts: Doubts | None = None,
    stop_event: threading.Event | None = None,
) -> Iterator[Event]:
    """Yields `Progress`, `Token`s and one `Finished`. Raises what `LanguageModel.read` raises.

    `second_thoughts`: an answer that loops or is doubted goes back and on in another way; yields
    `Retracted` then, unless they hold tokens back until these stay."""
    _require_room(len(prompt), model.n_ctx)
    known = PromptWords(prompt, model.vocabulary.piece)
    thoughts = SecondThoughts(sampling or Sampling(), model, prompt, known, second_thoughts)
    events = _written(
        model, list(prompt), thoughts, known, limits or Limits(), speculation, _stopper(stop_event)
    )
    holds = second_thoughts is not None and second_thoughts.holds
    yield from settled(events, thoughts) if holds else events


def _written(
    model: LanguageModel,
    tokens: list[int],
    thoughts: SecondThoughts,
    known: PromptWords,
    limits: Limits,
    speculation: Speculation | None,
    on_chunk: OnChunk | None,
) -> Iterator[Event]:
    answer, n_prompt = Answer(limits.stop, model.vocabulary.piece), len(tokens)
    detector = _detector(model, limits, ())
    loop: Loop | None = None
    steps = Steps(speculation, model, tokens) if speculation and speculation.may_gain else None
    started = first_read = time.perf_counter()
    reason: FinishReason | None = None
    counts, n_taken = Counts(), 0
    most = model.n_ctx - len(tokens)
    if limits.max_tokens is not None:
        most = min(most, limits.max_tokens)
    try:
        yield from _prefill(model, tokens, on_chunk)
        while reason is None:
            for reading in _readings(model, steps, tokens, limits, answer, on_chunk):
                if not answer.tokens:
                    first_read = time.perf_counter()
                token = thoughts.sample(reading.logits[-1], tokens)
                ends = token in model.vocabulary.end
                if not ends:
                    tokens.append(token)
                    new = written(model, reading, token, is_known=known.begins_one(token))
                    thoughts.note(reading, token, new.author)
                    yield from answer.add(new)
                    loop = detector.add(token) if detector else None
                else:
                    thoughts.note_end(reading)
                again = None
                if loop and thoughts.leaves_loops:
                    again = Again(thoughts.take_back(loop, answer))
                    n_taken, loop = n_taken + again.retracted.n_tokens, None
                elif not (loop or answer.hit_stop):
                    again = thoughts.again(answer, most, ended=ends, on_chunk=on_chunk)
                if again:
                    counts.add(steps.finish(tokens, is_loop=not again.tokens) if steps else {})
                    yield again.retracted
                    yield from _go_back(again, answer, tokens, n_prompt)
                    detector = _detector(model, limits, answer.tokens)
                    steps = Steps(speculation, model, tokens) if speculation else None
                    ends = again.ended
                reason = _ended(answer, len(tokens), model.n_ctx, limits.max_tokens, loop)
                reason = reason or ("end" if ends else None)
                if reason or again:
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
        n_prompt=n_prompt,
        authors=dict(answer.authors),
        seconds_prefill=first_read - started,
        seconds_decode=time.perf_counter() - first_read,
        n_repeated=n_taken + n_written - len(answer.tokens),
        drafted=counts.drafted,
        n_rewritten=thoughts.n_extra,
        confidences=thoughts.confidences(answer),
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


def _go_back(again: Again, answer: Answer, tokens: list[int], n_prompt: int) -> Iterator[Token]:
    """What stands there now; `tokens` follows the answer, of which the rest is taken back already."""
    del tokens[n_prompt + len(answer.tokens) :]
    for token in again.tokens:
        tokens.append(token.id)
        yield from answer.add(token)
        if answer.hit_stop:
            return


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
