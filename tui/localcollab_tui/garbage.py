"""When Python looks for garbage: not while the app starts, and not for long while an answer streams.

A full collection walks through every object there is: 30 ms and more, in which no key is served. So
what the start made is left out of them, and they happen when a question was sent: nobody types then.
Young objects are looked at as always, in 2 ms.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = 1000
"""Collections of the middle generation before a full one comes by itself; Python's own is 10."""


@contextmanager
def paused() -> Iterator[None]:
    """Or until `resume`: a start makes objects that stay; looking at them takes a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resume() -> tuple[int, int, int]:
    """What is there now stays. Returns the thresholds before, for `end`."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(before[0], before[1], _SELDOM)
    gc.enable()
    return before


def keep() -> None:
    """What came since then stays too: numpy, llama.cpp and a team, 100,000 objects."""
    gc.collect()
    gc.freeze()


def collect() -> None:
    gc.collect()


def end(before: tuple[int, int, int]) -> None:
    """As if the app had never been there: other code may live in this process."""
    gc.set_threshold(*before)
    gc.unfreeze()
