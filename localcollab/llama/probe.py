"""What llama.cpp does with a file on this machine: tried in a child process, once, and remembered.

A damaged or unsupported file, or a CPU that cannot do what it announces, ends the process that
loads it. So the header is checked in Python, then a child loads the file, tokenizes, and asks for one
token; first with repacked weights, then without. The verdict and the file's sha256 are kept by path,
size, modification time and build: a file that was changed keeping both size and time keeps its verdict.
Nor is a file watched while it is loaded: to replace it (a rename) does no harm, to overwrite it does.
"""

import hashlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from localcollab.errors import BadModelFile
from localcollab.llama import machine
from localcollab.llama.header import read_header

logger = logging.getLogger("localcollab.note")

SECONDS_ALLOWED = 60
SLOWEST_BYTES_A_SECOND = 20e6
_REFUSED, _COMPUTES_NOT = 3, 4
_MEMORABLE = re.compile(r"GGML_ASSERT|what\(\)|rror")
"""Where llama.cpp says why it ends the process; lines of other libraries may follow."""


@dataclass(frozen=True, slots=True)
class Verdict:
    path: str
    size_bytes: int
    modified_ns: int
    build: str
    sha256: str
    error: str | None
    """Why the file cannot be used; None: it can."""
    extra_buffers: bool
    """Weights may be repacked for this CPU."""

    @property
    def is_sound(self) -> bool:
        return self.error is None


def probe(
    path: Path, on_progress: Callable[[str], None] | None = None, *, kind: str = "decoder"
) -> Verdict:
    """The remembered verdict, or a new one. Raises `BadModelFile` where the file is unusable.

    `kind` is what the file is to be used as, see `weights.Kind`.

    A file that could not be used is tried again each time: memory may have been short.
    """
    path = _resolved(path)
    verdict = remembered(path, kind)
    if verdict is None or not verdict.is_sound:
        if on_progress:
            on_progress(f"checking {path.name} once, in a process of its own")
        read_header(path)
        verdict = _try(path, kind)
        _remember(verdict, kind)
    if verdict.error is not None:
        raise BadModelFile(f"{path}: {verdict.error}")
    return verdict


def _resolved(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop, a zero byte, an unknown ~user
        raise BadModelFile(f"{path}: is no path to a file ({error}): check it") from error


def remembered(path: Path, kind: str = "decoder") -> Verdict | None:
    file = _record(path, kind)
    if not os.path.isfile(path) or not file.is_file():
        return None
    try:
        verdict = Verdict(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return verdict if _key(path) == _key_of(verdict) else None


def all_remembered() -> list[Verdict]:
    """Every verdict that still holds, by path."""
    found = []
    for file in sorted(_cache_dir().glob("*.json")):
        try:
            kind = file.stem.partition(".")[2] or "decoder"
            verdict = remembered(Path(json.loads(file.read_text())["path"]), kind)
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if verdict is not None:
            found.append(verdict)
    return sorted(found, key=lambda v: v.path)


def _try(path: Path, kind: str) -> Verdict:
    size_bytes, modified_ns, build = _key(path)
    error, is_final = _run_child(path, kind, extra_buffers=True)
    repacks = error is None
    if error is not None and not is_final:
        error, _ = _run_child(path, kind, extra_buffers=False)
    return Verdict(
        path=str(path), size_bytes=size_bytes, modified_ns=modified_ns, build=build,
        sha256=file_sha256(path), error=error, extra_buffers=repacks,
    )  # fmt: skip


def _run_child(path: Path, kind: str, *, extra_buffers: bool) -> tuple[str | None, bool]:
    """None where the child answered; else what went wrong, as the user should read it.

    And whether that is final: no other way of loading can help.
    """
    module = "localcollab.llama.probe_child"
    command = [sys.executable, "-m", module, str(path), str(extra_buffers), kind]
    seconds = SECONDS_ALLOWED + path.stat().st_size / SLOWEST_BYTES_A_SECOND
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds,
            check=False, stdin=subprocess.DEVNULL,
            # A debugger that prints where llama.cpp died takes half a minute.
            env=os.environ | {"GGML_NO_BACKTRACE": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"llama.cpp gave no token within {seconds:.0f} s: use a smaller file", False
    return _failure(child, path), child.returncode == _REFUSED


def _failure(child: subprocess.CompletedProcess[str], path: Path) -> str | None:
    if child.returncode == 0:
        return None
    lines = child.stderr.strip().splitlines() or ["no message"]
    last_line = next((line for line in reversed(lines) if _MEMORABLE.search(line)), lines[-1])
    if child.returncode in (_REFUSED, _COMPUTES_NOT):
        return lines[-1].removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        return (
            f"llama.cpp does not survive it ({name}; {last_line[:200]}): the file is damaged or not "
            "supported; fetch it again, or convert it anew"
        )
    return f"checking it failed ({last_line[:200]}): run localcollab doctor"


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(path: Path) -> tuple[int, int, str]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, hashlib.sha256(machine.build_id().encode()).hexdigest()


def _key_of(verdict: Verdict) -> tuple[int, int, str]:
    return verdict.size_bytes, verdict.modified_ns, verdict.build


def _cache_dir() -> Path:
    return platformdirs.user_cache_path("localcollab") / "probes"


def _record(path: Path, kind: str) -> Path:
    suffix = ".json" if kind == "decoder" else f".{kind}.json"
    return _cache_dir() / (hashlib.sha256(os.fsencode(path)).hexdigest()[:32] + suffix)


def _remember(verdict: Verdict, kind: str) -> None:
    file = _record(Path(verdict.path), kind)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(verdict), indent=1))
        os.replace(partial, file)
    except OSError as error:
        logger.warning("cannot remember the check of %s: %s", verdict.path, error)
