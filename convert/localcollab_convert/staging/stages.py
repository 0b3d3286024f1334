"""Resumable stages: a folder each, with a manifest that says what its files were made from.

A stage whose manifest matches is skipped or continued; another one is made anew. Every file gets its
name only when it is whole, so that a kill at any moment leaves a folder that can be continued.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MANIFEST = "manifest.json"


def write_text(path: Path, text: str) -> None:
    """Written beside its final name, then renamed."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Stage:
    """`key`: everything that its files depend on, as JSON."""

    name: str
    folder: Path
    key: Mapping[str, Any]

    @property
    def manifest(self) -> dict[str, Any]:
        """What is written; empty where nothing readable is."""
        try:
            found = json.loads((self.folder / _MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def outputs(self) -> dict[str, Any] | None:
        """What `finish` noted; None: not finished, or made from something else, or damaged."""
        manifest = self.manifest
        outputs = manifest.get("outputs")
        if manifest.get("key") != self._key() or not isinstance(outputs, dict):
            return None
        files = outputs.get("files", {})
        return outputs if all(self._is_whole(*item) for item in files.items()) else None

    def begin(self, say: Callable[[str], None] | None = None) -> None:
        """Make the folder ready; files made from this key stay. Says what made it begin anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest, key = self.manifest, self._key()
        if manifest.get("key") == key:
            return
        old = manifest.get("key")
        if manifest:
            self._clear()
        write_json(self.folder / _MANIFEST, {"key": key, "outputs": None})
        if say and isinstance(old, dict):
            names = old.keys() | key.keys()
            differing = sorted(name for name in names if old.get(name) != key.get(name))
            say(f"{self.name}: made anew, because these differ: {', '.join(differing)}")

    def resume(self, say: Callable[[str], None]) -> dict[str, Any] | None:
        """What a finished stage noted; else it is begun."""
        outputs = self.outputs()
        if outputs is not None:
            say(f"{self.name}: up to date")
            return outputs
        self.begin(say)
        return None

    def note(self, **facts: Any) -> None:
        """Keep facts that a resumed run must share."""
        write_json(self.folder / _MANIFEST, {**self.manifest, **facts})

    def finish(self, outputs: Mapping[str, Any], *names: str) -> dict[str, Any]:
        """`names`: files of this folder, noted with their sha256. Returns all that is noted."""
        files = {name: file_sha256(self.folder / name) for name in names}
        noted = {**outputs, "files": files}
        self.note(outputs=noted)
        return noted

    def digest(self) -> str:
        """Of the finished files: what the next stage depends on."""
        text = json.dumps(self.manifest["outputs"]["files"], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _key(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(json.dumps(self.key))
        return parsed

    def _clear(self) -> None:
        # The manifest goes first: it must never vouch for files that are gone.
        write_json(self.folder / _MANIFEST, {"key": None, "outputs": None})
        for path in self.folder.iterdir():
            if path.name != _MANIFEST and path.is_file():
                path.unlink()

    def _is_whole(self, name: str, sha256: str) -> bool:
        path = self.folder / name
        return path.is_file() and file_sha256(path) == sha256
