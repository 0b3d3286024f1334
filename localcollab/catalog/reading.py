"""Reads models.toml files into one `Catalog`. Errors name file, table and key.

Paths are relative to the file that contains them; in the shipped catalogue, to the shipped folder. There
are four places, later ones replacing entries of earlier ones: the shipped catalogue, those written by
`models` and `teams import`, the user's own file, and files given on the command line.
"""

import hashlib
import importlib.util
import logging
import os
import sysconfig
import tomllib
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from localcollab.catalog.entries import (
    Catalog,
    Fault,
    ModelEntry,
    TeamEntry,
    TrainedEntry,
    VerifiedEntry,
)
from localcollab.catalog.evidence import evidence_of
from localcollab.catalog.methods import METHODS, Familiarity, named_method
from localcollab.catalog.settings import SETTINGS, Settings
from localcollab.catalog.tables import parse_tables
from localcollab.errors import BadCatalog

note = logging.getLogger("localcollab.note")

SHIPPED = Path(__file__).parents[1] / "shipped"
_SEAL = "# written by localcollab; checksum "


def user_catalog_path() -> Path:
    return platformdirs.user_config_path("localcollab") / "models.toml"


def shipped_catalog_path() -> Path:
    """Beside the package's modules in a wheel, at the root in a checkout."""
    installed = SHIPPED.parent / "models.toml"
    return installed if installed.is_file() else SHIPPED.parents[1] / "models.toml"


def data_dir() -> Path:
    """The program's files for the user: model files and catalogues that it wrote."""
    return platformdirs.user_data_path("localcollab")


def models_dir() -> Path:
    return data_dir() / "models"


def written_dir() -> Path:
    return data_dir() / "catalogs"


def load_catalog(*extra: Path) -> Catalog:
    """Everything that is known; a later entry replaces one of its name.

    An entry that cannot be used is left out, and reported once. Raises `BadCatalog` for a file of `extra`
    that is not there.
    """
    merged = parse_catalog(shipped_catalog_path(), root=SHIPPED, is_sound=True)
    found = sorted(written_dir().glob("*.toml"))
    if user_catalog_path().is_file():
        found.append(user_catalog_path())
    for path in (*found, *extra):
        merged = merged.merged_with(read_catalog(path))
    for fault in merged.faults:
        _report(fault.text)
    return merged


@cache
def _report(fault: str) -> None:
    note.warning("%s (left out)", fault)


def read_catalog(path: Path) -> Catalog:
    """One file, without the entries that cannot be used: they are its `faults`. Raises `BadCatalog` where
    there is no file."""
    text = _text_of(path)
    tables, unread = parse_tables(text)
    faults = [Fault("", "", f"{path}: {fault}") for fault in unread]
    if not is_sealed(text):
        # Imported here: the shipped catalogue and those this program wrote need no pydantic.
        from localcollab.catalog.validate import sound

        tables, more = sound(path, tables)
        faults += more
    return replace(
        to_catalog(path, path.parent, tables, ours=is_sealed(text)), faults=tuple(faults)
    )


def parse_catalog(path: Path, *, root: Path | None = None, is_sound: bool = False) -> Catalog:
    """One file, complete. `is_sound`: it is ours and tested. Raises `BadCatalog`: unreadable, unknown or
    missing keys, wrong types."""
    text = _text_of(path)
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadCatalog(f"{path}: cannot be read as TOML ({error}): correct it") from error
    if not is_sound and not is_sealed(text):
        from localcollab.catalog.validate import check

        check(path, tables)
    return to_catalog(path, root or path.parent, tables, ours=is_sound or is_sealed(text))


def _text_of(path: Path) -> str:
    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise BadCatalog(f"{path}: no such file: check the path")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadCatalog(f"{path}: cannot be read as TOML ({error}): correct it") from error


def seal(text: str) -> str:
    """Marks a catalogue written by this program, so that it is not checked at every start."""
    return f"{_SEAL}{hashlib.sha256(text.encode()).hexdigest()[:32]}\n{text}"


def is_sealed(text: str) -> bool:
    first, _, rest = text.partition("\n")
    return first.startswith(_SEAL) and seal(rest) == text


def to_catalog(path: Path, root: Path, tables: dict[str, Any], *, ours: bool) -> Catalog:
    """Of checked tables. `ours`: written by this program."""

    def trained(table: str) -> dict[str, TrainedEntry]:
        return {n: TrainedEntry(n, root / t["path"]) for n, t in tables.get(table, {}).items()}

    return Catalog(
        {n: _model(root, n, t, ours=ours) for n, t in tables.get("models", {}).items()},
        trained("heads"),
        {n: team_entry(path, n, t, root) for n, t in tables.get("teams", {}).items()},
        trained("bridges"),
        trained("mixtures"),
        default=tables.get("default"),
        workers=tables.get("workers", {}),
    )


def _model(root: Path, name: str, table: dict[str, Any], *, ours: bool) -> ModelEntry:
    """`ours`: written by this program, where `n_ctx` is what the model was trained for."""
    own = ("path", "adapter", "verified", *SETTINGS)
    values = {k: v for k, v in table.items() if k not in own}
    if "verified" in table:
        values["verified"] = VerifiedEntry(**table["verified"])
    adapter = table.get("adapter")
    if adapter is not None:
        is_path = adapter.endswith(".gguf") or "/" in adapter or os.sep in adapter
        values["adapter" if is_path else "adapter_model"] = root / adapter if is_path else adapter
    if "path" in table:
        path = root / table["path"]
    elif "package" in table:
        path = packaged_path(table["package"], table["file"])
    elif "repository" in table:
        path = pulled_path(table["repository"], table["file"])
    else:
        path = Path(table["weights_of"])
    settings = _settings(root, table)
    if ours or "repository" in table:
        values["n_ctx"], settings = settings.n_ctx, replace(settings, n_ctx=None)
    return ModelEntry(name=name, path=path, settings=settings, **values)


def _settings(root: Path, table: dict[str, Any]) -> Settings:
    values = {name: table[name] for name in SETTINGS if name in table}
    if "template" in values:
        values["template"] = root / values["template"]
    if "stop" in values:
        values["stop"] = tuple(values["stop"])
    return Settings(**values)


def packaged_path(package: str, file: str) -> Path:
    """A file inside an installed package, which is not imported; else where pip would put it."""
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # __main__ has none
        spec = None
    if spec is None or spec.origin is None or not spec.has_location:
        return Path(sysconfig.get_path("purelib")) / package / file
    return Path(spec.origin).parent / file


def pulled_path(repository: str, file: str) -> Path:
    """Where `models pull` puts a file; two entries of the same file share it."""
    return models_dir() / repository.replace("/", "--") / file


def team_entry(path: Path, name: str, table: dict[str, Any], root: Path | None = None) -> TeamEntry:
    kind = METHODS[str(named_method(table))]
    own = {field.name for field in fields(kind)}
    method = kind(**{key: _frozen(key, value) for key, value in table.items() if key in own})
    common = {k: v for k, v in table.items() if k not in (*own, "method", *SETTINGS)}
    if "evidence" in common:
        common["evidence"] = evidence_of(common["evidence"])
    settings = _settings(root or path.parent, table)
    return TeamEntry(name=name, method=method, source=path, settings=settings, **common)


def _frozen(key: str, value: Any) -> Any:
    if key == "familiar":
        return {
            expert: Familiarity(t["opening"], float(t["least_logprob"]))
            for expert, t in value.items()
        }
    return tuple(value) if isinstance(value, list) else value
