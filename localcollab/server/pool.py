"""Who gets which seat of a team, and who waits.

A request takes the free seat whose cache holds the longest start of its prompt; another conversation's
seat, least recently used first, only when no more may be opened.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field

from localcollab.errors import BadOption, LocalcollabError
from localcollab.server.errors import ApiError
from localcollab.server.seats import WORTH_REUSING, AllSeats, AnySeat, Seat, Source, Turn


@dataclass(slots=True, eq=False)
class _Waiting:
    client: str
    tokens: Sequence[int]
    arrived: int
    seat: "asyncio.Future[AnySeat]" = field(repr=False)


class Pool:
    """The seats of one team. Used by one event loop; seats are opened in `executor`."""

    def __init__(
        self,
        source: Source | AllSeats,
        turn: Turn,
        executor: Executor,
        *,
        n_seats: int = 4,
        n_waiting: int = 64,
        has_room: Callable[[int], bool] = lambda n_bytes: True,
    ) -> None:
        """`has_room(n_bytes)`: whether the memory budget allows one more seat of so many bytes."""
        self._source, self._turn, self._executor = source, turn, executor
        self._n_waiting, self._has_room = n_waiting, has_room
        own = source.seats if isinstance(source, AllSeats) else (Seat(source.team, turn),)
        self.seats: list[AnySeat] = list(own)
        self._most = len(own) if isinstance(source, AllSeats) else n_seats
        self._free = list(self.seats)
        self._n_placed = 0
        self._waiting: list[_Waiting] = []
        self._running: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._clients: dict[AnySeat, str] = {}
        self._numbers = itertools.count()
        self._growing: asyncio.Task[None] | None = None
        self.used = time.monotonic()

    @property
    def n_running(self) -> int:
        return self._running.total()

    @property
    def n_queued(self) -> int:
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        return not (self.n_running or self._waiting or self._growing)

    @contextmanager
    def place(self) -> Iterator[None]:
        """For one request, from before its first answer to its end. Raises `ApiError` 429 where as many
        as may wait and be answered are there."""
        if self._n_placed >= self._n_waiting + self._most:
            raise self._full()
        self._n_placed += 1
        try:
            yield
        finally:
            self._n_placed -= 1

    def _require_place(self) -> None:
        """For who has none. Raises `ApiError` 429 where the queue is full."""
        n_places = self._n_waiting + self._most - len(self.seats)
        if not self._free and len(self._waiting) >= n_places:
            raise self._full()

    def _full(self) -> ApiError:
        n_waiting = len(self._waiting)
        return ApiError(
            429, f"{n_waiting} requests are waiting: try again later", code="queue_full",
            headers={"Retry-After": str(1 + n_waiting // 4)},
        )  # fmt: skip

    async def take(self, client: str, tokens: Sequence[int]) -> AnySeat:
        """A seat for a prompt of `tokens`, in `client`'s turn. Give it back. Raises `ApiError` 429."""
        self._require_place()
        seat: asyncio.Future[AnySeat] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(client, tokens, next(self._numbers), seat)
        self._waiting.append(waiting)
        self._dispatch()
        try:
            return await seat
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif seat.done() and not seat.cancelled():
                self.give_back(seat.result())
            raise

    def give_back(self, seat: AnySeat) -> None:
        self._running[self._clients.pop(seat)] -= 1
        self._running = +self._running
        self.used = seat.used = time.monotonic()
        self._free.append(seat)
        self._dispatch()

    def close(self) -> None:
        """No seat may be taken."""
        of_team = [seat for seat in self.seats if isinstance(seat, Seat)]
        for each in of_team:
            each.team.keep_states()
        if of_team and of_team[0].team.prompt_cache is not None:
            of_team[0].team.prompt_cache.flush()
        for seat in self.seats[1:]:
            seat.close()
        self._source.close()

    def _dispatch(self) -> None:
        # Who was cancelled may not have run since: a seat that is given to nobody would be lost.
        self._waiting = [each for each in self._waiting if not each.seat.done()]
        while self._waiting:
            waiting = min(self._waiting, key=self._urgency)
            seat = self._choose(waiting.tokens)
            if seat is None:
                break
            self._waiting.remove(waiting)
            self._free.remove(seat)
            self._running[waiting.client] += 1
            self._clients[seat] = waiting.client
            self._served[waiting.client] = next(self._numbers)
            waiting.seat.set_result(seat)
        if self._waiting and self._may_grow and self._growing is None:
            self._growing = asyncio.create_task(self._grow())

    def _urgency(self, waiting: _Waiting) -> tuple[int, int, int]:
        """Who has least running, then who was served longest ago, then who came first."""
        client = waiting.client
        return self._running[client], self._served.get(client, -1), waiting.arrived

    @property
    def _may_grow(self) -> bool:
        return len(self.seats) < self._most

    def _choose(self, tokens: Sequence[int]) -> AnySeat | None:
        if not self._free:
            return None
        best = max(self._free, key=lambda seat: (seat.n_shared(tokens), -seat.used))
        if best.n_shared(tokens) >= WORTH_REUSING:
            return best
        empty = [seat for seat in self._free if not seat.cached]
        if empty:
            return empty[0]
        # Another conversation's cache is worth more than the time to open one more seat.
        return None if self._may_grow else min(self._free, key=lambda seat: seat.used)

    async def _grow(self) -> None:
        """One more seat; where memory is short, no more from now on."""
        loop = asyncio.get_running_loop()
        try:
            seat = await loop.run_in_executor(self._executor, self._open_seat)
        except LocalcollabError:
            self._most = len(self.seats)
        else:
            self.seats.append(seat)
            self._free.append(seat)
        finally:
            self._growing = None
        self._dispatch()

    def _open_seat(self) -> Seat:
        assert not isinstance(self._source, AllSeats), "it does not grow"
        n_bytes = self._source.conversation_bytes
        if not self._has_room(n_bytes):
            raise BadOption("the memory budget holds no more contexts")
        conversation = self._source.open_beside(None)
        return Seat(conversation.session.team, self._turn, conversation.close)
