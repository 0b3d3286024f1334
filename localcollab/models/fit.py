"""The memory a team needs, and whether this machine has it, before anything is loaded or fetched.

For files that are here llama.cpp itself says so (`llama.forecast`); others are estimated from the
catalogue, and marked as estimated.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.catalog import Catalog, Deferral, ModelEntry, TeamEntry
from localcollab.errors import BadModelFile, BadOption, WorkerLost
from localcollab.isolation.worker import free_of
from localcollab.llama.forecast import ContextNeed, Forecast, Gpu, PlannedContext, forecast
from localcollab.llama.header import read_header
from localcollab.llama.machine import available_bytes
from localcollab.llama.options import Options
from localcollab.llama.probe import remembered
from localcollab.methods.bridges import load_bridge
from localcollab.storage.parts import is_here, real_path

_SPELLING_CTX = 128
# Measured means over whole models: bits per weight, including embeddings.
BITS = {"F16": 16.0, "Q8_0": 8.5, "Q6_K": 6.57, "Q5_K_M": 5.7, "Q4_K_M": 4.9, "Q3_K_M": 3.95,
        "Q2_K": 3.2}  # fmt: skip
_TYPE = re.compile(r"(F16|BF16|Q\d+_(?:K(?:_[SML])?|\d))", re.IGNORECASE)
_DEFAULT_CTX = 4096
_KV_SHARE = {"f32": 2.0, "f16": 1.0, "bf16": 1.0, "q8_0": 17 / 32, "q5_1": 12 / 32, "q5_0": 11 / 32,
             "q4_1": 10 / 32, "q4_0": 9 / 32}  # fmt: skip
_ESTIMATED_COMPUTE = 128 * 2**20
_ESTIMATED_RUNTIME = 160 * 2**20
_RESERVE = 0.05
"""The share of free memory left to everything else."""


@dataclass(frozen=True, slots=True)
class Weight:
    name: str
    path: Path
    size_bytes: int
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class Remote:
    """What one worker is to hold, in bytes: weights, caches and compute buffers."""

    worker: str
    members: tuple[str, ...]
    needed: int
    free: int | None
    """None: it did not say."""
    silence: str = ""
    """Why not."""

    @property
    def fits(self) -> bool:
        return self.free is None or self.needed <= self.free


@dataclass(frozen=True, slots=True)
class Fit:
    """In bytes. What goes to a GPU is counted in `on_gpu`, not in `needed`."""

    team: str
    weights: tuple[Weight, ...]
    contexts: tuple[ContextNeed, ...]
    runtime: int
    on_gpu: int
    needed: int
    free: int | None
    gpus: tuple[Gpu, ...]
    largest_n_ctx: int | None
    """The largest n_ctx that fits for all members; None: none does, or free memory is unknown."""
    quantization: str | None
    """The largest quantization at which the weights would fit; None: as they are, or none."""
    is_estimated: bool
    remote: tuple["Remote", ...] = ()
    """What goes to workers, and is in none of the other numbers."""

    @property
    def trained_n_ctx(self) -> int | None:
        """The context all members were trained for; None: unknown."""
        return min((c.n_ctx_train for c in self.contexts if c.n_ctx_train), default=None)

    @property
    def fits(self) -> bool:
        enough = self.free is None or self.needed <= self.free
        enough = enough and all(each.fits for each in self.remote)
        return enough and (not self.gpus or self.on_gpu <= sum(gpu.free for gpu in self.gpus))


def fit_team(
    catalog: Catalog, team: TeamEntry, options: Options, *, free: int | None = None
) -> Fit:
    """`free`: bytes, instead of the machine's. Raises `BadCatalog`, `BadModelFile`, `BridgeMismatch`."""
    free = available_bytes() if free is None else free
    everywhere = [
        (f"{place.role} {place.name}", catalog.model(place.name))
        for place in catalog.places_of(team)
    ]
    entries = [(place, entry) for place, entry in everywhere if entry.worker is None]
    here = [(place, entry) for place, entry in entries if is_here(entry.path)]
    planned = [PlannedContext(place, real_path(entry.path), options.n_ctx) for place, entry in here]
    planned += [
        PlannedContext(f"spelling of {name}", real_path(catalog.model(name).path), _SPELLING_CTX)
        for name in _spelled(team)
        if is_here(catalog.model(name).path) and catalog.model(name).worker is None
    ]
    found = forecast_here(planned, options, free)
    missing = [(place, entry) for place, entry in entries if not is_here(entry.path)]
    contexts = (*found.contexts, *(_estimated_context(p, e, options) for p, e in missing))
    contexts += tuple(_bridge_needs(catalog, team, contexts))
    weights = (
        *_weights_here(found, here),
        *_weights_missing(catalog, missing),
        *_adapters(entries),
    )
    n_processes = 1 + sum(entry.isolated or entry.worker is not None for _, entry in everywhere)
    runtime = n_processes * (found.runtime or _ESTIMATED_RUNTIME)
    fit = judge(team.name, weights, contexts, runtime, free, found.gpus, options)
    return replace(fit, remote=tuple(_on_workers(everywhere, options)))


def _on_workers(entries: Sequence[tuple[str, ModelEntry]], options: Options) -> Iterator[Remote]:
    """What each worker is to hold, and has free."""
    for worker in dict.fromkeys(e.worker for _, e in entries if e.worker is not None):
        theirs = [(place, entry) for place, entry in entries if entry.worker == worker]
        planned = [
            PlannedContext(place, real_path(entry.path), options.n_ctx)
            for place, entry in theirs
            if is_here(entry.path)
        ]
        found = forecast_here(planned, options, None)
        needed = sum(found.weights.values()) + sum(c.cache + c.compute for c in found.contexts)
        needed += sum(estimated_size(entry) for _, entry in theirs if not is_here(entry.path))
        names = tuple(place for place, _ in theirs)
        try:
            yield Remote(worker, names, needed, free_of(worker))
        except (BadOption, WorkerLost) as error:
            yield Remote(worker, names, needed, None, str(error))


def _spelled(team: TeamEntry) -> tuple[str, ...]:
    return tuple(team.method.familiar) if isinstance(team.method, Deferral) else ()


def _bridge_needs(
    catalog: Catalog, team: TeamEntry, contexts: Sequence[ContextNeed]
) -> Iterator[ContextNeed]:
    """For bridges that are here; at the smallest context, which composed models use.

    Raises `BridgeMismatch` for a file that is damaged.
    """
    n_ctx = min(context.n_ctx for context in contexts if not _is_fixed(context))
    for entry in catalog.trained_of(team):
        if catalog.bridges.get(entry.name) is entry and is_here(entry.path):
            yield bridge_need(f"bridge {entry.name}", entry.path, n_ctx)


def bridge_need(name: str, path: Path, n_ctx: int) -> ContextNeed:
    """Its weights are counted as compute buffers. Raises `BridgeMismatch`."""
    bridge = load_bridge(path)
    cache = bridge.bytes_per_token * n_ctx
    return ContextNeed(name, n_ctx, None, cache, bridge.n_bytes, 0, bridge.bytes_per_token)


def forecast_here(
    planned: Sequence[PlannedContext], options: Options, free: int | None
) -> Forecast:
    """On this machine, as the probe lets llama.cpp repack. Raises `BadModelFile`."""
    if not planned:
        return Forecast({}, (), 0, ())
    verdicts = {context.path: remembered(context.path) for context in planned}
    wanted = options.extra_buffers is not False
    # Not probed yet: most machines repack.
    repacked = frozenset(
        p for p, v in verdicts.items() if wanted and (v is None or v.extra_buffers)
    )
    return forecast(planned, options, free=free, repacked=repacked)


def _weights_here(found: Forecast, here: Sequence[tuple[str, ModelEntry]]) -> list[Weight]:
    names: dict[Path, str] = {}
    for _place, entry in here:
        names.setdefault(real_path(entry.path), entry.weights_of or entry.name)
    return [Weight(names[path], path, size, False) for path, size in found.weights.items()]


def _weights_missing(catalog: Catalog, missing: Sequence[tuple[str, ModelEntry]]) -> list[Weight]:
    # The weights below an adapter have an entry of their own.
    own = [e if e.weights_of is None else catalog.model(e.weights_of) for _place, e in missing]
    by_path = {entry.path: entry for entry in own}
    return [Weight(e.name, p, estimated_size(e), True) for p, e in by_path.items()]


def _adapters(entries: Sequence[tuple[str, ModelEntry]]) -> list[Weight]:
    return [
        Weight(f"adapter of {entry.name}", entry.adapter, entry.adapter.stat().st_size, False)
        for _place, entry in entries
        if entry.adapter is not None and os.path.isfile(entry.adapter)
    ]


def estimated_size(entry: ModelEntry) -> int:
    """Bytes of a file that is not here, from its parameters and the type in its name.

    Raises `BadModelFile` if its size is unknown."""
    if entry.size_bytes is not None:
        return entry.size_bytes
    if entry.parameters is None:
        raise BadModelFile(
            f"{entry.path}: no such model file, and the size of {entry.name} is unknown: put the file "
            "there, or give its parameters in models.toml"
        )
    found = _TYPE.search(entry.file or entry.path.name)
    bits = BITS.get(found[1].upper() if found else "Q4_K_M", BITS["Q4_K_M"])
    return int(entry.parameters * bits / 8)


def _estimated_context(place: str, entry: ModelEntry, options: Options) -> ContextNeed:
    n_ctx = options.n_ctx or min(entry.n_ctx or _DEFAULT_CTX, _DEFAULT_CTX)
    per_token = int((entry.kv_bytes_per_token or 0) * _KV_SHARE[options.kv_type])
    return ContextNeed(
        place, n_ctx, entry.n_ctx, per_token * n_ctx, _ESTIMATED_COMPUTE, 0, per_token
    )


def judge(
    team: str,
    weights: tuple[Weight, ...],
    contexts: tuple[ContextNeed, ...],
    runtime: int,
    free: int | None,
    gpus: tuple[Gpu, ...],
    options: Options,
) -> Fit:
    """Adds up the memory and compares it with what is free."""
    in_weights = sum(weight.size_bytes for weight in weights)
    in_caches = sum(context.cache for context in contexts)
    in_compute = sum(context.compute for context in contexts)
    # Layers and their caches go to the GPU together; embeddings stay, and are counted there too.
    offloads = bool(gpus) and options.n_gpu_layers != 0
    on_gpu = in_weights + in_caches + sum(c.compute_gpu for c in contexts) if offloads else 0
    needed = runtime + in_compute + (0 if offloads else in_weights + in_caches)
    room = free if not offloads else sum(gpu.free for gpu in gpus)
    fixed = (on_gpu if offloads else needed) - sum(_grown(c) for c in contexts)
    return Fit(
        team, weights, contexts, runtime, on_gpu, needed, free, gpus if offloads else (),
        largest_n_ctx=_largest_n_ctx(contexts, room, fixed),
        quantization=_quantization(weights, room, needed + on_gpu - in_weights),
        is_estimated=any(weight.is_estimated for weight in weights),
    )  # fmt: skip


def _grown(context: ContextNeed) -> int:
    return 0 if _is_fixed(context) else context.n_ctx * context.per_token


def _is_fixed(context: ContextNeed) -> bool:
    return context.n_ctx == _SPELLING_CTX and context.name.startswith("spelling")


def _largest_n_ctx(contexts: Sequence[ContextNeed], room: int | None, fixed: int) -> int | None:
    """One number for all members, in steps of 256 as llama.cpp has them."""
    a_token = sum(context.per_token for context in contexts if not _is_fixed(context))
    if room is None or a_token <= 0:
        return None
    n_ctx = int((room * (1 - _RESERVE) - fixed) // a_token) // 256 * 256
    return n_ctx if n_ctx > 0 else None


def _quantization(weights: Sequence[Weight], room: int | None, others: int) -> str | None:
    in_weights = sum(weight.size_bytes for weight in weights)
    if room is None or others + in_weights <= room:
        return None
    n_values = sum(_n_values(weight) for weight in weights)
    for name, bits in BITS.items():
        if others + n_values * bits / 8 <= room and n_values * bits / 8 < in_weights:
            return name
    return None


def _n_values(weight: Weight) -> int:
    """The number of weights; for an estimate, from its size and type."""
    if weight.is_estimated or weight.name.startswith("adapter of"):
        found = _TYPE.search(weight.path.name)
        bits = BITS.get(found[1].upper() if found else "Q4_K_M", BITS["Q4_K_M"])
        return int(weight.size_bytes * 8 / bits)
    return sum(_count(tensor.shape) for tensor in read_header(weight.path).tensors)


def _count(shape: Sequence[int]) -> int:
    n = 1
    for size in shape:
        n *= size
    return n
