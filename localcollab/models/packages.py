"""Downloads one package with pip, pinned by its hash, without installing or running any of it.

Mirrors and proxies come through pip's usual configuration.
"""

import contextlib
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from localcollab.children.ended import Ended
from localcollab.children.launch import Child
from localcollab.children.limits import whole_machine
from localcollab.errors import DownloadFailed
from localcollab.progress import Counted, OnProgress

_SECONDS_ALLOWED = 1800
_SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    sha256: str
    size_mb: int
    is_source: bool = False
    """A source archive; else a wheel."""


def download(package: Package, folder: Path, on_progress: OnProgress, remedy: str) -> Path:
    """The archive, in `folder`. Raises `DownloadFailed`, with `remedy` where pip cannot fetch it."""
    wanted, named = folder / "wanted.txt", f"{package.name} {package.version}"
    # pip checks the hash before it runs anything of the package.
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    kind = "--no-binary" if package.is_source else "--only-binary"
    arguments = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", kind, package.name,
                 "--require-hashes", "--dest", str(folder), "--requirement", str(wanted)]  # fmt: skip
    ended = _run_pip(arguments, folder, package.size_mb, on_progress)
    if ended.cause == "time":
        raise DownloadFailed(f"pip gave up on {named}: try again")
    found = sorted(folder.glob("*.tar.gz" if package.is_source else "*.whl"))
    if ended.code or not found:
        reason = (ended.err.strip().splitlines() or ["no reason given"])[-1]
        raise DownloadFailed(f"pip could not fetch {named} ({reason[:300]}): {remedy}")
    return found[0]


def _run_pip(arguments: list[str], folder: Path, size_mb: int, on_progress: OnProgress) -> Ended:
    """pip's own files of the download lie in `folder`: their size says how far it is."""
    limits = whole_machine(seconds=_SECONDS_ALLOWED)
    gives_up, is_late = time.monotonic() + _SECONDS_ALLOWED, False
    with tempfile.TemporaryFile() as said:
        child = Child(
            "pip", arguments, limits=limits, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=said, environment={"TMPDIR": str(folder)},
        )  # fmt: skip
        try:
            while child.is_alive() and not is_late:
                done = min(_size_mb(folder), size_mb)
                on_progress(Counted("downloading", done, size_mb, "MB"))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(_SECONDS_BETWEEN_LOOKS)
                is_late = time.monotonic() > gives_up
        finally:
            code = child.close()
        said.seek(0)
        return Ended(code, "", said.read().decode("utf-8", "replace"), limits, is_late)


def _size_mb(folder: Path) -> int:
    size = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):  # pip moves its files
            size += file.lstat().st_size
    return size // 10**6
