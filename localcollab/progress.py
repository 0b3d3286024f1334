"""What a slow command says while it works and, where its units are counted, how long the rest will take.

The library reports facts; who shows them keeps one `Pace`, which measures. How they are shown is left to
the terminal and the chat.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WORTH_SAYING = 10.0
"""Seconds. Shorter work is not estimated."""
_FREE_SECONDS = 0.05
"""Units that are done this soon were done before: a prompt's start in the cache, a resumed file."""
_LEAST_SECONDS = 0.2
_WINDOW_SECONDS = 30.0
"""Speed is that of the last half minute: connections and machines change."""


@dataclass(frozen=True, slots=True)
class Counted:
    """`done` of `total` units of one piece of work. Report 0 first: from there on it is measured."""

    what: str
    done: int
    total: int
    unit: str = ""
    """As "tokens"."""
    detail: str = ""
    """As "loss 0.31"."""

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        detail = f", {self.detail}" if self.detail else ""
        return f"{self.what}: {self.done} of {self.total}{unit}{detail}"


OnProgress = Callable[[str | Counted], None]


def silently(_doing: str | Counted) -> None:
    """An `OnProgress` for callers that show none."""


class Pace:
    """How long counted work takes, from its own measured speed. Work is told apart by `what`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds."""
        self._clock = clock
        self._what: str | None = None
        self._began = 0.0
        self._samples: deque[tuple[float, int]] = deque()

    def seconds_left(self, work: Counted) -> float | None:
        """None: not known yet, or the whole takes less than `WORTH_SAYING`."""
        now = self._clock()
        if work.what != self._what or work.done < self._samples[-1][1]:
            self._what, self._began = work.what, now
            self._samples = deque([(now, work.done)])
            return None
        if now - self._began < _FREE_SECONDS:
            self._samples = deque([(self._began, work.done)])
            return None
        self._samples.append((now, work.done))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW_SECONDS:
            self._samples.popleft()
        then, done_then = self._samples[0]
        if now - then < _LEAST_SECONDS or work.done <= done_then:
            return None
        left = max(0, work.total - work.done) * (now - then) / (work.done - done_then)
        return left if now - self._began + left >= WORTH_SAYING else None


def left_text(seconds: float) -> str:
    """`about 40 s left`; no more digits than such an estimate is worth."""
    if seconds < 10:
        return f"about {max(1, round(seconds))} s left"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 90 else f"about {seconds / 3600:.1f} h left"
