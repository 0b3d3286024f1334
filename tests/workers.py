"""Tests side by side in the workers of pytest-xdist: a core for each, and `serial` tests alone.

A test that measures time or memory carries the marker `serial`. It waits until the other workers' tests
have ended, and they wait for it. So one run of pytest, with one summary, holds all tests.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AFFINITY = hasattr(os, "sched_setaffinity")
_ALL_CORES = os.sched_getaffinity(0) if _AFFINITY else set()


def own_cores(worker: str, n_workers: int) -> set[int]:
    """The cores of one worker ("gw0"). llama.cpp's threads wait for each other actively: two workers that
    shared all cores would mostly wait."""
    cores = sorted(_ALL_CORES)
    n = int(worker.removeprefix("gw"))
    return set(cores[n % len(cores) :: n_workers]) if n_workers <= len(cores) else set(cores)


def keep_to_own_cores() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and _AFFINITY:
        os.sched_setaffinity(0, own_cores(worker, int(os.environ["PYTEST_XDIST_WORKER_COUNT"])))


@contextmanager
def turn(queue: Path, tests: Path, *, alone: bool) -> Iterator[None]:
    """One test's turn: alone and on all cores, or beside others. All workers lock the same two files."""
    with open(queue, "rb") as queue_lock, open(tests, "rb") as tests_lock:
        # Whoever waits to be alone keeps the queue, so that nobody else begins.
        fcntl.flock(queue_lock, fcntl.LOCK_EX)
        fcntl.flock(tests_lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue_lock, fcntl.LOCK_UN)
        if alone and _AFFINITY:
            os.sched_setaffinity(0, _ALL_CORES)
        try:
            yield
        finally:
            if alone:
                keep_to_own_cores()
            # Not by closing: a forked child may hold the same lock.
            fcntl.flock(tests_lock, fcntl.LOCK_UN)
