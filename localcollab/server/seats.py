"""What one request at a time uses: contexts on a team's weights, and what their caches hold.

Reads of all seats take turns, token by token: on one machine two reads at once are slower than one after
the other, and no client waits for another's whole answer. Who gets which seat is left to `pool`.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper
from localcollab.teams.opened import OpenTeam
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
