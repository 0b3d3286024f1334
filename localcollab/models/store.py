"""The program's model files and the catalogues it writes about them.

Each added, pulled or imported model or team has a catalogue of its own (data folder, catalogs/NAME.toml),
so that no file written by the user is edited. A file under models/ is ours; others are only referred to.
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

from localcollab.catalog import (
    SHIPPED,
    Catalog,
    ModelEntry,
    models_dir,
    parse_catalog,
    seal,
    shipped_catalog_path,
    written_dir,
)
from localcollab.catalog.settings import as_table
from localcollab.errors import BadCatalog, BadOption
from localcollab.storage.os_errors import explained

_NAME = re.compile(r"[\w][\w .+-]{0,99}")


def check_name(name: str) -> str:
    """Raises `BadOption`: a name is also a file's name."""
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):
        raise BadOption(
            f"the name {name!r} cannot be used: give up to 100 letters, digits, '.', '+', '-' or blanks"
        )
    return name


def entry_text(table: str, name: str, values: Mapping[str, object]) -> str:
    """One table as TOML. JSON strings, numbers and lists are valid TOML."""
    lines = [f"[{table}.{json.dumps(name)}]"]
    lines += [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{key} = {_toml(one)}" for key, one in value.items() if one is not None)
        return f"{{ {', '.join(pairs)} }}"
    # TOML allows no escaped surrogates, and no DEL in strings.
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")


_WRITTEN = tuple(f.name for f in fields(ModelEntry) if f.name not in ("name", "path", "settings"))


def model_text(entry: ModelEntry, path: str | None) -> str:
    """`path` None: the place follows from repository and file."""
    values: dict[str, object] = {} if path is None else {"path": path}
    for key in _WRITTEN:
        value = getattr(entry, key)
        if key == "adapter_model" or value in (None, "", False):
            continue
        values[key] = str(value) if isinstance(value, Path) else value
    if entry.verified:
        values["verified"] = asdict(entry.verified)
    values |= {k: v for k, v in as_table(entry.settings).items() if k != "n_ctx"}
    if entry.adapter_model:
        values["adapter"] = entry.adapter_model
    return entry_text("models", entry.name, values)


def write_model(entry: ModelEntry, path: str | None) -> Path:
    """A catalogue that holds this one model."""
    return write_catalog(f"model-{check_name(entry.name)}", model_text(entry, path))


def write_catalog(stem: str, text: str) -> Path:
    file = written_dir() / f"{stem}.toml"
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(seal(text), encoding="utf-8")
        os.replace(partial, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise BadCatalog(explained(error, file)) from error
    return file


def written_catalog(name: str) -> Path | None:
    """The catalogue that `add` or `pull` wrote for this model."""
    file = written_dir() / f"model-{name}.toml"
    return file if _NAME.fullmatch(name) and file.is_file() else None


def is_ours(path: Path) -> bool:
    """Whether the file belongs to this program, and is removed with the last model that uses it."""
    return models_dir().resolve() in path.resolve().parents


def users_of(catalog: Catalog, path: Path) -> tuple[str, ...]:
    """The models of the catalogue that need this file, by name."""
    wanted = path.resolve()
    return tuple(
        name
        for name, entry in catalog.models.items()
        if (entry.path if entry.weights_of is None else entry.adapter or Path()).resolve() == wanted
    )


def shipped_catalog() -> Catalog:
    return parse_catalog(shipped_catalog_path(), root=SHIPPED, is_sound=True)


def shipped_models() -> frozenset[str]:
    return frozenset(shipped_catalog().models)


def prune_empty(folder: Path) -> None:
    """Removes `folder` and its parents, as far as they are empty and ours."""
    while folder != models_dir() and models_dir() in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
