"""Quantizes a model file that is here again, to a type that this machine computes faster.

Both are measured; the new one stays, and is entered in the catalogue, only where it gains. What the first
quantization lost stays lost, and the second may lose more.
"""

import contextlib
import json
import os
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from localcollab.catalog import load_catalog, models_dir
from localcollab.children.launch import run
from localcollab.children.limits import whole_machine
from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.probe import Verdict, probe
from localcollab.llama.speed import TYPES, Speed, speeds_of
from localcollab.models.installed import enter_made
from localcollab.models.quants import quant_of
from localcollab.models.store import check_name
from localcollab.progress import OnProgress
from localcollab.storage.os_errors import explained
from localcollab.storage.parts import size_on_disk

WORTH = 1.1


@dataclass(frozen=True, slots=True)
class RequantizeRequest:
    """Raises `BadOption`."""

    model: str
    """A GGUF file, or a model of the catalogue."""
    type: str
    name: str | None = None
    """In the catalogue; None: the model's, with the type."""
    worth: float = WORTH
    """How much faster prompts must be read for the file to stay; 0: it stays."""
    catalogs: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise BadOption(f"`type` is {self.type!r}: choose one of {', '.join(TYPES)}")
        if self.name is not None:
            check_name(self.name)


@dataclass(frozen=True, slots=True)
class Requantized:
    source: Path
    before: Speed
    after: Speed
    bytes_before: int
    bytes_after: int
    name: str
    path: Path | None
    """None: it gains nothing, and was deleted."""

    @property
    def gain(self) -> float:
        return self.after.prompt / self.before.prompt


def make(request: RequantizeRequest, on_progress: OnProgress) -> Requantized:
    """Raises `BadCatalog`, `BadModelFile`, `BadOption`, `EvaluationFailed`."""
    source, default = _located(request)
    name = check_name(request.name or _name(default, request.type))
    out = models_dir() / f"{name}.gguf"
    _require_free(out, name, request)
    verdict = probe(source, on_progress)
    on_progress(f"quantizing {source.name} to {request.type}")
    _quantize(source, out, request.type, verdict.sha256)
    is_kept = False
    try:
        before, after = _speeds(verdict, probe(out, on_progress), on_progress)
        found = Requantized(
            source, before, after, size_on_disk(source), size_on_disk(out), name, out
        )
        is_kept = found.gain >= request.worth
        if not is_kept:
            return replace(found, path=None)
        enter_made(out, name, None)
        return found
    finally:
        if not is_kept:
            out.unlink(missing_ok=True)


def _located(request: RequantizeRequest) -> tuple[Path, str]:
    path = Path(os.path.expanduser(request.model))
    if path.suffix.lower() == ".gguf" or os.sep in request.model:
        return path, path.stem
    entry = load_catalog(*request.catalogs).model(request.model)
    if entry.adapter is not None:
        raise BadOption(
            f"`model` {entry.name!r} is an adapter on {entry.weights_of!r}: name that, or a file"
        )
    return entry.path, entry.name


def _name(given: str, file_type: str) -> str:
    quant = quant_of(given)
    at = given.upper().rfind(quant) if quant else -1
    return (
        f"{given}-{file_type}"
        if at < 0
        else given[:at] + file_type + given[at + len(quant or "") :]
    )


def _require_free(out: Path, name: str, request: RequantizeRequest) -> None:
    known = load_catalog(*request.catalogs).models.get(name)
    if os.path.lexists(out) or (known is not None and known.path != out):
        raise BadOption(
            f"a model named {name!r} exists already: give another `name`, or remove it (localcollab "
            f"models rm {name})"
        )


def _quantize(source: Path, out: Path, file_type: str, sha256: str) -> None:
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    request = {
        "source": os.fspath(source), "out": os.fspath(partial), "type": file_type,
        "provenance": {
            "localcollab.requantized_from": sha256,
            "localcollab.version": version("localcollab"),
        },
    }  # fmt: skip
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        limits = whole_machine([source])
        ended = run("localcollab.llama.requantize_child", [json.dumps(request)], limits=limits)
        if ended.code:
            raise BadModelFile(
                f"{source}: cannot be quantized to {file_type} ({ended.last_line}): give another "
                "`type`, or convert the original (localcollab convert model)"
            )
        os.replace(partial, out)
    except OSError as error:
        raise BadModelFile(explained(error, out)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _speeds(old: Verdict, new: Verdict, on_progress: OnProgress) -> tuple[Speed, Speed]:
    repacks = old.extra_buffers and new.extra_buffers
    before, after = speeds_of(
        [Path(old.path), Path(new.path)], extra_buffers=repacks, on_progress=on_progress
    )
    return before, after
