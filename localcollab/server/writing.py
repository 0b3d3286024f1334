"""One `Ask` on a seat -> events. Runs in a thread; setting the event stops it, in a long read too."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from localcollab.blend.events import Answered, Chosen, Ranked
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.constrained import Constrained, Grammar
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.events import Event, Finished, Progress, Token, Unfamiliar
from localcollab.language_model import LanguageModel, Reading, Wrapper, log_softmax
from localcollab.methods.familiarity import unfamiliar
from localcollab.server.seats import Seat
from localcollab.teams.doubts import doubts_of

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer that is wanted."""

    tokens: tuple[int, ...]
    """The prompt."""
    sampling: Sampling
    limits: Limits
    n_top: int = 0
    """Alternatives to each token, with their logprobs."""
    grammar: Callable[[], Grammar] | None = None
    """Opens the state that decides which tokens may come next."""
    reuse: bool = True
    """Continue from what a cache holds; False: evaluate the whole prompt."""
    question: str = ""
    """Whose names the answer is searched for; empty: no search."""

    def with_seed(self, n: int) -> "Ask":
        """For the `n`-th answer to it."""
        return replace(self, sampling=replace(self.sampling, seed=self.sampling.seed + n))


@dataclass(frozen=True, slots=True)
class Alternative:
    token: int
    logprob: float
    """Nats."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What stood behind one token."""

    top: tuple[Alternative, ...] = ()
    """The most likely tokens of the distribution it was sampled from."""
    others: Mapping[str, Alternative] = field(default_factory=dict)
    """What each member that was read found most likely."""


@dataclass(frozen=True, slots=True)
class Started:
    n_prompt: int
    n_cached: int
    """Tokens of the prompt that need not be evaluated."""


@dataclass(frozen=True, slots=True)
class Written:
    token: Token
    detail: Detail


AskEvent = Started | Progress | Written | Unfamiliar | Finished | Answered | Ranked | Chosen
"""The last three are a blend's."""


class _Author(str):
    """Of one token, with what stood behind it."""

    detail: Detail


class _Watched(Wrapper):
    """Notes what stood behind each token, with its author."""

    def __init__(self, inner: LanguageModel, n_top: int) -> None:
        super().__init__(inner)
        self._n_top = n_top

    def attribute(self, reading: Reading, token: int) -> str:
        """The decoder asks for the author of each token once, as soon as it is chosen."""
        author = _Author(self.inner.attribute(reading, token))
        author.detail = Detail(_top(reading.logits[-1], self._n_top), _others(reading))
        return author


def _top(logits: np.ndarray, n: int) -> tuple[Alternative, ...]:
    if not n:
        return ()
    logprobs = log_softmax(logits)
    likeliest = np.argpartition(-logprobs, min(n, len(logprobs)) - 1)[:n]
    ordered = likeliest[np.argsort(-logprobs[likeliest], kind="stable")]
    return tuple(
        Alternative(int(t), float(logprobs[t])) for t in ordered if np.isfinite(logprobs[t])
    )


def _others(reading: Reading) -> dict[str, Alternative]:
    return {
        name: _top(member.logits[-1], 1)[0]
        for name, member in reading.members.items()
        if len(member.logits)
    }


def write(seat: Seat, ask: Ask, stop_event: threading.Event) -> Iterator[AskEvent]:
    """Raises what `generate` raises, and `BadOption` for a grammar that fails."""
    yield Started(len(ask.tokens), seat.begin(ask.tokens, reuse=ask.reuse))
    if ask.grammar is None:
        yield from _watched(seat, seat, ask, stop_event)
        return
    grammar = ask.grammar()
    try:
        model = Constrained(seat, grammar, len(ask.tokens))
        yield from _watched(model, seat, ask, stop_event)
    finally:
        grammar.close()


def _watched(
    model: LanguageModel, seat: Seat, ask: Ask, stop_event: threading.Event
) -> Iterator[AskEvent]:
    watched = _Watched(model, ask.n_top)
    events = generate(
        watched,
        ask.tokens,
        ask.sampling,
        ask.limits,
        # What is proposed depends on times, and how much is read at once changes the last digits.
        speculation=seat.team.speculation if ask.reuse else None,
        # Others know no grammar.
        second_thoughts=None if ask.grammar else doubts_of(seat.team, ask.question, holds=True),
        stop_event=stop_event,
    )
    for event in events:
        match event:
            case Token(author=author):
                detail = author.detail if isinstance(author, _Author) else Detail()
                yield Written(replace(event, author=str(author)), detail)
            case Finished():
                event = replace(event, authors={str(name): n for name, n in event.authors.items()})
                yield from _unfamiliar(seat, ask, event)
                yield event
            case Progress():
                yield event


def _unfamiliar(seat: Seat, ask: Ask, answer: Finished) -> Iterator[Unfamiliar]:
    if ask.question:
        for expert, name in unfamiliar(
            seat.team.spellers, answer.authors, ask.question, answer.text
        ):
            yield Unfamiliar(expert, name)


class _End:
    """After the last event; `error` is what ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


async def in_thread(
    make: Callable[[threading.Event], Iterator[E]],
    executor: Executor,
    on_done: Callable[[], None] = lambda: None,
) -> AsyncGenerator[E, None]:
    """The events of a blocking iterator. Closing this one stops it, and waits until its thread has
    ended; `on_done` is called then, even while a slow client is still reading."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[E | _End] = asyncio.Queue()
    stop = threading.Event()

    def tell(event: E | _End) -> None:
        loop.call_soon_threadsafe(events.put_nowait, event)

    def work() -> None:
        try:
            for event in make(stop):
                if stop.is_set():
                    break
                tell(event)
        except BaseException as error:
            tell(_End(error))
        else:
            tell(_End())

    working = loop.run_in_executor(executor, work)
    working.add_done_callback(lambda _: on_done())
    try:
        while not isinstance(event := await events.get(), _End):
            yield event
        if event.error is not None:
            raise event.error
    finally:
        stop.set()
        await _finished(working)


async def _finished(working: "asyncio.Future[None]") -> None:
    """Wait even when this task is cancelled meanwhile, and be cancelled then."""
    cancelled: asyncio.CancelledError | None = None
    while not working.done():
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


def unsure_spans(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """[start, end) in code points of the text, of neighbouring tokens nobody was confident of."""
    spans: list[tuple[int, int]] = []
    at = 0
    for token in tokens:
        end = at + len(token.text)
        if token.unsure and end > at:
            if spans and spans[-1][1] == at:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((at, end))
        at = end
    return spans


def author_spans(tokens: Sequence[Token]) -> list[tuple[str, int, int]]:
    """(author, start, end) in code points of the text."""
    spans: list[tuple[str, int, int]] = []
    at = 0
    for token in tokens:
        end = at + len(token.text)
        if end > at:
            if spans and spans[-1][0] == token.author:
                spans[-1] = (token.author, spans[-1][1], end)
            else:
                spans.append((token.author, at, end))
        at = end
    return spans


__all__ = [
    "Alternative", "Ask", "AskEvent", "Detail", "Event", "Started", "Written", "author_spans",
    "in_thread", "unsure_spans", "write",
]  # fmt: skip
