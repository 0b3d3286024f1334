"""Damaged files of many kinds, for as long as asked: what `scripts/fuzz` runs.

Files of most kinds are read in a child, thousands one after another, by what reads them in the program
(`fuzz_readers`), and some of them by the real command line, each in a process of its own (`hostile`).
Models and adapters, which llama.cpp opens, are read by the command line only.

To add a kind of file, write a function in `fuzz_seeds` (or `fuzz_documents`) that makes a mutant, one in
`fuzz_readers` that reads it and one in `fuzz_commands`, and name each there; to add one for the command
line only, write a function (random generator, number, folder) -> `Attempt` and name it in `_ATTEMPTS`.
"""

import json
import os
import re
import select
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fuzz_seeds
from adapter_damage import ADAPTER_DAMAGES
from damage import DAMAGES
from fuzz_commands import COMMANDS
from fuzz_kinds import Sources
from fuzz_readers import READERS
from fuzz_tally import Tally
from hostile import SECONDS_ALLOWED, Case, Outcome, run_cases
from localcollab.children.launch import Child
from localcollab.children.limits import DAY, Limits
from localcollab.errors import LocalcollabError
from localcollab.llama.adapter_file import check_adapter
from localcollab.llama.header import read_header
from small_gguf import small_llama

Rng = np.random.Generator
_LONG, _TURN_SECONDS = 300.0, 60.0
"""From so many seconds on, kinds take turns, of so many seconds together."""
_FEWEST, _TIMES_MORE = 20, 3
_SECONDS_UNTOLD = 300.0
"""Between tallies, so that a run that is ended early has told something."""
SECONDS_A_FILE = 10
"""Of CPU time, for one small file."""
_SECONDS_WAITED = 300
"""For a process that gets no CPU time, on a busy machine."""
_PEAK_BYTES = 2_000_000_000
"""Of one run of the command line, with llama.cpp."""
_SIGKILL = -9
_WEIGHTS = {"documents": 4, "model": 2, "adapter": 2}
"""Shares of the time; 1 for the others."""


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


_ATTEMPTS: dict[str, Kind] = {kind.__name__: kind for kind in (model, adapter)}
KINDS = (*_ATTEMPTS, *fuzz_seeds.KINDS)


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


@dataclass(frozen=True, slots=True)
class Run:
    seed: int
    folder: Path
    corpus: Path | None = None
    """A folder of sound documents, to be damaged besides those made here."""

    def rng(self, kind: str, n: int, way: str = "") -> Rng:
        return np.random.default_rng([self.seed, n, *f"{kind}{way}".encode()])


def fuzz(
    kinds: Iterable[str], seed: int, seconds: float, folder: Path, corpus: Path | None = None
) -> Iterator[str]:
    """Yields what was found, as it is found, and at the end a line for every kind.

    The first files of equal findings stay in `folder`. The same seed gives the same files in the same
    order; how many of each kind depends on the time. A short run is one turn of all kinds in one child;
    a long one gives a turn to one kind after the other, each in a child with limits of its own.
    """
    kinds = list(kinds)
    run, tallies = Run(seed, folder, corpus), {kind: Tally(kind not in _ATTEMPTS) for kind in kinds}
    is_short, end = seconds < _LONG, time.monotonic() + seconds
    share = _TURN_SECONDS / sum(_WEIGHTS.get(kind, 1) for kind in kinds)
    n_turns, told = 0, time.monotonic()
    while time.monotonic() < end:
        for group in [kinds] if is_short else [[kind] for kind in kinds]:
            if time.monotonic() >= end:
                break
            until = end if is_short else time.monotonic() + share * _WEIGHTS.get(group[0], 1)
            yield from _turn(group, run, n_turns, tallies, min(end, until), 1 if is_short else 6)
        n_turns += 1
        if not is_short and time.monotonic() - told > _SECONDS_UNTOLD:
            told = time.monotonic()
            for kind, tally in tallies.items():
                yield f"so far: {tally.line(kind)}"
    for kind, tally in tallies.items():
        yield tally.line(kind)
    yield "clean" if all(tally.is_clean for tally in tallies.values()) else "NOT CLEAN"


def _turn(
    kinds: list[str],
    run: Run,
    number: int,
    tallies: dict[str, Tally],
    until: float,
    n_commands: int,
) -> Iterator[str]:
    began = time.monotonic()
    yield from _commands(kinds, run, number, tallies, n_commands)
    seconds = (time.monotonic() - began) / len(kinds)
    files = [kind for kind in kinds if kind not in _ATTEMPTS]
    for kind in kinds:
        tallies[kind].seconds += seconds
    if not files:
        return
    share = max(0.0, until - time.monotonic()) / sum(_WEIGHTS.get(kind, 1) for kind in files)
    children = Children(run.folder / "child", min(READERS[kind].memory_bytes for kind in files))
    try:
        for kind in files:
            began = time.monotonic()
            yield from _files(
                kind, run, tallies[kind], began + share * _WEIGHTS.get(kind, 1), children
            )
            tallies[kind].seconds += time.monotonic() - began
    finally:
        children.close()


class Children:
    """The process that reads files, see `fuzz_child`; another one where it died or was killed."""

    def __init__(
        self,
        folder: Path,
        memory_bytes: int,
        modules: Iterable[str] = (),
        seconds: float = SECONDS_A_FILE,
    ) -> None:
        """`seconds`: of CPU time, for one file."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._seconds = folder, seconds
        self._memory_bytes, self._modules = memory_bytes, tuple(modules)
        self._child: Child | None = None

    def ask(self, kind: str, path: Path | str = "") -> dict[str, Any]:
        """What it answered; `end` is signal or hang where it died or was killed. No kind: coverage."""
        child = self._running()
        out = child.process.stdout
        assert out is not None
        began, cpu = time.monotonic(), _cpu_of(child)
        child.send(f"{kind}\t{path}\n".encode())
        while not select.select([out], [], [], 1.0)[0]:
            waited = time.monotonic() - began
            if kind and (_cpu_of(child) - cpu > self._seconds or waited > _SECONDS_WAITED):
                self.close()
                return {"end": "hang", "key": "hang", "text": f"{waited:.0f} s"}
        line = out.readline()
        if line.endswith(b"\n"):
            return dict(json.loads(line))
        code = self.close()
        text = self._log.read_text("utf-8", "replace")[-3000:]
        return {"end": "signal", "key": f"ended with status {code}", "text": text}

    @property
    def _log(self) -> Path:
        return self.folder / "child.err"

    def _running(self) -> Child:
        if self._child is None:
            program = str(Path(__file__).with_name("fuzz_child.py"))
            with self._log.open("wb") as log:
                self._child = Child(
                    program, (str(self.folder), *self._modules), stderr=log,
                    limits=Limits(self._memory_bytes, DAY, DAY),
                    environment={"OPENBLAS_NUM_THREADS": "1"},
                )  # fmt: skip
        return self._child

    def close(self) -> int:
        child, self._child = self._child, None
        return child.close() if child else 0


def _cpu_of(child: Child) -> float:
    """Seconds; 0 where it is gone, which the next read finds."""
    try:
        fields = Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _files(
    kind: str, run: Run, tally: Tally, until: float, children: Children, fewest: int = _FEWEST
) -> Iterator[str]:
    sources = Sources(_seeds_folder(run, kind), run.corpus)
    least = tally.executions + fewest
    while time.monotonic() < until or tally.executions < least:
        n = tally.executions
        path = _written(kind, run, n, children.folder, sources)
        answer = children.ask(kind, path)
        if finding := count_answer(answer, tally, READERS[kind].peak_bytes):
            tally.seen[answer["key"]] += 1
            if tally.seen[answer["key"]] == 1:
                kept = _kept(run, path, answer)
                yield f"{kind} seed {run.seed} n {n}: {finding}: {answer['key']}: {kept}"
        # With what SQLite leaves beside a damaged database.
        for each in children.folder.glob(f"{path.name}*"):
            each.unlink()


def _seeds_folder(run: Run, kind: str) -> Path:
    folder = run.folder / "seeds" / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _written(kind: str, run: Run, n: int, here: Path, sources: Sources, way: str = "") -> Path:
    mutant = fuzz_seeds.KINDS[kind](run.rng(kind, n, way), sources)
    path = here / f"{kind}-{n}{mutant.suffix}"
    path.write_bytes(mutant.data)
    return path


def _kept(run: Run, path: Path, answer: dict[str, Any]) -> Path:
    found = run.folder / "findings"
    found.mkdir(exist_ok=True)
    if path.exists():
        shutil.copy(path, found)
    (found / f"{path.name}.txt").write_text(f"{answer['key']}\n\n{answer['text']}\n")
    return found / path.name


def count_answer(answer: dict[str, Any], tally: Tally, most_bytes: int) -> str | None:
    tally.executions += 1
    tally.passed_header += answer.get("passed", False)
    tally.accepted += answer["end"] == "accepted"
    tally.peak_bytes = max(tally.peak_bytes, answer.get("peak_bytes", 0))
    match answer["end"]:
        case "hang":
            tally.hangs += 1
        case "signal":
            tally.signals += 1
        case "defect" if answer["key"].startswith("MemoryError"):
            tally.memory += 1
        case "defect":
            tally.tracebacks += 1
        case _ if answer["seconds"] > SECONDS_A_FILE:
            answer["key"] = "slow"
            tally.hangs += 1
        case _ if answer["peak_bytes"] > most_bytes:
            answer["key"] = "memory"
            tally.memory += 1
        case _:
            return None
    return str(answer["end"])


def _commands(
    kinds: list[str], run: Run, turn: int, tallies: dict[str, Tally], batch: int
) -> Iterator[str]:
    """All from one driver process. Of models and adapters, which have no other way, more."""
    here = run.folder / f"{kinds[0]}-{turn}"
    here.mkdir(parents=True)
    attempts: list[tuple[str, Attempt]] = []
    for kind in kinds:
        n = batch * (_TIMES_MORE if kind in _ATTEMPTS else 1)
        attempts += [(kind, _attempt(kind, run, turn * n + k, here)) for k in range(n)]
    outcomes = run_cases([attempt.case for _, attempt in attempts], here / "runs")
    bad = 0
    for (kind, attempt), outcome in zip(attempts, outcomes, strict=True):
        tally = tallies[kind]
        if kind in _ATTEMPTS:
            tally.executions += 1
            tally.passed_header += attempt.passed_header
        if complaint := _count(outcome, tally):
            bad += 1
            said = json.dumps(outcome.err[-300:])
            yield f"{kind} seed {run.seed} {outcome.case.name}: {complaint}: {said}"
    if not bad:
        shutil.rmtree(here)


def _attempt(kind: str, run: Run, n: int, here: Path) -> Attempt:
    if kind in _ATTEMPTS:
        return _ATTEMPTS[kind](run.rng(kind, n), n, here)
    folder = here / f"{kind}-{n}"
    folder.mkdir()
    sources = Sources(_seeds_folder(run, kind), run.corpus)
    path = _written(kind, run, n, folder, sources, "commands")
    return Attempt(COMMANDS[kind](path, folder, n), False)


def _count(outcome: Outcome, tally: Tally) -> str | None:
    tally.commands += 1
    tally.ends[outcome.code] += 1
    tally.peak_of_commands = max(tally.peak_of_commands, outcome.peak_bytes)
    complaint = outcome.complaint()
    if complaint is None and outcome.peak_bytes > _PEAK_BYTES:
        tally.memory += 1
        return f"took {outcome.peak_bytes / 2**20:.0f} MiB"
    if complaint is None:
        return None
    if outcome.code == _SIGKILL and outcome.seconds >= SECONDS_ALLOWED:
        tally.hangs += 1
    elif outcome.code < 0:
        tally.signals += 1
    elif "Traceback" in outcome.err or "a defect of" in outcome.err:
        tally.tracebacks += 1
    else:
        tally.other += 1
    return complaint


def cover(
    kinds: Iterable[str], seed: int, n: int, folder: Path, corpus: Path | None = None
) -> Iterator[str]:
    """Yields the lines of our parsers that `n` mutants of each kind reach, by kind and by file."""
    run = Run(seed, folder, corpus)
    for kind in kinds:
        if kind in _ATTEMPTS:
            continue
        reader, tally = READERS[kind], Tally()
        children = Children(folder / "child", reader.memory_bytes, reader.modules)
        list(_files(kind, run, tally, 0.0, children, n))
        found = children.ask("")
        children.close()
        covered, total = (sum(each[n] for each in found.values()) for n in (0, 1))
        yield (
            f"{kind}: {covered} of {total} lines ({covered / total:.0%}) by {n} files, "
            f"{tally.passed_header / n:.0%} passed the header, {tally.accepted / n:.0%} accepted"
        )
        for file, (lines, of) in sorted(found.items()):
            yield f"    {file}: {lines} of {of}"
