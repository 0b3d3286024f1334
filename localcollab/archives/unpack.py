"""`localcollab teams import`: reads an archive from an untrusted source and overwrites nothing.

Only regular files that the manifest lists are extracted; each gets its final name once its size and hash
are verified. An interrupted import resumes after the last complete file. The team is added to the
catalogue last.
"""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.archives.archive import FILE_NAME, FORMAT, MANIFEST, MAX_MANIFEST_BYTES, Packed
from localcollab.archives.unpack_names import enter_team, is_here, require_new_names
from localcollab.catalog import Catalog, load_catalog, models_dir
from localcollab.catalog.methods import TRAINED
from localcollab.catalog.reading import to_catalog
from localcollab.errors import BadArchive, LocalcollabError
from localcollab.llama.probe import file_sha256
from localcollab.models.listing import size_text
from localcollab.progress import OnProgress, silently
from localcollab.storage.counted_file import CountedFile
from localcollab.storage.locking import one_at_a_time
from localcollab.storage.os_errors import explained

_BLOCK_BYTES = 2**20
_LOCK = ".lock"
"""Imports run one after another: they write the same names."""


@dataclass(frozen=True, slots=True)
class Manifest:
    team: str
    tables: dict[str, Any]
    """As in models.toml; paths are names of files in the archive."""
    files: Mapping[str, Packed]
    licences: Mapping[str, str]


def import_team(archive: Path, on_progress: OnProgress = silently) -> str:
    """Returns a line that says what was imported. Raises `BadArchive`."""
    if not os.path.isfile(archive):
        raise BadArchive(f"{archive}: no such file: check the path")
    with _opened(archive) as tar:
        manifest = _read_manifest(archive, tar)
        here = f"{manifest.team} is already installed, with the same files: nothing was imported"
        if _catalog_without(archive, manifest) is None:
            return here
        with one_at_a_time(models_dir() / "imported" / _LOCK):
            catalog = _catalog_without(archive, manifest)
            if catalog is None:
                return here
            _require_room(archive, manifest)
            _take_files(archive, tar, manifest, on_progress)
            enter_team(manifest.team, manifest.tables, catalog, places(manifest))
    licences = "; ".join(f"{name}: {text}" for name, text in manifest.licences.items())
    return f"imported {manifest.team}: {len(manifest.files)} files (licences: {licences})"


def _catalog_without(archive: Path, manifest: Manifest) -> Catalog | None:
    """None if the team is installed. Raises `BadArchive` if another entry has one of its names."""
    catalog = load_catalog()
    require_new_names(archive, manifest.tables, catalog)
    return None if is_here(manifest.tables, catalog) else catalog


def places(manifest: Manifest) -> dict[str, Path]:
    """Where each file of the archive goes: in a folder named by its hash, to keep names apart."""
    root = models_dir() / "imported"
    return {name: root / p.sha256 / Path(name).name for name, p in manifest.files.items()}


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        # "r:": nothing is decompressed, so nothing can grow.
        with tarfile.open(archive, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise BadArchive(
            f"{archive}: not a team archive, or truncated ({error}): copy it again"
        ) from error
    except OSError as error:
        raise BadArchive(f"{archive}: not imported: {explained(error, archive)}") from error


def _read_manifest(archive: Path, tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST or not _is_plain(first):
        raise BadArchive(
            f"{archive}: its first file is not {MANIFEST}: give an archive made by teams export"
        )
    if first.size > MAX_MANIFEST_BYTES:
        raise BadArchive(f"{archive}: its manifest claims {first.size} bytes: do not trust it")
    source = tar.extractfile(first)
    assert source is not None
    try:
        values = json.loads(source.read())
        if values["format"] != FORMAT:
            raise BadArchive(
                f"{archive}: its format is {values['format']!r}, this version reads {FORMAT!r}: "
                "export it with this version"
            )
        files = [Packed(str(f["name"]), str(f["sha256"]), f["size_bytes"]) for f in values["files"]]
        if not isinstance(values["catalog"], dict):
            raise TypeError("catalog is not a table")
        licences = {str(k): str(v) for k, v in values["licences"].items()}
        manifest = Manifest(
            str(values["team"]), values["catalog"], {f.name: f for f in files}, licences
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadArchive(
            f"{archive}: its manifest is damaged ({type(error).__name__}: {error}): copy it again"
        ) from error
    _check(archive, manifest, len(files))
    return manifest


def _check(archive: Path, manifest: Manifest, n_files: int) -> None:
    from localcollab.catalog.validate import check

    if len(manifest.files) != n_files:
        raise BadArchive(f"{archive}: its manifest names a file twice: do not trust it")
    for name, packed in manifest.files.items():
        match = FILE_NAME.fullmatch(name)
        is_size = isinstance(packed.size_bytes, int) and packed.size_bytes >= 0
        if match is None or match[1] != packed.sha256 or not is_size:
            raise BadArchive(f"{archive}: its manifest names {name!r:.200}: do not trust it")
    try:
        check(Path(MANIFEST), manifest.tables)
    except LocalcollabError as error:
        raise BadArchive(f"{archive}: {error}") from error
    if next(iter(manifest.tables.get("teams", {})), None) != manifest.team:
        raise BadArchive(
            f"{archive}: [teams] does not begin with {manifest.team!r}: export it again"
        )
    for place, path in _paths(manifest.tables):
        if path not in manifest.files:
            raise BadArchive(
                f"{archive}: {place} is {path!r:.200}, which is not a file in the archive: "
                "export it again"
            )
    _check_names(archive, manifest)


def _check_names(archive: Path, manifest: Manifest) -> None:
    """Every model and trained file that an entry names is in the archive."""
    catalog = to_catalog(archive, Path(), manifest.tables, ours=True)
    try:
        for model in catalog.models:
            catalog.model(model)
        for team in catalog.teams:
            catalog.team(team)
    except LocalcollabError as error:
        raise BadArchive(f"{archive}: {error}: export it again") from error


def _paths(tables: dict[str, Any]) -> Iterator[tuple[str, str]]:
    models = tables.get("models", {})
    for name, table in models.items():
        if "adapter" in table and table["adapter"] not in models:
            yield f"[models.{name}] adapter", table["adapter"]
        if "weights_of" not in table:
            yield f"[models.{name}] path", table.get("path", "")
    for kind in TRAINED.values():
        for name, table in tables.get(kind, {}).items():
            yield f"[{kind}.{name}] path", table["path"]


def _is_plain(member: tarfile.TarInfo) -> bool:
    # isreg() counts sparse files, whose claimed size costs the archive nothing.
    return member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()


def _require_room(archive: Path, manifest: Manifest) -> None:
    where = places(manifest)
    needed = sum(p.size_bytes for n, p in manifest.files.items() if not where[n].is_file())
    models_dir().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(models_dir()).free
    if needed > free:
        raise BadArchive(
            f"{archive}: needs {size_text(needed)}, only {size_text(free)} are free: free disk space"
        )


def _take_files(
    archive: Path, tar: tarfile.TarFile, manifest: Manifest, on_progress: OnProgress
) -> None:
    wanted, where = dict(manifest.files), places(manifest)
    while (member := tar.next()) is not None:
        packed = wanted.pop(member.name, None)
        if packed is None or not _is_plain(member) or member.size != packed.size_bytes:
            raise BadArchive(
                f"{archive}: contains {member.name!r:.200}, which its manifest does not list: do not "
                "trust it"
            )
        if _is_here(archive, where[packed.name], packed):
            continue
        source = tar.extractfile(member)
        assert source is not None
        _write(archive, source, where[packed.name], packed, on_progress)
    if wanted:
        raise BadArchive(
            f"{archive}: {min(wanted)} is missing, the archive is truncated: copy it again"
        )


def _is_here(archive: Path, path: Path, packed: Packed) -> bool:
    if not os.path.lexists(path):
        return False
    if os.path.isfile(path) and file_sha256(path) == packed.sha256:
        return True
    raise BadArchive(
        f"{archive}: {path} already exists with other content: remove it, then import again"
    )


def _write(archive: Path, source: Any, path: Path, packed: Packed, on_progress: OnProgress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    digest = hashlib.sha256()
    try:
        with partial.open("wb") as out:
            counted = CountedFile(out, f"unpacking {path.name}", packed.size_bytes, on_progress)
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                counted.write(block)
        if digest.hexdigest() != packed.sha256:
            raise BadArchive(
                f"{archive}: the sha256 of {packed.name} does not match ({digest.hexdigest()[:12]}): "
                "the archive is damaged or was changed; copy it again"
            )
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
