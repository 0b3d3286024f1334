"""The names of an imported team: none may replace another entry, and all are added together, last."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from localcollab.catalog import Catalog, ModelEntry, TeamEntry, TrainedEntry
from localcollab.catalog.methods import TRAINED
from localcollab.catalog.reading import team_entry
from localcollab.errors import BadArchive
from localcollab.llama.probe import file_sha256
from localcollab.models.store import check_name, entry_text, write_catalog

Places = Mapping[str, Path]


def require_new_names(archive: Path, tables: dict[str, Any], catalog: Catalog) -> None:
    """A name that is already in use must have the same content. Raises `BadArchive`."""
    for name, table in tables.get("models", {}).items():
        check_name(name)
        known = catalog.models.get(name)
        if known is not None and not _is_same_model(known, table):
            raise _taken(archive, "model", name)
    for kind in TRAINED.values():
        trained: Mapping[str, TrainedEntry] = getattr(catalog, kind)
        for name, table in tables.get(kind, {}).items():
            check_name(name)
            if name in trained and not _is_same_file(trained[name].path, _sha256(table)):
                raise _taken(archive, kind.removesuffix("s"), name)
    for name, table in tables["teams"].items():
        check_name(name)
        team = catalog.teams.get(name)
        if team is not None and team != _team(name, table):
            raise _taken(archive, "team", name)


def is_here(tables: dict[str, Any], catalog: Catalog) -> bool:
    """Whether every entry and its file are installed. The names have passed `require_new_names`."""
    trained = [(kind, name) for kind in TRAINED.values() for name in tables.get(kind, {})]
    known = [
        *(name in catalog.teams for name in tables["teams"]),
        *(name in catalog.models for name in tables.get("models", {})),
        *(name in getattr(catalog, kind) for kind, name in trained),
    ]
    if not all(known):
        return False
    files = [entry.path for name in tables.get("models", {}) for entry in catalog.files_of(name)]
    files += [getattr(catalog, kind)[name].path for kind, name in trained]
    return all(os.path.isfile(file) for file in files)


def _taken(archive: Path, what: str, name: str) -> BadArchive:
    return BadArchive(
        f"{archive}: another {what} is already named {name!r}: rename one of them, or remove "
        "yours (localcollab models rm)"
    )


def _is_same_model(known: ModelEntry, table: dict[str, Any]) -> bool:
    if "weights_of" in table:
        return known.weights_of == str(table["weights_of"])
    if not os.path.lexists(known.path):
        # An entry whose file never came: the archive brings it, or it is another model's name.
        return known.repository is not None and known.repository == table.get("repository")
    return _is_same_file(known.path, _sha256(table))


def _sha256(table: dict[str, Any]) -> str:
    """Of the file a table names, which stands in its name in the archive."""
    return str(table["path"]).split("/")[1]


def _is_same_file(path: Path, sha256: str) -> bool:
    return not os.path.lexists(path) or (os.path.isfile(path) and file_sha256(path) == sha256)


def _team(name: str, table: dict[str, Any]) -> TeamEntry:
    return replace(team_entry(Path(), name, table), source=None)


def enter_team(team: str, tables: dict[str, Any], catalog: Catalog, places: Places) -> None:
    """A catalogue for each model that is not here yet, then one for the team and what it names."""
    for name, table in tables["models"].items():
        known = catalog.models.get(name)
        if known is None or ("path" in table and not os.path.lexists(known.path)):
            here = {k: _placed(k, v, places) for k, v in table.items()}
            if "path" in table:
                here["sha256"] = _sha256(table)
            write_catalog(f"model-{name}", entry_text("models", name, here))
    if team in catalog.teams:
        return
    parts = []
    for kind in TRAINED.values():
        for name, table in tables.get(kind, {}).items():
            here = {k: _placed(k, v, places) for k, v in table.items()}
            parts.append(entry_text(kind, name, here))
    # Teams among the members that are here already are the same: `require_new_names` saw to it.
    for name, table in tables["teams"].items():
        if name not in catalog.teams:
            parts += _team_texts(name, table)
    write_catalog(f"team-{team}", "\n".join(parts))


def _team_texts(name: str, table: dict[str, Any]) -> Iterator[str]:
    yield entry_text("teams", name, {k: v for k, v in table.items() if k != "familiar"})
    for expert, found in table.get("familiar", {}).items():
        yield entry_text(f"teams.{json.dumps(name)}.familiar", expert, found)


def _placed(key: str, value: object, places: Places) -> object:
    if key in ("path", "adapter") and isinstance(value, str) and value in places:
        return str(places[value])
    return value
