"""`localcollab teams export`: a team with all its files in one archive, for a machine without a network.

An uncompressed tar: `manifest.json` first (format, catalogue tables, each file's hash and
size, licences), then `files/SHA256/NAME`. `unpack` reads it, which trusts none of it.
"""

import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, cast

from localcollab import __version__
from localcollab.catalog import Catalog, ModelEntry, TeamEntry, load_catalog, method_name
from localcollab.catalog.methods import Familiarity
from localcollab.catalog.settings import as_table
from localcollab.errors import BadArchive
from localcollab.models.listing import size_text, stated_licence
from localcollab.models.store import check_name
from localcollab.progress import OnProgress, silently
from localcollab.storage.counted_file import CountedFile, counted_sha256
from localcollab.storage.os_errors import explained
from localcollab.storage.parts import part_of

FORMAT = "localcollab-team-1"
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 4 * 2**20
FILE_NAME = re.compile(r"files/([0-9a-f]{64})/([\w][\w .+-]{0,199})")


@dataclass(frozen=True, slots=True)
class Packed:
    """A file in an archive. `name` is `files/SHA256/NAME`."""

    name: str
    sha256: str
    size_bytes: int


def export_team(
    name: str, out: Path, catalogs: tuple[Path, ...] = (), on_progress: OnProgress = silently
) -> str:
    """Returns what was written, in one line. Raises `BadCatalog`, `BadArchive`, `BadModelFile`."""
    catalog = load_catalog(*catalogs)
    team = catalog.team(name)
    if os.path.lexists(out):
        raise BadArchive(f"{out} already exists: give another name, or remove it first")
    files = _pack(list(_files(catalog, team)), on_progress)
    manifest = _manifest(catalog, team, files)
    _require_room(out, files)
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
            _add_text(tar, MANIFEST, json.dumps(manifest, indent=1))
            for path, packed in files.items():
                _add_file(tar, path, packed, on_progress)
        os.replace(partial, out)
    except OSError as error:
        raise BadArchive(explained(error, out)) from error
    finally:
        partial.unlink(missing_ok=True)
    return f"{out}: {team.name}, {len(files)} files, {size_text(out.stat().st_size)}"


def _files(catalog: Catalog, team: TeamEntry) -> Iterator[ModelEntry]:
    for model in catalog.models_of(team):
        yield from catalog.files_of(model)
    yield from (ModelEntry(entry.name, entry.path) for entry in catalog.trained_of(team))


def _pack(entries: list[ModelEntry], on_progress: OnProgress) -> dict[Path, Packed]:
    packed: dict[Path, Packed] = {}
    for path, entry in {entry.path: entry for entry in entries}.items():
        if not os.path.isfile(path):
            remedy = entry.install or "put it there"
            raise BadArchive(
                f"{path}: no such file, and an archive needs every file of its team: {remedy}"
            )
        if part_of(path.name) is not None:
            raise BadArchive(
                f"{path}: is in parts, which an archive does not hold: join them by llama-gguf-split "
                "--merge, and add the file"
            )
        sha256 = counted_sha256(path, on_progress)
        safe = re.sub(r"[^\w.+-]", "_", path.name)[-100:].lstrip(".+-") or "file"
        packed[path] = Packed(f"files/{sha256}/{safe}", sha256, path.stat().st_size)
    return packed


def _manifest(catalog: Catalog, team: TeamEntry, files: dict[Path, Packed]) -> dict[str, Any]:
    entries = {e.name: e for name in catalog.models_of(team) for e in _entries(catalog, name)}
    teams = catalog.teams_of(team)
    trained = [pair for one in teams for pair in one.trained]
    for name in (*(one.name for one in teams), *(name for _, name in trained), *entries):
        check_name(name)
    tables: dict[str, Any] = {
        "models": {name: _model_table(entry, files) for name, entry in entries.items()}
    }
    for table, name in trained:
        path = files[catalog.trained(table, name).path].name
        tables.setdefault(table, {})[name] = {"path": path}
    # The team itself first, then those that are members in it.
    tables["teams"] = {one.name: team_table(one) for one in teams}
    return {
        "format": FORMAT,
        "team": team.name,
        "catalog": tables,
        "files": [asdict(packed) for packed in files.values()],
        "licences": {
            name: stated_licence(entry) or "not stated" for name, entry in entries.items()
        },
        "versions": {"localcollab": __version__},
    }


def _entries(catalog: Catalog, name: str) -> Iterator[ModelEntry]:
    entry = catalog.models[name]
    yield entry
    for other in (entry.weights_of, entry.adapter_model):
        if other:
            yield catalog.models[other]


def _model_table(entry: ModelEntry, files: dict[Path, Packed]) -> dict[str, Any]:
    hidden = ["name", "path", "adapter", "adapter_model", "sha256", "size_bytes", "settings"]
    if entry.package is not None:  # the archive holds what the package does
        hidden += ["package", "file"]
    table = {
        f.name: getattr(entry, f.name)
        for f in fields(entry)
        if f.name not in hidden and getattr(entry, f.name) not in (None, "", False)
    }
    table |= {k: v for k, v in as_table(entry.settings).items() if k != "n_ctx"}
    if entry.verified:
        table["verified"] = {k: v for k, v in asdict(entry.verified).items() if v is not None}
    if entry.adapter_model:
        table["adapter"] = entry.adapter_model
    elif entry.adapter is not None:
        table["adapter"] = files[entry.adapter].name
    if entry.weights_of is None:
        packed = files[entry.path]
        table |= {"path": packed.name, "sha256": packed.sha256, "size_bytes": packed.size_bytes}
    return table


def team_table(team: TeamEntry) -> dict[str, Any]:
    """As a table of models.toml."""
    method = team.method
    table: dict[str, Any] = {"method": method_name(method)}
    table |= {f.name: getattr(method, f.name) for f in fields(method)}
    table |= {"about": team.about, "draft": team.draft, "memory_gb": team.memory_gb}
    table |= as_table(team.settings)
    return {
        key: _plain(value)
        for key, value in table.items()
        if value not in (None, "", (), {}) and value is not False
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {k: asdict(v) if isinstance(v, Familiarity) else v for k, v in value.items()}
    return value


def _require_room(out: Path, files: dict[Path, Packed]) -> None:
    if not out.parent.is_dir():
        raise BadArchive(f"{out}: no such folder: {out.parent}: create it first")
    needed = sum(packed.size_bytes for packed in files.values())
    free = shutil.disk_usage(out.parent).free
    if needed > free:
        raise BadArchive(
            f"{out}: needs {size_text(needed)}, only {size_text(free)} are free: free disk space"
        )


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _add_file(tar: tarfile.TarFile, path: Path, packed: Packed, on_progress: OnProgress) -> None:
    # Neither owner nor time: the same team gives the same archive.
    info = tarfile.TarInfo(packed.name)
    info.size = packed.size_bytes
    with path.open("rb") as file:
        counted = CountedFile(file, f"packing {path.name}", packed.size_bytes, on_progress)
        tar.addfile(info, cast("BinaryIO", counted))
