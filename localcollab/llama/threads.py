"""How many threads compute: chosen while running, because what else the machine does changes.

llama.cpp's threads meet at a barrier after every operation. Where another program holds one of the cores,
all of them wait for the one that shares it, and fewer threads are faster. Results do not depend on the
number of threads, bit for bit.

libgomp's barriers spin before they sleep. By default they spin so long that a busy machine computes a
hundred times slower; never spinning costs twice the time on an idle one. So the spin is bounded, unless
the user chose: `bound_spinning` must run before llama.cpp's library is loaded. A copy of libgomp that
another package (torch) brings is another library, and unaffected.
"""

import os
from collections import deque
from statistics import median

SPIN_COUNT = 300
_USERS_CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
_TRIALS = 3
_FIRST_TRIAL = 6
_REST, _LONGEST_REST = 48, 1536
"""Decodes between two trials of another number; doubled each time that it loses clearly."""
_CLEARLY, _SLOWER = 1.15, 1.5


def bound_spinning() -> None:
    """Only libgomp reads it: builds without OpenMP are left as they are."""
    if not any(name in os.environ for name in _USERS_CHOICES):
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)


def candidates(most: int) -> tuple[int, ...]:
    """All the cores, half of them, one."""
    return tuple(dict.fromkeys((most, max(1, most // 2), 1)))


class ThreadChoice:
    """Of one kind of work (decoding token by token, or reading a prompt): which number is fastest now.

    `next` says how many threads the next piece of work takes, `add` how long it took, in seconds a token.
    """

    def __init__(self, numbers: tuple[int, ...]) -> None:
        self._numbers = numbers
        self.best = self._running = numbers[0]
        self._recent: dict[int, deque[float]] = {n: deque(maxlen=_TRIALS) for n in numbers}
        self._rest = dict.fromkeys(numbers[1:], _FIRST_TRIAL)
        self._pause = dict.fromkeys(numbers, _REST)
        self._best_seen = float("inf")

    def next(self) -> int:
        if self._running != self.best and len(self._recent[self._running]) == _TRIALS:
            self._judge(self._running)
        if self._running == self.best and len(self._recent[self.best]) == _TRIALS:
            due = [n for n, left in self._rest.items() if left <= 0]
            if due:
                self._running = due[0]
                self._recent[self._running].clear()
        return self._running

    def add(self, seconds: float) -> None:
        self._recent[self._running].append(seconds)
        if self._running != self.best:
            return
        for n in self._rest:
            self._rest[n] -= 1
        self._notice(seconds)

    def _notice(self, seconds: float) -> None:
        """Much slower than it was: the machine does something else, so the others are tried soon."""
        if len(self._recent[self.best]) < _TRIALS:
            return
        now = median(self._recent[self.best])
        if now > _SLOWER * self._best_seen:
            self._rest = dict.fromkeys(self._rest, 0)
            self._pause = dict.fromkeys(self._numbers, _REST)
            self._best_seen = now
        self._best_seen = min(self._best_seen, now)

    def _judge(self, tried: int) -> None:
        ours, theirs = median(self._recent[self.best]), median(self._recent[tried])
        if theirs < ours:
            self._rest[self.best] = self._pause[self.best] = _REST
            del self._rest[tried]
            self.best, self._best_seen = tried, theirs
        else:
            if theirs > _CLEARLY * ours:
                self._pause[tried] = min(2 * self._pause[tried], _LONGEST_REST)
            self._rest[tried] = self._pause[tried]
        self._running = self.best
