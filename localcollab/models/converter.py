"""Fetches llama.cpp's own converter for the installed version, from its source package, by hash."""

import contextlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import platformdirs

from localcollab.children.ended import Ended
from localcollab.children.launch import Child
from localcollab.children.limits import whole_machine
from localcollab.errors import DownloadFailed
from localcollab.llama.probe import file_sha256
from localcollab.progress import Counted, OnProgress

_PACKAGE = "llama-cpp-python"
SHA256 = {"0.3.36": "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"}
"""The hash of the source package, by version."""
_PARTS = ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "conversion", "gguf-py", "LICENSE")
_SIZE_MB = 77
_MAX_BYTES = 64 * 2**20
_SECONDS_ALLOWED = 1800
_SECONDS_BETWEEN_LOOKS = 0.5


def converter_dir(installed: str) -> Path:
    return platformdirs.user_cache_path("localcollab") / "converter" / installed


def fetch_converter(on_note: Callable[[str], None], on_progress: OnProgress) -> Path:
    """`on_note` stays, `on_progress` does not. Returns its folder. Raises `DownloadFailed`."""
    installed = version(_PACKAGE)
    folder = converter_dir(installed)
    if (folder / _PARTS[0]).is_file():
        return folder
    if installed not in SHA256:
        raise DownloadFailed(
            f"{_PACKAGE} {installed} is installed, and the converter's hash is known for "
            f"{', '.join(SHA256)} only: install that, or name a llama.cpp checkout with convert"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as temporary:
        on_note(f"fetching the source package of {_PACKAGE} {installed} ({_SIZE_MB} MB)")
        archive = _download(installed, Path(temporary), on_progress)
        take_converter(archive, folder, SHA256[installed])
    return folder


def _download(installed: str, temporary: Path, on_progress: OnProgress) -> Path:
    wanted = temporary / "wanted.txt"
    # pip checks the hash before it runs anything of the package.
    wanted.write_text(f"{_PACKAGE}=={installed} --hash=sha256:{SHA256[installed]}\n")
    arguments = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary",
                 _PACKAGE, "--require-hashes", "--dest", str(temporary), "--requirement",
                 str(wanted)]  # fmt: skip
    ended = _run_pip(arguments, temporary, on_progress)
    if ended.cause == "time":
        raise DownloadFailed(f"pip gave up on {_PACKAGE} {installed}: try again")
    found = sorted(temporary.glob("*.tar.gz"))
    if ended.code or not found:
        reason = (ended.err.strip().splitlines() or ["no reason given"])[-1]
        raise DownloadFailed(
            f"pip could not fetch {_PACKAGE} {installed} ({reason[:300]}): check the network and pip's "
            "index, or name a llama.cpp checkout with convert"
        )
    return found[0]


def _run_pip(arguments: list[str], folder: Path, on_progress: OnProgress) -> Ended:
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
                done = min(_size_mb(folder), _SIZE_MB)
                on_progress(Counted("downloading", done, _SIZE_MB, "MB"))
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


def take_converter(archive: Path, folder: Path, expected: str) -> None:
    """Unpacks only what the converter needs. Raises `DownloadFailed`."""
    sha256 = file_sha256(archive)
    if sha256 != expected:
        archive.unlink()
        raise DownloadFailed(
            f"{archive.name} has sha256 {sha256[:12]}, expected {expected[:12]}: it was "
            "removed; do not trust the index it came from"
        )
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            _unpack(tar, partial)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except (tarfile.TarError, OSError) as error:
        raise DownloadFailed(f"{archive.name}: cannot be unpacked ({error}): try again") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    taken = 0
    for member in tar:
        _, _, inside = member.name.partition("/vendor/llama.cpp/")
        parts = Path(inside).parts
        if not member.isfile() or not parts or parts[0] not in _PARTS or ".." in parts:
            continue
        taken += member.size
        if taken > _MAX_BYTES:
            raise DownloadFailed(f"the converter is larger than {_MAX_BYTES} bytes: try again")
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        assert source is not None
        with source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
