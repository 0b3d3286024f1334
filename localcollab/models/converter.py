"""Fetches llama.cpp's own converter for the installed version, from its source package, by hash."""

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import platformdirs

from localcollab.errors import DownloadFailed
from localcollab.llama.probe import file_sha256
from localcollab.models.packages import Package, download
from localcollab.progress import OnProgress

_PACKAGE = "llama-cpp-python"
SHA256 = {"0.3.36": "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"}
"""The hash of the source package, by version."""
_PARTS = ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "conversion", "gguf-py", "LICENSE")
_SIZE_MB = 77
_MAX_BYTES = 64 * 2**20
_REMEDY = "check the network and pip's index, or name a llama.cpp checkout with convert"


def converter_dir(installed: str) -> Path:
    return platformdirs.user_cache_path("localcollab") / "converter" / installed


def has_converter() -> bool:
    """Whether `convert` finds one: fetched, or named by $LOCALCOLLAB_LLAMA_SDIST."""
    is_fetched = (converter_dir(version(_PACKAGE)) / _PARTS[0]).is_file()
    return is_fetched or bool(os.environ.get("LOCALCOLLAB_LLAMA_SDIST"))


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
        package = Package(_PACKAGE, installed, SHA256[installed], _SIZE_MB, is_source=True)
        archive = download(package, Path(temporary), on_progress, _REMEDY)
        take_converter(archive, folder, SHA256[installed])
    return folder


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
