"""The memory a team would need, before it is loaded: llama.cpp itself says so, in a child process."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localcollab.children.launch import run
from localcollab.children.limits import MIB, Limits, memory_for
from localcollab.errors import BadModelFile
from localcollab.llama import machine
from localcollab.llama.options import Options
from localcollab.storage.parts import size_on_disk

_SECONDS_ALLOWED = 120
_CONTEXT_BYTES = 256 * MIB
"""Address space to plan one context in: its buffers are not taken."""


@dataclass(frozen=True, slots=True)
class PlannedContext:
    """One context to be opened. `n_ctx` None: what opening the team would choose."""

    name: str
    path: Path
    n_ctx: int | None = None


@dataclass(frozen=True, slots=True)
class ContextNeed:
    """Memory of one context, in bytes."""

    name: str
    n_ctx: int
    n_ctx_train: int | None
    cache: int
    compute: int
    compute_gpu: int
    per_token: int
    """Growth of cache and compute buffers per token of context."""


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """`weights`: bytes by file, in order of first use; `runtime`: the process without buffers."""

    weights: dict[Path, int]
    contexts: tuple[ContextNeed, ...]
    runtime: int
    gpus: tuple[Gpu, ...]


def forecast(
    contexts: Sequence[PlannedContext],
    options: Options,
    *,
    free: int | None,
    repacked: frozenset[Path] = frozenset(),
) -> Forecast:
    """`repacked`: files whose weights the probe allows llama.cpp to repack. Raises `BadModelFile`."""
    paths = list(dict.fromkeys(context.path for context in contexts))
    request = {
        "options": asdict(options),
        "free": free,
        "files": [{"path": str(p), "extra_buffers": p in repacked} for p in paths],
        "contexts": [{"name": c.name, "path": str(c.path), "n_ctx": c.n_ctx} for c in contexts],
    }
    found = _ask(json.dumps(request), paths, len(contexts))
    needs = (
        ContextNeed(name=context.name, **need)
        for context, need in zip(contexts, found["contexts"], strict=True)
    )
    weights = {path: file["weights"] for path, file in zip(paths, found["files"], strict=True)}
    gpus = tuple(Gpu(**gpu) for gpu in found["gpus"])
    return Forecast(weights, tuple(needs), found["runtime"], gpus)


def _ask(request: str, paths: Sequence[Path], n_contexts: int) -> dict[str, Any]:
    memory = memory_for(sum(map(size_on_disk, paths)), copies=1) + n_contexts * _CONTEXT_BYTES
    limits = Limits(memory, _SECONDS_ALLOWED, reserves=machine.has_gpu_files())
    ended = run("localcollab.llama.forecast_child", limits=limits, given=request)
    names = ", ".join(path.name for path in paths)
    if ended.cause == "memory":
        raise BadModelFile(
            f"{names}: no forecast: llama.cpp {ended.words} to read it: the file is damaged or not "
            "supported; use another file"
        )
    if ended.cause == "time":
        raise BadModelFile(
            f"{names}: no forecast within {_SECONDS_ALLOWED} s: try again when the machine is idle"
        )
    if ended.code:
        reason = (ended.err.strip().splitlines() or [f"it {ended.words}"])[-1]
        raise BadModelFile(f"{names}: no forecast ({reason}): run localcollab doctor FILE")
    found: dict[str, Any] = json.loads(ended.out)
    return found
