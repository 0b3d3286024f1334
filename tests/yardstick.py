"""How fast this machine is right now, beside an idle one: what bounds on times are measured by.

A bound that is meant for a person ("a key press within 50 ms") says nothing of a machine that is busy
with something else, or half as fast. So a time is divided by the slowness of the machine, measured
right before and right after it by work of the same kind that never changes. The lower of the two
counts: a machine that was slow only before, or only after, excuses nothing. On an idle machine of the
kind the bounds were set on, and on a faster one, slowness is 1 and the bound holds as it is written.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
_SECONDS = 0.25
_MODULES = (
    "argparse, asyncio, concurrent.futures, ctypes, decimal, doctest, email.message, http.client, "
    "logging.config, multiprocessing.pool, sqlite3, tomllib, unittest.mock, xml.dom.minidom"
)


@dataclass(frozen=True, slots=True)
class Yardstick:
    work: Callable[[], object]
    idle_seconds: float
    """Once, on an idle core of a two-core cloud machine, AMD EPYC, CPython 3.11."""

    def slowness(self) -> float:
        """The mean over a quarter of a second: other processes get the core for hundredths of one."""
        n, began = 0, time.perf_counter()
        while (seconds := time.perf_counter() - began) < _SECONDS:
            self.work()
            n += 1
        return max(1.0, seconds / n / self.idle_seconds)


def _run() -> int:
    seen: dict[tuple[int, str], list[int]] = {}
    for n in range(6000):
        seen.setdefault((n & 255, str(n & 63)), []).append(n)
    return sum(map(len, seen.values()))


def _start() -> None:
    subprocess.run([sys.executable, "-IS", "-c", f"import {_MODULES}"], check=True)


RUNNING = Yardstick(_run, 0.00085)
"""Tuples, dictionaries, strings and calls, as in an app that runs."""
STARTING = Yardstick(_start, 0.105)
"""An interpreter that starts and imports, as a program that begins."""


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    found: T
    slowness: float


def timed(measure: Callable[[], T], yardstick: Yardstick) -> Timed[T]:
    before = yardstick.slowness()
    found = measure()
    return Timed(found, min(before, yardstick.slowness()))
