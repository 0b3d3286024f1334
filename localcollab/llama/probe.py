"""Whether llama.cpp can use a file on this machine: tried once, in a child process, and remembered.

A damaged or unsupported file, or a CPU that lacks what it announces, ends the process that loads it. So
the header is checked in Python, then a child loads the file, tokenizes and decodes one token; first with
repacked weights, then without. The verdict and the file's sha256 are stored by path, size, modification
time and build, so a file changed without changing size and time keeps its verdict. A file is not watched
while it is loaded: replacing it by a rename is safe, overwriting it is not.
"""

import hashlib
import json
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from localcollab.children.ended import Ended, signal_name
from localcollab.children.launch import run
from localcollab.children.limits import for_files
from localcollab.errors import BadModelFile
from localcollab.llama import machine
from localcollab.llama.header import read_header
from localcollab.storage.parts import parts_of, real_path, require_parts, size_on_disk

logger = logging.getLogger("localcollab.note")

SECONDS_ALLOWED = 60
_REFUSED, _COMPUTES_NOT = 3, 4
_FROM_OUTSIDE = [getattr(signal, name, 0) for name in ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")]
"""The system, short of memory, or a person."""
_CHECKED_BEFORE = " (found before; localcollab doctor FILE checks it again)"


@dataclass(frozen=True, slots=True)
class Verdict:
    path: str
    size_bytes: int
    modified_ns: int
    build: str
    sha256: str
    error: str | None
    """Why the file cannot be used; None if it can."""
    extra_buffers: bool
    """Weights may be repacked for this CPU."""

    @property
    def is_sound(self) -> bool:
        return self.error is None


def probe(
    path: Path,
    on_progress: Callable[[str], None] | None = None,
    *,
    kind: str = "decoder",
    again: bool = False,
) -> Verdict:
    """The remembered verdict, or a new one. Raises `BadModelFile` if the file cannot be used.

    `kind`: what the file is used as, see `weights.Kind`. `again`: ignore a remembered verdict.
    """
    path = resolved(path)
    verdict, hint = None if again else remembered(path, kind), _CHECKED_BEFORE
    if verdict is None:
        hint = ""
        if on_progress:
            on_progress(f"checking {path.name} once, in a process of its own")
        read_header(path)
        verdict, is_of_file = _try(path, kind)
        if is_of_file:
            _remember(verdict, kind)
    if verdict.error is not None:
        raise BadModelFile(f"{path}: {verdict.error}{hint}")
    return verdict


def resolved(path: Path) -> Path:
    try:
        return real_path(Path(os.path.expanduser(path)))
    except (OSError, ValueError, RuntimeError) as error:  # a loop, a zero byte, an unknown ~user
        raise BadModelFile(f"{path}: not a path to a file ({error}): check it") from error


def remembered(path: Path, kind: str = "decoder") -> Verdict | None:
    file = _record(path, kind)
    if not os.path.isfile(path) or not file.is_file():
        return None
    try:
        verdict = Verdict(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return verdict if file_key(path) == _key_of(verdict) else None


def all_remembered() -> list[Verdict]:
    """Every verdict that still holds, by path."""
    found = []
    for file in sorted(cache_dir().glob("*.json")):
        try:
            kind = file.stem.partition(".")[2] or "decoder"
            verdict = remembered(Path(json.loads(file.read_text())["path"]), kind)
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if verdict is not None:
            found.append(verdict)
    return sorted(found, key=lambda v: v.path)


class Tried(NamedTuple):
    error: str | None
    """None: the child answered; else what went wrong, as the user should read it."""
    is_final: bool = False
    """No other way of loading can help."""
    is_of_file: bool = True
    """It comes from the file, not from this moment: worth remembering."""


def _try(path: Path, kind: str) -> tuple[Verdict, bool]:
    """The verdict, and whether to remember it."""
    size_bytes, modified_ns, build = file_key(path)
    tried = try_in_child(path, kind, extra_buffers=True)
    repacks = tried.error is None
    if tried.error is not None and not tried.is_final:
        tried = try_in_child(path, kind, extra_buffers=False)
    verdict = Verdict(
        path=str(path), size_bytes=size_bytes, modified_ns=modified_ns, build=build,
        sha256=file_sha256(path), error=tried.error, extra_buffers=repacks,
    )  # fmt: skip
    return verdict, tried.is_of_file


def try_in_child(
    path: Path, kind: str, *, extra_buffers: bool, adapter: Path | None = None
) -> Tried:
    files = [path] if adapter is None else [path, adapter]
    found = for_files([*parts_of(path), *files[1:]], seconds=SECONDS_ALLOWED)
    limits = replace(found, reserves=machine.has_gpu_files())
    arguments = [str(path), str(extra_buffers), kind, *map(str, files[1:])]
    return _failure(run("localcollab.llama.probe_child", arguments, limits=limits), files[-1])


def _failure(ended: Ended, path: Path) -> Tried:
    if ended.code == 0:
        return Tried(None)
    if ended.code in (_REFUSED, _COMPUTES_NOT):
        said = (ended.err.strip().splitlines() or ["no message"])[-1]
        said = said.removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")
        return Tried(said, is_final=ended.code == _REFUSED)
    if ended.cause in ("memory", "time"):
        error = (
            f"llama.cpp {ended.words} to open this file of {_size(path)}: it is damaged or not "
            "supported; use another file"
        )
        return Tried(error, is_final=True)
    if -ended.code in _FROM_OUTSIDE:
        error = (
            f"the process that checks it was ended from outside ({signal_name(ended.code)}): memory "
            "may be short; close other programs and try again"
        )
        return Tried(error, is_final=True, is_of_file=False)
    if ended.cause == "signal":
        return Tried(
            f"llama.cpp crashes on it ({signal_name(ended.code)}; {ended.last_line}): the file is "
            "damaged or not supported; download or convert it again"
        )
    error = f"checking it failed ({ended.last_line}): run localcollab doctor"
    return Tried(error, is_of_file=False)


def _size(path: Path) -> str:
    """The size of a model as text."""
    return f"{size_on_disk(path) / 1e6:.1f} MB"


def file_sha256(path: Path) -> str:
    """Of a model in parts: of all of them, one behind the other."""
    digest = hashlib.sha256()
    for part in require_parts(path):
        with part.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def file_key(path: Path) -> tuple[int, int, str]:
    found = [part.stat() for part in require_parts(path)]
    size_bytes, modified_ns = sum(f.st_size for f in found), max(f.st_mtime_ns for f in found)
    return size_bytes, modified_ns, hashlib.sha256(machine.build_id().encode()).hexdigest()


def _key_of(verdict: Verdict) -> tuple[int, int, str]:
    return verdict.size_bytes, verdict.modified_ns, verdict.build


def cache_dir() -> Path:
    return platformdirs.user_cache_path("localcollab") / "probes"


def _record(path: Path, kind: str) -> Path:
    suffix = ".json" if kind == "decoder" else f".{kind}.json"
    return cache_dir() / (hashlib.sha256(os.fsencode(path)).hexdigest()[:32] + suffix)


def _remember(verdict: Verdict, kind: str) -> None:
    write_record(_record(Path(verdict.path), kind), asdict(verdict))


def write_record(file: Path, record: dict[str, Any]) -> None:
    """Where it cannot be written, a note says so: the check will be made again."""
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(record, indent=1))
        os.replace(partial, file)
    except OSError as error:
        logger.warning("cannot remember the check of %s: %s", record["path"], error)
