"""Resumable stages: one folder each, with a manifest of the inputs that its files depend on.

A stage whose manifest matches is skipped or continued; otherwise it is recomputed. Files are written
under a temporary name and renamed, so a kill at any moment leaves a folder that can be continued.
"""

import hashlib
import json
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcollab.errors import BadOption

if TYPE_CHECKING:
    import torch

OnNote = Callable[[str], None]
"""A line that stays."""

_MANIFEST = "manifest.json"


def write_text(path: Path, text: str) -> None:
    """Written to a temporary file in the same folder, then renamed."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_versions(*names: str) -> dict[str, str]:
    return {name: version(name) for name in names}


def save_checkpoint(state: Mapping[str, Any], path: Path) -> None:
    """Everything that the next step of a training depends on."""
    import torch

    partial = path.with_name(path.name + ".partial")
    torch.save(dict(state), partial)
    os.replace(partial, path)


def load_checkpoint(path: Path, device: "torch.device | None" = None) -> dict[str, Any]:
    """`device`: where the tensors are loaded; None: where they were saved. Raises `BadOption`."""
    import torch

    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    except (
        OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError
    ) as error:  # fmt: skip
        raise BadOption(
            f"{path}: damaged checkpoint ({type(error).__name__}): delete the file to restart the "
            "training"
        ) from error
    return state


@dataclass(frozen=True, slots=True)
class Stage:
    """`key`: everything that its files depend on, as JSON."""

    name: str
    folder: Path
    key: Mapping[str, Any]

    @property
    def manifest(self) -> dict[str, Any]:
        """As stored; empty where there is none that can be read."""
        try:
            found = json.loads((self.folder / _MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def outputs(self) -> dict[str, Any] | None:
        """The record of `finish`; None: not finished, made from other inputs, or damaged."""
        manifest = self.manifest
        outputs = manifest.get("outputs")
        if manifest.get("key") != self._key() or not isinstance(outputs, dict):
            return None
        files = outputs.get("files", {})
        return outputs if all(self._is_whole(*item) for item in files.items()) else None

    def begin(self, on_note: OnNote | None = None) -> None:
        """Prepare the folder. Files made from the same key stay; a note names keys that changed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest, key = self.manifest, self._key()
        if manifest.get("key") == key:
            return
        old = manifest.get("key")
        if manifest:
            self._clear()
        write_json(self.folder / _MANIFEST, {"key": key, "outputs": None})
        if on_note and isinstance(old, dict):
            names = old.keys() | key.keys()
            changed = sorted(name for name in names if old.get(name) != key.get(name))
            on_note(f"{self.name}: recomputed, because these changed: {', '.join(changed)}")

    def resume(self, on_note: OnNote) -> dict[str, Any] | None:
        """The record of a finished stage; None: the stage begins or continues."""
        outputs = self.outputs()
        if outputs is not None:
            on_note(f"{self.name}: up to date")
            return outputs
        self.begin(on_note)
        return None

    def note(self, **facts: Any) -> None:
        """Store facts that a resumed run must share."""
        write_json(self.folder / _MANIFEST, {**self.manifest, **facts})

    def finish(self, outputs: Mapping[str, Any], *names: str) -> dict[str, Any]:
        """`names`: files of this folder, stored with their sha256. Returns the whole record."""
        files = {name: file_sha256(self.folder / name) for name in names}
        record = {**outputs, "files": files}
        self.note(outputs=record)
        return record

    def digest(self) -> str:
        """Over the finished files: part of the key of the next stage."""
        text = json.dumps(self.manifest["outputs"]["files"], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _key(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(json.dumps(self.key))
        return parsed

    def _clear(self) -> None:
        # The manifest is reset first: it must never list files that are gone.
        write_json(self.folder / _MANIFEST, {"key": None, "outputs": None})
        for path in self.folder.iterdir():
            if path.name != _MANIFEST and path.is_file():
                path.unlink()

    def _is_whole(self, name: str, sha256: str) -> bool:
        path = self.folder / name
        return path.is_file() and file_sha256(path) == sha256
