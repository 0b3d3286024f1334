"""A ratio with its spread. Baseline and measured repetitions alternate, because machines drift."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Task = Callable[[], float]
"""Runs once; seconds."""
Clock = Callable[[], float]


def choose_clock(*, busy: bool) -> Clock:
    """Beside other work only CPU time is comparable, and only of one thread: others would spin."""
    return time.process_time if busy else time.perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio; the first level of the JSON."""

    key: str
    label: str
    value: float | None
    """None: skipped, and `note` says why."""
    spread: tuple[float, float] | None = None
    """Lower and upper quartile over the repetitions."""
    note: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


def alternate(tasks: Mapping[str, Task], n_rounds: int) -> dict[str, list[float]]:
    """Seconds by task and round. One round before them warms caches and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for n_round in range(-1, n_rounds):
        for name, task in tasks.items():
            elapsed = task()
            if n_round >= 0:
                seconds[name].append(elapsed)
    return seconds


def ratios(baseline: Sequence[float], measured: Sequence[float]) -> list[float]:
    """Speed of `measured` relative to the `baseline` of the same round."""
    return [a / b for a, b in zip(baseline, measured, strict=True)]


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def figure(
    key: str, label: str, values: Sequence[float], note: str = "", **details: object
) -> Figure:
    """The median of `values`."""
    return Figure(key, label, statistics.median(values), quartiles(values), note, details)


def skipped(key: str, label: str, reason: str) -> Figure:
    return Figure(key, label, None, note=f"skipped: {reason}")
