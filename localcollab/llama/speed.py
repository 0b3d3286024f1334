"""How fast a file reads a prompt and writes, and which quantizations are fast on this machine.

Measured in child processes, since kernels that a CPU only announces end the process. What was measured of
quantizations is remembered for this build and CPU.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from localcollab.children.launch import run
from localcollab.children.limits import whole_machine
from localcollab.errors import EvaluationFailed, LocalcollabError
from localcollab.llama import machine
from localcollab.llama.header import Header, read_header
from localcollab.llama.probe import write_record
from localcollab.progress import OnProgress

TYPES = {"Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.7, "Q5_0": 5.5, "Q4_1": 5.1, "Q4_K_M": 4.9,
         "IQ4_NL": 4.6, "Q4_0": 4.6}  # fmt: skip
"""Name -> bits per weight, about."""
_SECONDS_ALLOWED = 600


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second, with the default number of threads."""

    prompt: float
    answer: float


def speeds_of(paths: list[Path], *, extra_buffers: bool, on_progress: OnProgress) -> list[Speed]:
    """Of files that were probed, measured in turns. Raises `EvaluationFailed`."""
    on_progress(f"measuring {', '.join(path.name for path in paths)}")
    found = _child("files", [str(extra_buffers), *map(os.fspath, paths)], paths)
    return [Speed(**each) for each in found]


def measure_types(on_progress: OnProgress) -> Mapping[str, Speed]:
    """By quantization, of one random model; remembered. Raises `EvaluationFailed`."""
    on_progress(f"measuring {len(TYPES)} quantizations of a random model")
    with tempfile.TemporaryDirectory(prefix="localcollab-") as folder:
        try:
            found = _child("types", ["True", folder, *TYPES])
        except EvaluationFailed:  # as a probe of a file would find it
            found = _child("types", ["False", folder, *TYPES])
    speeds = {name: Speed(**each) for name, each in zip(TYPES, found, strict=True)}
    record = {"path": "quantizations", "build": _build()}
    record["speeds"] = {name: asdict(speed) for name, speed in speeds.items()}  # type: ignore[assignment]
    write_record(_record(), record)
    return speeds


def known_types() -> Mapping[str, Speed]:
    """What `measure_types` found on this build and CPU; empty if it never ran."""
    try:
        record = json.loads(_record().read_text())
        if record["build"] != _build():
            return {}
        return {name: Speed(**record["speeds"][name]) for name in TYPES}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def faster_type(
    name: str, speeds: Mapping[str, Speed], *, row: int = 256
) -> tuple[str, float] | None:
    """The type of `speeds` that reads prompts fastest, and its gain, if it is worth another file: of no
    fewer bits, at least a third faster, and in writing not slower than by a quarter. `row`: values in a
    row of the tensors; K-quants need multiples of 256."""
    own = speeds.get(name)
    if own is None:
        return None
    others = [
        (each.prompt / own.prompt, other)
        for other, each in speeds.items()
        if TYPES[other] >= TYPES[name] and each.answer >= 0.75 * own.answer
        if row % 256 == 0 or "_K" not in other
    ]
    gain, best = max(others, default=(0.0, ""))
    return (best, gain) if gain >= 4 / 3 else None


def faster_here(path: Path, speeds: Mapping[str, Speed]) -> str | None:
    """What a file's user may do, in words; None: nothing, or the file cannot be read."""
    try:
        header = read_header(path)
    except LocalcollabError:
        return None
    own = _file_type(header)
    row = header.number("embedding_length") or 256
    found = None if own is None else faster_type(own, speeds, row=row)
    if found is None:
        return None
    best, gain = found
    return (
        f"{own} reads prompts slowly here, {best} {gain:.1f} times as fast: get the model as {best}, or "
        f"localcollab models requantize {path.name} {best}"
    )


def _file_type(header: Header) -> str | None:
    """The quantization that a file names."""
    from localcollab.llama.quantizer import FILE_TYPES

    number = header.metadata.get("general.file_type")
    return next((name for name, known in FILE_TYPES.items() if known == number), None)


def _child(
    what: str, arguments: list[str], files: list[Path] | None = None
) -> list[dict[str, float]]:
    limits = whole_machine(files or (), seconds=_SECONDS_ALLOWED)
    ended = run("localcollab.llama.speed_child", [what, *arguments], limits=limits)
    if ended.code:
        raise EvaluationFailed(
            f"measuring the speed failed ({ended.words}; {ended.last_line}): run localcollab doctor"
        )
    found: list[dict[str, float]] = json.loads(ended.out)
    return found


def _build() -> str:
    return hashlib.sha256(machine.build_id().encode()).hexdigest()


def _record() -> Path:
    return platformdirs.user_cache_path("localcollab") / "quantizations.json"
