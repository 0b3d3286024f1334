"""Adds, removes and verifies models by name; files of other programs are never changed."""

import base64
import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from localcollab.catalog import SHIPPED, Catalog, ModelEntry, VerifiedEntry, load_catalog
from localcollab.errors import BadCatalog, BadModelFile, BadOption
from localcollab.llama.header import read_header
from localcollab.llama.probe import file_sha256
from localcollab.models.other_programs import find_everywhere
from localcollab.models.store import (
    check_name,
    is_ours,
    prune_empty,
    shipped_models,
    users_of,
    write_model,
    written_catalog,
)
from localcollab.storage.parts import is_here, parts_of, real_path, size_on_disk


def add(file: str, name: str | None, catalogs: tuple[Path, ...] = ()) -> ModelEntry:
    """Adds a GGUF file, or a model of another program by its name there.

    Raises `BadModelFile`, `BadOption`.
    """
    path, default = _locate(file)
    name = check_name(name or default)
    known = load_catalog(*catalogs).models.get(name)
    if known is not None and known.path != path:
        raise BadOption(f"a model named {name!r} exists already: give another `name`")
    return _write(path, name, known)


def enter_made(path: Path, name: str, verified: VerifiedEntry | None) -> str | None:
    """Enters a file that was just made, as `add` does, with what is known of it; without `verified`
    what was known of the same file stays. Why not, where another file has this name, which keeps it.
    Raises `BadCatalog`, `BadModelFile`."""
    path = path.resolve()
    known = load_catalog().models.get(name)
    if known is not None and known.path != path and os.path.lexists(known.path):
        return f"{path.name}: not entered, because {name!r} is {known.path} in the catalogue"
    _write(path, name, known, verified)
    return None


def _write(
    path: Path, name: str, known: ModelEntry | None, verified: VerifiedEntry | None = None
) -> ModelEntry:
    header, sha256 = read_header(path), file_sha256(path)
    if verified is None and known is not None and known.sha256 == sha256:
        verified = known.verified
    entry = ModelEntry(
        name,
        path,
        about=str(header.metadata.get("general.name", ""))[:100],
        sha256=sha256,
        size_bytes=header.size_bytes,
        n_ctx=header.number("context_length"),
        licence=_licence(header.metadata.get("general.license")),
        verified=verified,
    )
    write_model(entry, str(path))
    return entry


def _locate(file: str) -> tuple[Path, str]:
    try:
        path = Path(os.path.expanduser(file))
        if os.path.lexists(path):
            return (real_path(path) if os.path.isfile(path) else path), path.stem
    except (OSError, ValueError, RuntimeError) as error:
        raise BadModelFile(f"{file}: not a path to a file ({error}): check it") from error
    known = {found.name: found for found in find_everywhere()}
    if file in known:
        return real_path(known[file].path), file
    raise BadModelFile(
        f"{file}: no such file, and no such model in Ollama, LM Studio or the Hub's cache: "
        "check the name (localcollab models list)"
    )


def _licence(value: object) -> str | None:
    return str(value)[:100] if value else None


def remove(name: str, catalogs: tuple[Path, ...] = ()) -> str:
    """Removes a model, and its file if the file is ours and no other model uses it.

    Returns what happened to the file. Raises `BadCatalog`, `BadOption`.
    """
    catalog = load_catalog(*catalogs)
    entry = catalog.model(name)
    record = written_catalog(name)
    file = entry.path if entry.weights_of is None else entry.adapter
    has_file = file is not None and is_ours(file) and file.is_file()
    if record is None and entry.package is not None:
        raise BadOption(
            f"{name!r} is the package {entry.distribution}: pip uninstall {entry.distribution} removes it"
        )
    if record is None and not has_file:
        raise BadOption(
            f"{name!r} was neither added nor pulled: it is shipped, or defined in a models.toml; "
            "remove it there"
        )
    dependents = [n for n, e in catalog.models.items() if name in (e.weights_of, e.adapter_model)]
    if dependents:
        raise BadOption(f"{name!r} is needed by {', '.join(dependents)}: remove that first")
    if record is not None:
        record.unlink(missing_ok=True)
    return _remove_file(name, file, catalogs) if file else "its files belong to other models"


def _remove_file(name: str, path: Path, catalogs: tuple[Path, ...]) -> str:
    if not is_ours(path):
        return f"{path} was not pulled by localcollab and stays where it is"
    users = users_of(load_catalog(*catalogs), path)
    if others := [user for user in users if user != name and _holds(user)]:
        return f"{path} stays: {', '.join(others)} uses it"
    try:
        for part in parts_of(path):
            part.unlink(missing_ok=True)
    except OSError as error:
        raise BadOption(
            f"{path}: cannot be removed ({error.strerror}): check its folder's permissions"
        ) from error
    prune_empty(path.parent)
    return f"{path} is removed"


def _holds(name: str) -> bool:
    """Whether the user asked for it: pulled, added or written by hand, not merely shipped."""
    return written_catalog(name) is not None or name not in shipped_models()


@dataclass(frozen=True, slots=True)
class Verified:
    name: str
    path: Path
    state: str
    """`sound`, `missing`, `changed`, or `no hash is known`."""


def verify(name: str | None, catalogs: tuple[Path, ...] = ()) -> Iterator[Verified]:
    """Hashes the files again, each once. Raises `BadCatalog`."""
    catalog = load_catalog(*catalogs)
    names = [name] if name is not None else _installed(catalog)
    done: set[Path] = set()
    for one in names:
        for entry in catalog.files_of(one):
            if entry.path not in done:
                done.add(entry.path)
                yield Verified(one, entry.path, state_of(entry))


def _installed(catalog: Catalog) -> list[str]:
    names = []
    for name in catalog.models:
        try:
            if catalog.model(name).path.is_file():
                names.append(name)
        except (BadCatalog, OSError, ValueError):
            continue
    return names


def state_of(entry: ModelEntry) -> str:
    if not is_here(entry.path):
        return "missing"
    if entry.size_bytes is not None and size_on_disk(entry.path) != entry.size_bytes:
        return "changed"
    known = entry.sha256 or _shipped_sha256(entry.path) or _packaged_sha256(entry)
    if known is None:
        return "no hash is known"
    return "sound" if file_sha256(entry.path) == known else "changed"


def _packaged_sha256(entry: ModelEntry) -> str | None:
    """What pip wrote down when it installed the package."""
    if entry.distribution is None:
        return None
    with contextlib.suppress(PackageNotFoundError):
        for file in distribution(entry.distribution).files or ():
            if file.hash and file.name == entry.path.name and entry.path.samefile(file.locate()):
                return base64.urlsafe_b64decode(f"{file.hash.value}==").hex()
    return None


def _shipped_sha256(path: Path) -> str | None:
    """The hash of a shipped file, from the manifest beside it."""
    if SHIPPED not in path.parents:
        return None
    manifest = json.loads(path.with_name("manifest.json").read_text(encoding="utf-8"))
    known: str | None = manifest["sha256"].get(path.name)
    return known
