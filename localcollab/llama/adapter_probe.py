"""What llama.cpp does with an adapter on its weights: tried in a child process, once, and remembered.

By the sha256 of the weights and by the adapter's path, size and modification time, as for weights.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from localcollab.errors import BadModelFile
from localcollab.llama.adapter_file import check_adapter
from localcollab.llama.header import read_header
from localcollab.llama.probe import (
    Verdict,
    cache_dir,
    file_key,
    probe,
    resolved,
    try_in_child,
    write_record,
)


@dataclass(frozen=True, slots=True)
class AdapterVerdict:
    path: str
    size_bytes: int
    modified_ns: int
    build: str
    weights_sha256: str
    error: str | None
    """Why it cannot be used with these weights; None: it can."""


def probe_adapter(
    weights: Path,
    adapter: Path,
    on_progress: Callable[[str], None] | None = None,
    *,
    again: bool = False,
) -> Verdict:
    """The verdict on the weights. Raises `BadModelFile` where either file is unusable."""
    verdict = probe(weights, on_progress)
    adapter = resolved(adapter)
    found = None if again else _remembered(adapter, verdict)
    if found is None:
        if on_progress:
            on_progress(f"checking {adapter.name} once, in a process of its own")
        check_adapter(adapter, read_header(Path(verdict.path)))
        found = _try(adapter, verdict)
    if found.error is not None:
        raise BadModelFile(f"{adapter}: on {weights.name}: {found.error}")
    return verdict


def _try(adapter: Path, weights: Verdict) -> AdapterVerdict:
    key = file_key(adapter)
    tried = try_in_child(
        Path(weights.path), "decoder", extra_buffers=weights.extra_buffers, adapter=adapter
    )
    found = AdapterVerdict(str(adapter), *key, weights.sha256, tried.error)
    if tried.is_of_file:
        write_record(_record(adapter, weights), asdict(found))
    return found


def _remembered(adapter: Path, weights: Verdict) -> AdapterVerdict | None:
    file = _record(adapter, weights)
    if not os.path.isfile(adapter) or not file.is_file():
        return None
    try:
        found = AdapterVerdict(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return (
        found if (found.size_bytes, found.modified_ns, found.build) == file_key(adapter) else None
    )


def _record(adapter: Path, weights: Verdict) -> Path:
    both = os.fsencode(adapter) + b"\0" + weights.sha256.encode()
    return cache_dir() / "adapters" / (hashlib.sha256(both).hexdigest()[:32] + ".json")
