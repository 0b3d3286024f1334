"""Finds GGUF files of other programs on this machine; they are never copied or changed.

Layouts: Ollama's models/manifests/HOST/OWNER/NAME/TAG (JSON; the layer of the media type below names
the blob), LM Studio's models/OWNER/NAME/FILE.gguf, and the Hub's hub/models--OWNER--NAME/snapshots/
REVISION/FILE.gguf.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from localcollab.models.listing import size_text
from localcollab.storage.parts import part_names, part_of, size_on_disk

_OLLAMA_WEIGHTS = "application/vnd.ollama.image.model"
_MAX_MANIFEST_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    path: Path
    size_bytes: int
    program: str
    repository: str | None = None
    sha256: str | None = None


class FoundRecord(TypedDict):
    name: str
    path: str
    size_bytes: int
    program: str


def as_row(file: Found) -> FoundRecord:
    path, size = str(file.path), file.size_bytes
    return {"name": file.name, "path": path, "size_bytes": size, "program": file.program}


def found_line(file: Found) -> str:
    """For a person."""
    return f"{file.name} ({file.program}, {size_text(file.size_bytes)}): {file.path}"


def find_everywhere() -> list[Found]:
    """Each file once, by program and name."""
    seen: set[Path] = set()
    found = []
    for file in (*find_ollama(), *find_lm_studio(), *find_hub()):
        real = file.path.resolve()
        if real not in seen:
            seen.add(real)
            found.append(file)
    return sorted(found, key=lambda f: (f.program, f.name))


def find_ollama() -> Iterator[Found]:
    root = Path(os.environ.get("OLLAMA_MODELS") or Path.home() / ".ollama" / "models")
    for manifest in _files(root / "manifests", "*"):
        parts = manifest.relative_to(root / "manifests").parts
        if len(parts) < 3:
            continue
        *_, owner, model, tag = parts
        prefix = "" if owner == "library" else f"{owner}-"
        for digest in _digests(manifest):
            blob = root / "blobs" / digest.replace(":", "-")
            if _is_gguf(blob):
                size, sha256 = blob.stat().st_size, digest.removeprefix("sha256:")
                yield Found(f"{prefix}{model}-{tag}", blob, size, "Ollama", None, sha256)


def _digests(manifest: Path) -> Iterator[str]:
    try:
        if manifest.stat().st_size > _MAX_MANIFEST_BYTES:
            return
        layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
        for layer in layers:
            digest = layer["digest"]
            is_hash = digest.startswith("sha256:") and digest[7:].isalnum()
            if layer["mediaType"] == _OLLAMA_WEIGHTS and is_hash:
                yield digest
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # not a manifest: another program's file


def find_lm_studio() -> Iterator[Found]:
    for root in (
        Path.home() / ".lmstudio" / "models",
        Path.home() / ".cache" / "lm-studio" / "models",
    ):
        for path in _files(root, "*.gguf"):
            parts = path.relative_to(root).parts
            repository = "/".join(parts[:2]) if len(parts) >= 3 else None
            if _is_gguf(path):
                yield Found(path.stem, path, size_on_disk(path), "LM Studio", repository)


def find_hub() -> Iterator[Found]:
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    root = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    for path in _files(root, "*.gguf"):
        parts = path.relative_to(root).parts
        if len(parts) < 4 or not parts[0].startswith("models--") or parts[1] != "snapshots":
            continue
        repository = parts[0].removeprefix("models--").replace("--", "/", 1)
        if _is_gguf(path):
            blob = path.resolve().name
            is_sha256 = len(blob) == 64 and blob.isalnum() and part_of(path.name) is None
            sha256, size = blob if is_sha256 else None, size_on_disk(path)
            yield Found(path.stem, path, size, "Hub cache", repository, sha256)


def _files(root: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from (path for path in sorted(root.rglob(pattern)) if os.path.isfile(path))
    except OSError:
        return


def _is_gguf(path: Path) -> bool:
    """Of a model in parts, the first one."""
    if path.name not in part_names(path.name)[:1]:
        return False
    try:
        with path.open("rb") as file:
            return os.path.isfile(path) and file.read(4) == b"GGUF"
    except OSError:
        return False
