"""What all routes share: the shelf, the threads, the counters; and one request to one team."""

import asyncio
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeVar

from starlette.requests import Request

from localcollab.errors import LocalcollabError
from localcollab.events import Finished
from localcollab.server.aids import Aids
from localcollab.server.blends import BlendAsk, BlendSeat
from localcollab.server.bodies import Body, parse
from localcollab.server.constraints import GrammarsOfTeams, OpenGrammar
from localcollab.server.errors import ApiError, api_error
from localcollab.server.journal import Journal, Keeping
from localcollab.server.seats import AnySeat, Seat
from localcollab.server.shelf import Served, Shelf
from localcollab.server.writing import Ask, AskEvent, Started, in_thread, write

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a request may hold, and how long it may take to arrive."""

    body_bytes: int = 8 * 2**20
    seconds: float = 30.0
    prompts: int = 64
    """Texts to complete or to rank in one request."""
    inputs: int = 2048
    """Texts to embed."""


@dataclass(slots=True)
class Counted:
    """Since the start."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By path of the route, and status."""
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Written, by team and author."""
    prompt_tokens: Counter[str] = field(default_factory=Counter)
    cached_tokens: Counter[str] = field(default_factory=Counter)
    seconds_prefill: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    seconds_decode: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, team: str, n_cached: int, end: Finished) -> None:
        self.prompt_tokens[team] += end.n_prompt
        self.cached_tokens[team] += n_cached
        for author, n in end.authors.items():
            self.tokens[team, author] += n
        self.seconds_prefill[team] += end.seconds_prefill
        self.seconds_decode[team] += end.seconds_decode


@dataclass(slots=True, eq=False)
class Serving:
    shelf: Shelf
    executor: Executor
    sizes: Sizes = field(default_factory=Sizes)
    counted: Counted = field(default_factory=Counted)
    started: float = field(default_factory=time.time)
    aids: Aids = field(default_factory=Aids)
    open_grammar: OpenGrammar = field(default_factory=GrammarsOfTeams)
    exact: bool = False
    """Evaluate every prompt from its start."""
    journal: Journal | None = None
    """Keeps conversations; None: nothing is stored."""

    async def in_executor(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)

    async def answer(
        self, served: Served, client: str, ask: Ask | BlendAsk, keeping: Keeping | None = None
    ) -> AsyncGenerator[AskEvent, None]:
        """In the client's turn. Raises `ApiError` 429, and what writing raises as `ApiError`."""
        pool, n_cached = served.pool, 0
        if self.exact and isinstance(ask, Ask):
            ask = replace(ask, reuse=False)
        seat = await pool.take(client, ask.tokens)

        def work(stop: threading.Event) -> Iterator[AskEvent]:
            written = _written(seat, ask, stop)
            return written if keeping is None else keeping.keep(ask.sampling.seed, written)

        events = in_thread(work, self.executor, lambda: pool.give_back(seat))
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Started):
                        n_cached = event.n_cached
                    elif isinstance(event, Finished):
                        self.counted.add(served.name, n_cached, event)
                    yield event
        except LocalcollabError as error:
            raise api_error(error) from error


def _written(seat: AnySeat, ask: Ask | BlendAsk, stop: threading.Event) -> Iterator[AskEvent]:
    if isinstance(seat, BlendSeat):
        assert isinstance(ask, BlendAsk), "chats alone ask blends"
        return seat.write(ask, stop)
    assert isinstance(seat, Seat), "a team has no other seats"
    assert isinstance(ask, Ask), "a team is asked in tokens"
    return write(seat, ask, stop)


def serving_of(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


async def body_of(request: Request, kind: type[Body]) -> tuple[Body, dict[str, str]]:
    """The body, and headers that warn of what is ignored. Raises `ApiError`."""
    body, ignored = parse(kind, await read_body(request))
    if not ignored:
        return body, {}
    return body, {"warning": f'299 localcollab "ignored: {", ".join(ignored)}"'}


async def read_body(request: Request) -> bytes:
    """Raises `ApiError` 413 for a long one, 408 for one that does not arrive."""
    sizes = serving_of(request).sizes
    data = bytearray()
    try:
        async with asyncio.timeout(sizes.seconds):
            async for part in request.stream():
                data += part
                if len(data) > sizes.body_bytes:
                    raise ApiError(
                        413, f"the body has more than {sizes.body_bytes} bytes: shorten it",
                        code="body_too_large", headers={"Connection": "close"},
                    )  # fmt: skip
    except TimeoutError:
        raise ApiError(
            408, f"the body did not arrive within {sizes.seconds:g} seconds: send it again",
            headers={"Connection": "close"},
        ) from None  # fmt: skip
    return bytes(data)


def client_of(request: Request, user: str | None = None) -> str:
    """Whose requests are one client's: its own name for its user, its key, its address."""
    key = request.headers.get("authorization", "")
    host = request.client.host if request.client else ""
    return "\0".join((host, key, user or ""))
