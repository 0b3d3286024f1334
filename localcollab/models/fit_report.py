"""What a team takes in memory, line by line, and whether it fits."""

from collections.abc import Iterator

from localcollab.llama.speed import faster_here, known_types
from localcollab.models.fit import Fit


def lines(found: Fit) -> Iterator[str]:
    for weight in found.weights:
        mark = " (estimated)" if weight.is_estimated else ""
        yield _row(weight.size_bytes, f"weights of {weight.name}{mark}")
    for context in found.contexts:
        yield _row(context.cache, f"KV cache of {context.name}, n_ctx {context.n_ctx}")
        yield _row(context.compute + context.compute_gpu, f"compute buffers of {context.name}")
    yield _row(found.runtime, "the program itself, with its vocabularies")
    for remote in found.remote:
        yield _row(remote.needed, f"needed on {remote.worker}: {', '.join(remote.members)}")
        if remote.free is None:
            yield f"{remote.worker} does not say what it has free: {remote.silence}"
        else:
            yield _row(remote.free, f"free on {remote.worker}")
    for gpu in found.gpus:
        yield _row(gpu.free, f"free of {_mib(gpu.total)} on {gpu.name}")
    if found.gpus:
        yield _row(found.on_gpu, "needed on the GPU")
    yield _row(found.needed, "needed in memory")
    yield _row(found.free, "free in memory") if found.free is not None else "free memory is unknown"
    yield from _slow(found)
    yield verdict(found)


def _slow(found: Fit) -> Iterator[str]:
    """Weights whose quantization is slow here, as `localcollab doctor --speed` measured it."""
    speeds = known_types()
    for weight in found.weights:
        if not weight.is_estimated and (faster := faster_here(weight.path, speeds)):
            yield f"{weight.name}: {faster}"


def verdict(found: Fit) -> str:
    """The last line: whether it fits, and what would."""
    head = f"{found.team} {'fits' if found.fits else 'does not fit'}"
    if found.largest_n_ctx is not None:
        head += f"; the largest context that fits is {found.largest_n_ctx} tokens"
    if found.largest_n_ctx is not None and found.trained_n_ctx is not None:
        head += f" (trained for {found.trained_n_ctx})"
    if found.fits:
        return head
    if found.quantization:
        return f"{head}; at {found.quantization} its weights would fit"
    return f"{head}; no smaller type of these weights would: choose a smaller team"


def _row(size_bytes: int, what: str) -> str:
    return f"{_mib(size_bytes):>12}  {what}"


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.0f} MiB"
