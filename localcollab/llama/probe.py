"""What llama.cpp does with a file on this machine: tried in a child process, once, and remembered.

A damaged or unsupported file, or a CPU that cannot do what it announces, ends the process that
loads it. So the header is checked in Python, then a child loads the file, tokenizes, and asks for one
token; first with repacked weights, then without. The verdict and the file's sha256 are kept by path,
size, modification time and build.
"""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from localcollab.errors import BadModelFile
from localcollab.llama import library
from localcollab.llama.header import read_header

logger = logging.getLogger("localcollab.llama")

SECONDS_ALLOWED = 900
_REFUSED = 3


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


def probe(path: Path, on_progress: Callable[[str], None] | None = None) -> Verdict:
    """The remembered verdict, or a new one. Raises `BadModelFile` where the file is unusable."""
    path = path.expanduser().resolve()
    verdict = remembered(path)
    if verdict is None:
        if on_progress:
            on_progress(f"checking {path.name} once, in a process of its own")
        read_header(path)
        verdict = _try(path)
        _remember(verdict)
    if verdict.error is not None:
        raise BadModelFile(f"{path}: {verdict.error}")
    return verdict


def remembered(path: Path) -> Verdict | None:
    file = _record(path)
    if not path.is_file() or not file.is_file():
        return None
    try:
        verdict = Verdict(**json.loads(file.read_text()))
    except (ValueError, TypeError):
        return None
    return verdict if _key(path) == _key_of(verdict) else None


def all_remembered() -> list[Verdict]:
    """Every verdict that still holds, by path."""
    found = []
    for file in sorted(_cache_dir().glob("*.json")):
        try:
            verdict = remembered(Path(json.loads(file.read_text())["path"]))
        except (ValueError, TypeError, KeyError):
            continue
        if verdict is not None:
            found.append(verdict)
    return sorted(found, key=lambda v: v.path)


def _try(path: Path) -> Verdict:
    with_buffers = _run_child(path, extra_buffers=True)
    without = None if with_buffers is None else _run_child(path, extra_buffers=False)
    size_bytes, modified_ns, build = _key(path)
    return Verdict(
        path=str(path), size_bytes=size_bytes, modified_ns=modified_ns, build=build,
        sha256=file_sha256(path), error=without, extra_buffers=with_buffers is None,
    )  # fmt: skip


def _run_child(path: Path, *, extra_buffers: bool) -> str | None:
    """None where the child answered; else what went wrong, as the user should read it."""
    command = [sys.executable, "-m", "localcollab.llama.probe_child", str(path), str(extra_buffers)]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS_ALLOWED,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"llama.cpp gave no token within {SECONDS_ALLOWED} s: use a smaller file"
    if child.returncode == 0:
        return None
    last_line = (child.stderr.strip().splitlines() or ["no message"])[-1]
    if child.returncode == _REFUSED:
        return last_line.removeprefix(f"{path}: ")
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
    return found.st_size, found.st_mtime_ns, hashlib.sha256(library.build_id().encode()).hexdigest()


def _key_of(verdict: Verdict) -> tuple[int, int, str]:
    return verdict.size_bytes, verdict.modified_ns, verdict.build


def _cache_dir() -> Path:
    return platformdirs.user_cache_path("localcollab") / "probes"


def _record(path: Path) -> Path:
    return _cache_dir() / (hashlib.sha256(str(path).encode()).hexdigest()[:32] + ".json")


def _remember(verdict: Verdict) -> None:
    file = _record(Path(verdict.path))
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(verdict), indent=1))
        os.replace(partial, file)
    except OSError as error:
        logger.warning("cannot remember the check of %s: %s", verdict.path, error)
