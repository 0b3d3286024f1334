"""When Python collects garbage: not while the app starts, and never for long while an answer streams.

A full collection visits every object, 30 ms and more in which no key is served. So the objects of the
start are frozen (left out), and full collections run when a question was sent. Young generations are
collected as always, in 2 ms.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_RARELY = 1000
"""Middle collections before Python starts a full one by itself; Python's default is 10."""


@contextmanager
def paused() -> Iterator[None]:
    """Or until `resume`: collections would take a tenth of the start, and its objects stay anyway."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resume() -> tuple[int, int, int]:
    """Freeze what exists. Returns the old thresholds, for `restore`."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(before[0], before[1], _RARELY)
    gc.enable()
    return before


def freeze_now() -> None:
    """What came since then too: numpy, llama.cpp and a team, 100,000 objects."""
    gc.collect()
    gc.freeze()


def collect() -> None:
    gc.collect()


def restore(before: tuple[int, int, int]) -> None:
    """As before the app: other code may run in this process."""
    gc.set_threshold(*before)
    gc.unfreeze()
