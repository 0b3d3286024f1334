"""Damaged files of many kinds at the real command line, for as long as asked: what `scripts/fuzz` runs.

To add a kind, write a function (random generator, number, folder) -> `Attempt` and name it in `KINDS`.
Every attempt is one run of the command line in a process of its own, see `hostile`.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adapter_damage import ADAPTER_DAMAGES
from damage import DAMAGES
from hostile import SECONDS_ALLOWED, Case, Outcome, run_cases
from localcollab.errors import LocalcollabError
from localcollab.llama.adapter_file import check_adapter
from localcollab.llama.header import read_header
from small_gguf import small_llama

Rng = np.random.Generator
BATCH = 16
"""Attempts a driver process: importing everything takes a second."""
_SIGKILL = -9


class Attempt(NamedTuple):
    case: Case
    passed_header: bool
    """It got past the checks in Python, to the code behind them."""


Kind = Callable[[Rng, int, Path], Attempt]


def model(rng: Rng, n: int, folder: Path) -> Attempt:
    """A model file with one or two kinds of damage."""
    path = folder / f"model-{n}.gguf"
    path.write_bytes(_any_of(DAMAGES, rng, n))
    arguments = ["run", "--base", str(path), "the inner tin", "--max-tokens", "8", "--json"]
    names = rf"{re.escape(path.name)}|the context of"
    case = Case(path.stem, arguments, names=names, ends="either")
    return Attempt(case, _passes(lambda: read_header(path)))


def adapter(rng: Rng, n: int, folder: Path) -> Attempt:
    """A LoRA adapter on a sound base."""
    base = folder.parent / "base.gguf"
    if not base.exists():
        base.write_bytes(small_llama().to_bytes())
    path, catalog = folder / f"adapter-{n}.gguf", folder / f"adapter-{n}.toml"
    path.write_bytes(_any_of(ADAPTER_DAMAGES, rng, n))
    catalog.write_text(
        f'[models.base]\npath = "{base}"\n[models.tuned]\nweights_of = "base"\nadapter = "{path}"\n'
        '[teams.one]\nmethod = "deferral"\nbase = "base"\nexperts = ["tuned"]\ngate = "always"\n'
    )
    arguments = ["run", "--models", str(catalog), "--team", "one", "the tin", "--max-tokens", "4"]
    case = Case(path.stem, arguments, names=re.escape(path.name), ends="either")
    return Attempt(case, _passes(lambda: check_adapter(path, read_header(base))))


KINDS: dict[str, Kind] = {kind.__name__: kind for kind in (model, adapter)}


def _any_of(damages: dict[str, Callable[[Rng, int], bytes]], rng: Rng, n: int) -> bytes:
    """Of every kind in turn; every third file has bits flipped besides."""
    names = list(damages)
    data = bytearray(damages[names[n % len(names)]](rng, int(rng.integers(20))))
    if n % 3 == 0 and data:
        for at in rng.integers(0, min(len(data), 4096), int(rng.integers(1, 5))):
            data[at] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except LocalcollabError:
        return False
    return True


@dataclass
class Tally:
    """Of one kind."""

    executions: int = 0
    passed_header: int = 0
    signals: int = 0
    tracebacks: int = 0
    hangs: int = 0
    other: int = 0
    """Ends that are none of these and yet no way to end: no remedy, two lines, an escape sequence."""
    peak_bytes: int = 0
    """Of the largest process, children included."""
    ends: Counter[int] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        return not (self.signals or self.tracebacks or self.hangs or self.other)

    def line(self, kind: str) -> str:
        share = self.passed_header / self.executions if self.executions else 0.0
        return (
            f"{kind}: {self.executions} executions, {share:.0%} passed the header, peak "
            f"{self.peak_bytes / 2**20:.0f} MiB, {self.signals} signals, {self.tracebacks} tracebacks, "
            f"{self.hangs} hangs, {self.other} other complaints; exits {dict(sorted(self.ends.items()))}"
        )


def fuzz(kinds: Iterable[str], seed: int, seconds: float, folder: Path) -> Iterator[str]:
    """Yields what was found, as it is found, and at the end a line for every kind.

    Files of attempts that ended badly stay in `folder`; all others are removed. The same seed gives the
    same attempts in the same order.
    """
    tallies = {kind: Tally() for kind in kinds}
    end, batch = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for kind, tally in tallies.items():
            yield from _batch(kind, seed, batch, folder, tally)
        batch += 1
    for kind, tally in tallies.items():
        yield tally.line(kind)
    yield "clean" if all(tally.is_clean for tally in tallies.values()) else "NOT CLEAN"


def _batch(kind: str, seed: int, batch: int, folder: Path, tally: Tally) -> Iterator[str]:
    here = folder / f"{kind}-{batch}"
    here.mkdir(parents=True)
    attempts = []
    for n in range(batch * BATCH, (batch + 1) * BATCH):
        attempts.append(KINDS[kind](np.random.default_rng([seed, n, *kind.encode()]), n, here))
    outcomes = run_cases([attempt.case for attempt in attempts], here / "runs")
    bad = 0
    for attempt, outcome in zip(attempts, outcomes, strict=True):
        if complaint := _count(attempt, outcome, tally):
            bad += 1
            yield f"{kind} seed {seed} {outcome.case.name}: {complaint}: {json.dumps(outcome.err[-300:])}"
    if not bad:
        _remove(here)


def _count(attempt: Attempt, outcome: Outcome, tally: Tally) -> str | None:
    tally.executions += 1
    tally.passed_header += attempt.passed_header
    tally.ends[outcome.code] += 1
    tally.peak_bytes = max(tally.peak_bytes, outcome.peak_bytes)
    complaint = outcome.complaint()
    if complaint is None:
        return None
    if outcome.code == _SIGKILL and outcome.seconds >= SECONDS_ALLOWED:
        tally.hangs += 1
    elif outcome.code < 0:
        tally.signals += 1
    elif "Traceback" in outcome.err:
        tally.tracebacks += 1
    else:
        tally.other += 1
    return complaint


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)
