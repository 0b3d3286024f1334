"""Which teams can be asked, and which of them are loaded: within the memory budget, and no longer than
they are used."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from localcollab.api.sources import BlendSource, TokenSource
from localcollab.errors import BadOption
from localcollab.server.blends import BlendSeat
from localcollab.server.errors import ApiError
from localcollab.server.pool import Pool
from localcollab.server.seats import AllSeats, SharedSeat, Source, Turn
from localcollab.teams.opened import OpenTeam

_SECONDS_BETWEEN_LOOKS = 5.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A team or a model that may be asked by name; nothing is loaded yet."""

    name: str
    open: Callable[[], Source | BlendSource]
    """Raises what opening raises."""
    about: Mapping[str, object] = field(default_factory=dict)
    """What a list of models tells of it."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be loaded, and how long it stays."""

    n_seats: int = 4
    n_waiting: int = 64
    budget: int | None = None
    """Bytes; None: what is free."""
    keep_alive: float | None = None
    """Seconds after the last use; None: until the end."""
    together: bool = False
    """Evaluate the conversations of a model alone in one batch."""


@dataclass(slots=True, eq=False)
class Served:
    """A loaded team."""

    name: str
    source: Source | BlendSource
    pool: Pool
    not_together: str | None = None
    """Why its conversations are not evaluated in one batch; None: they are."""
    n_leases: int = 0
    keep_alive: float | None = None

    @property
    def team(self) -> OpenTeam:
        """Raises `ApiError` 400 for a blend, which has no tokens of its own."""
        if isinstance(self.source, BlendSource):
            raise ApiError(
                400, f"{self.name} is a blend, which picks among whole answers: ask it to chat, or name "
                f"one of its members ({', '.join(self.source.members)})", param="model",
            )  # fmt: skip
        return self.source.team

    @property
    def blend(self) -> BlendSource | None:
        return self.source if isinstance(self.source, BlendSource) else None

    @property
    def is_idle(self) -> bool:
        return not self.n_leases and self.pool.is_idle

    @property
    def n_bytes(self) -> int:
        """Weights and contexts; a blend keeps its members within a budget itself."""
        if isinstance(self.source, BlendSource):
            return 0
        return self.source.weights_bytes + len(self.pool.seats) * self.source.conversation_bytes


class Shelf:
    """For one event loop; teams are loaded in `executor`."""

    def __init__(
        self, offers: Iterator[Offer] | list[Offer], executor: Executor, room: Room
    ) -> None:
        self.offers = {offer.name: offer for offer in offers}
        self._executor, self._room, self._turn = executor, room, Turn()
        self._loaded: dict[str, Served] = {}
        self._loading = asyncio.Lock()

    @property
    def loaded(self) -> Mapping[str, Served]:
        return self._loaded

    def name_of(self, asked: str | None) -> str:
        """Without a name, or with Ollama's `:latest`, as well. Raises `ApiError` 404."""
        if not asked:
            return next(iter(self.offers))
        name = asked if asked in self.offers else asked.removesuffix(":latest")
        if name not in self.offers:
            known = ", ".join(self.offers)
            raise ApiError(
                404, f"no team or model is served as {asked!r}: there are {known}", param="model",
                code="model_not_found",
            )  # fmt: skip
        return name

    @asynccontextmanager
    async def lease(self, asked: str | None) -> AsyncIterator[Served]:
        """A team that stays loaded meanwhile. Raises `ApiError` 404, and what opening raises."""
        served = await self._load(self.name_of(asked))
        served.n_leases += 1
        try:
            yield served
        finally:
            served.n_leases -= 1
            served.pool.used = time.monotonic()

    async def look(self) -> None:
        """For ever: unload what has not been used for as long as it may stay."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            await self.unload_unused()

    async def unload_unused(self) -> None:
        now = time.monotonic()
        for served in list(self._loaded.values()):
            seconds = served.keep_alive
            if seconds is not None and served.is_idle and now - served.pool.used > seconds:
                await self._unload(served)

    async def close(self) -> None:
        """No request may be under way."""
        for served in list(self._loaded.values()):
            await self._unload(served)

    async def _load(self, name: str) -> Served:
        async with self._loading:
            if name not in self._loaded:
                await self._make_room()
                self._loaded[name] = await self._open(self.offers[name])
            return self._loaded[name]

    async def _open(self, offer: Offer) -> Served:
        loop, room = asyncio.get_running_loop(), self._room
        source = await loop.run_in_executor(self._executor, offer.open)
        seats, why = await loop.run_in_executor(self._executor, self._seats_of, source)
        pool = Pool(
            seats, self._turn, self._executor, n_seats=room.n_seats, n_waiting=room.n_waiting,
            has_room=self._has_room,
        )  # fmt: skip
        return Served(offer.name, source, pool, keep_alive=room.keep_alive, not_together=why)

    def _seats_of(self, source: Source | BlendSource) -> tuple[Source | AllSeats, str | None]:
        """And why its conversations are not evaluated together; None: they are."""
        if isinstance(source, BlendSource):
            return AllSeats((BlendSeat(source),), source.close), "a blend answers one at a time"
        if not self._room.together:
            return source, "`batch` was not asked for"
        if not isinstance(source, TokenSource):
            return source, "its models are of another kind"
        try:
            together = source.open_together(self._room.n_seats, self._turn.taken)
        except BadOption as error:
            return source, str(error)
        pairs = zip(together.teams, together.sequences, strict=True)

        def close() -> None:
            together.close()
            source.close()

        return AllSeats(tuple(SharedSeat(*pair) for pair in pairs), close), None

    async def _make_room(self) -> None:
        """Under a budget, idle teams are unloaded, least recently used first, to free half."""
        idle = sorted(
            (served for served in self._loaded.values() if served.is_idle),
            key=lambda served: served.pool.used,
        )
        if self._room.budget is None:
            return
        loop = asyncio.get_running_loop()
        for served in idle:
            n_bytes = await loop.run_in_executor(self._executor, self._n_bytes)
            if 2 * n_bytes <= self._room.budget:
                return
            await self._unload(served)

    async def _unload(self, served: Served) -> None:
        del self._loaded[served.name]
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, served.pool.close)

    def _has_room(self, n_bytes: int) -> bool:
        """Called in the executor."""
        budget = self._room.budget
        return budget is None or self._n_bytes() + n_bytes <= budget

    def _n_bytes(self) -> int:
        return sum(served.n_bytes for served in list(self._loaded.values()))
