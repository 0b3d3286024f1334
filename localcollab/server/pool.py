"""Contexts of one team that conversations share: who gets which, who waits, and whose turn it is to read.

A seat is one set of contexts on the team's weights. A request takes the free seat whose cache holds the
longest start of its prompt; another conversation's seat, least recently used first, only when no more may
be opened. Reads of all seats take turns, token by token: on one machine two reads at once are slower than
one after the other, and no client waits for another's whole answer.
"""

import asyncio
import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from localcollab.errors import BadOption, LocalcollabError
from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper
from localcollab.server.errors import ApiError
from localcollab.teams.open import OpenTeam
from localcollab.teams.session import Session

WORTH_REUSING = 64
"""Tokens. A shorter shared start is read again: then a short question gets the same bits as `run`."""


class Conversation(Protocol):
    @property
    def session(self) -> Session: ...
    def close(self) -> None: ...


class Source(Protocol):
    """What a team was loaded from: its own contexts, and more of them on the same weights."""

    @property
    def team(self) -> OpenTeam: ...
    @property
    def weights_bytes(self) -> int: ...
    @property
    def conversation_bytes(self) -> int: ...
    def open_beside(self, system: str | None) -> Conversation:
        """Raises `BadOption` where memory is short."""
        ...

    def close(self) -> None: ...


class Forgets(Protocol):
    def forget(self) -> None:
        """The next read evaluates every token."""
        ...


class AnySeat(Protocol):
    """What is given out to one request at a time."""

    used: float
    """When it was given back, on the monotonic clock."""

    cached: list[int]
    """Tokens whose evaluation it keeps."""

    def n_shared(self, tokens: Sequence[int]) -> int: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class AllSeats:
    """A source that has these from the beginning, and cannot have more."""

    seats: tuple[AnySeat, ...]
    close: Callable[[], None]


class Turn:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._is_taken = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        with self._lock:
            mine = threading.Event()
            if self._is_taken:
                self._waiting.append(mine)
            else:
                self._is_taken = True
                mine.set()
        mine.wait()
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._is_taken = False


class _NoTurn(Turn):
    """Given to everybody at once."""

    @contextmanager
    def taken(self) -> Iterator[None]:
        yield


class _InTurn(Wrapper):
    """A model that waits for its turn before each read."""

    def __init__(self, inner: LanguageModel, turn: Turn) -> None:
        super().__init__(inner)
        self._turn = turn

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        with self._turn.taken():
            return self.inner.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


class Seat(_InTurn):
    """One set of contexts, and what their caches hold. One request at a time uses it.

    It keeps the first reading of the last prompt: asking the same again continues from equal bits.
    """

    def __init__(
        self, team: OpenTeam, turn: Turn, close: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(team.model, turn)
        speculation = team.speculation and team.speculation.through(partial(_InTurn, turn=turn))
        self.team = replace(team, speculation=speculation)
        self._close = close
        self.cached: list[int] = []
        self.used = 0.0
        self._prompt: list[int] = []
        self._first: Reading | None = None

    def n_shared(self, tokens: Sequence[int]) -> int:
        """How many leading tokens its cache holds."""
        pairs = zip(self.cached, tokens, strict=False)
        differ = (n for n, (old, new) in enumerate(pairs) if old != new)
        return next(differ, min(len(self.cached), len(tokens)))

    def begin(self, prompt: Sequence[int], *, reuse: bool) -> int:
        """For an answer to `prompt`. Returns how many of its tokens need not be evaluated."""
        is_same = reuse and self._first is not None and list(prompt) == self._prompt
        n_shared = self.n_shared(prompt) if reuse else 0
        if not is_same:
            self._prompt, self._first = list(prompt), None
            self._begin_states(n_shared, reuse=reuse)
            if n_shared < WORTH_REUSING:
                n_shared = 0
                self.forget()
        return n_shared

    def _begin_states(self, n_shared: int, *, reuse: bool) -> None:
        """What is given up goes to the prompt cache, if there is one, and may come back from there."""
        if len(self.cached) - n_shared >= WORTH_REUSING:
            self.team.keep_states()
        if self.team.prompt_cache is not None:
            self.team.prompt_cache.begin_again()
        self.team.expect(self._prompt, recall=reuse)

    def close(self) -> None:
        self._close()

    def forget(self) -> None:
        for context in self.team.contexts:
            context.forget()
        self.cached = []

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`."""
        wanted = list(tokens)
        is_first = last == 1 and not hidden and wanted == self._prompt
        if is_first and self._first is not None:
            return self._first
        n_shared = self.n_shared(wanted)
        # Until it is done, no more than this is certain.
        before, self.cached = self.cached, self.cached[:n_shared]
        reading = super().read(wanted, last=last, hidden=hidden, on_chunk=on_chunk)
        # `last=0` of what is there already leaves the rest of the cache alone.
        self.cached = before if not last and n_shared == len(wanted) else wanted
        if is_first:
            self._first = reading
        return reading


class SharedSeat(Seat):
    """One conversation of a context that several share, which waits for its turn itself."""

    def __init__(self, team: OpenTeam, sequence: Forgets) -> None:
        super().__init__(team, _NoTurn())
        self._sequence = sequence

    def forget(self) -> None:
        self._sequence.forget()
        self.cached = []


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
