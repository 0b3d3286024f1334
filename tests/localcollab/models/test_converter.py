"""The converter comes out of the source package whole, by hash, and nothing else does."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from localcollab.errors import DownloadFailed
from localcollab.llama.probe import file_sha256
from localcollab.models.converter import SHA256, take_converter

ROOT = "llama_cpp_python-0.3.36"
INSIDE = {
    "vendor/llama.cpp/convert_hf_to_gguf.py": b"1",
    "vendor/llama.cpp/conversion/llama.py": b"2",
    "vendor/llama.cpp/gguf-py/gguf/gguf.py": b"3",
}
OUTSIDE = {
    "setup.py": b"x", "vendor/llama.cpp/src/llama.cpp": b"x", "vendor/llama.cpp/../../../evil": b"x",
    "vendor/llama.cpp/conversion/../../../../evil": b"x",
}  # fmt: skip


def package(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in (INSIDE | OUTSIDE).items():
            info = tarfile.TarInfo(f"{ROOT}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo(f"{ROOT}/vendor/llama.cpp/conversion/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


def test_only_the_converter_is_taken(tmp_path: Path) -> None:
    archive, folder = package(tmp_path / "p.tar.gz"), tmp_path / "cache" / "0.3.36"
    take_converter(archive, folder, file_sha256(archive))
    found = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    assert found == {name.removeprefix("vendor/llama.cpp/"): data for name, data in INSIDE.items()}
    assert {p.name for p in tmp_path.iterdir()} == {"p.tar.gz", "cache"}
    assert [p.name for p in folder.parent.iterdir()] == ["0.3.36"]


def test_another_package_is_refused_and_removed(tmp_path: Path) -> None:
    archive, folder = package(tmp_path / "p.tar.gz"), tmp_path / "cache" / "0.3.36"
    with pytest.raises(DownloadFailed, match="do not trust the index it came from"):
        take_converter(archive, folder, SHA256["0.3.36"])
    assert not archive.exists()
    assert not folder.exists()


def test_the_pinned_hash_is_the_installed_versions() -> None:
    from importlib.metadata import version

    assert version("llama-cpp-python") in SHA256
    sdist = os.environ.get("LOCALCOLLAB_LLAMA_SDIST")
    archive = Path(f"{sdist}.tar.gz") if sdist else Path("missing")
    if archive.is_file():
        assert file_sha256(archive) == SHA256["0.3.36"]
