"""models.toml -> frozen dataclasses: models, heads, teams. Parsed once; errors name file, table, key.

Paths are relative to the file they stand in; the shipped catalogue's to the folder of what ships.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from localcollab.errors import BadCatalog

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT_TEAM = "formulary"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    name: str
    path: Path
    about: str = ""


@dataclass(frozen=True, slots=True)
class HeadEntry:
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How an expert's documents open before a name, and when a name counts as unknown."""

    opening: str
    least_logprob: float
    """Nats. A name is unknown where one of its later tokens has a lower log-probability."""


@dataclass(frozen=True, slots=True)
class TeamEntry:
    """A deferral team: a base, experts, and a head or a gate that says who writes."""

    name: str
    base: str
    experts: tuple[str, ...]
    about: str = ""
    head: str | None = None
    gate: str | None = None
    threshold: float | None = None
    """None: the head's own."""
    compose: bool = False
    familiar: Mapping[str, Familiarity] = field(default_factory=dict)
    """By expert: how to tell names it does not know."""


@dataclass(frozen=True, slots=True)
class Catalog:
    models: Mapping[str, ModelEntry] = field(default_factory=dict)
    heads: Mapping[str, HeadEntry] = field(default_factory=dict)
    teams: Mapping[str, TeamEntry] = field(default_factory=dict)

    def team(self, name: str) -> TeamEntry:
        return _lookup(self.teams, name, "team", "localcollab teams lists them")

    def model(self, name: str) -> ModelEntry:
        return _lookup(self.models, name, "model", "add it under [models] in models.toml")

    def head(self, name: str) -> HeadEntry:
        return _lookup(self.heads, name, "head", "add it under [heads] in models.toml")


T = TypeVar("T")


def _lookup(entries: Mapping[str, T], name: str, what: str, remedy: str) -> T:
    if name in entries:
        return entries[name]
    near = difflib.get_close_matches(name, entries, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise BadCatalog(f"no {what} is named {name!r}{hint} ({remedy})")


def user_catalog_path() -> Path:
    return platformdirs.user_config_path("localcollab") / "models.toml"


def shipped_catalog_path() -> Path:
    """In a wheel beside this file, in a checkout at the root."""
    installed = Path(__file__).parent / "models.toml"
    return installed if installed.is_file() else Path(__file__).parents[1] / "models.toml"


def load_catalog(*extra: Path) -> Catalog:
    """The shipped catalogue, the user's, then `extra`; a later entry replaces one of its name.

    Raises `BadCatalog`.
    """
    found = [parse_catalog(shipped_catalog_path(), root=SHIPPED)]
    if user_catalog_path().is_file():
        found.append(parse_catalog(user_catalog_path()))
    found += [parse_catalog(path) for path in extra]
    merged = Catalog({}, {}, {})
    for catalog in found:
        merged = Catalog(
            {**merged.models, **catalog.models},
            {**merged.heads, **catalog.heads},
            {**merged.teams, **catalog.teams},
        )
    return merged


def parse_catalog(path: Path, *, root: Path | None = None) -> Catalog:
    """One file. Raises `BadCatalog`: unreadable, unknown or missing keys, wrong types."""
    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise BadCatalog(f"{path}: no such file: check the path")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadCatalog(f"{path}: cannot be read as TOML ({error}): mend it") from error
    root = root or path.parent
    _check_keys(path, "the file", tables, {"models": dict, "heads": dict, "teams": dict}, set())
    return Catalog(
        {n: _model(path, root, n, t) for n, t in tables.get("models", {}).items()},
        {n: _head(path, root, n, t) for n, t in tables.get("heads", {}).items()},
        {n: _team(path, n, t) for n, t in tables.get("teams", {}).items()},
    )


def _model(path: Path, root: Path, name: str, table: Any) -> ModelEntry:
    _check_keys(path, f"[models.{name}]", table, {"path": str, "about": str}, {"path"})
    return ModelEntry(name, root / table["path"], table.get("about", ""))


def _head(path: Path, root: Path, name: str, table: Any) -> HeadEntry:
    _check_keys(path, f"[heads.{name}]", table, {"path": str}, {"path"})
    return HeadEntry(name, root / table["path"])


_TEAM_KEYS: dict[str, type | tuple[type, ...]] = {
    "method": str, "base": str, "experts": list, "about": str, "head": str, "gate": str,
    "threshold": (int, float), "compose": bool, "familiar": dict,
}  # fmt: skip


def _team(path: Path, name: str, table: Any) -> TeamEntry:
    where = f"[teams.{name}]"
    _check_keys(path, where, table, _TEAM_KEYS, {"method", "base", "experts"})
    if table["method"] != "deferral":
        raise BadCatalog(f"{path}: {where} method {table['method']!r} is not known: use 'deferral'")
    if not all(isinstance(e, str) for e in table["experts"]):
        raise BadCatalog(f"{path}: {where} experts must be names of models: mend the list")
    if ("head" in table) == ("gate" in table):
        raise BadCatalog(f"{path}: {where} needs either head or gate: give one of them")
    _check_members(path, where, table["experts"])
    if not 0 <= table.get("threshold", 0) <= 1:
        raise BadCatalog(
            f"{path}: {where} threshold is {table['threshold']}: give a number from 0 to 1"
        )
    values = {k: v for k, v in table.items() if k not in ("method", "experts", "familiar")}
    familiar = {n: _familiar(path, name, n, t) for n, t in table.get("familiar", {}).items()}
    for expert in familiar:
        if expert not in table["experts"]:
            raise BadCatalog(f"{path}: {where} familiar names {expert!r}, which is no expert of it")
    return TeamEntry(name=name, experts=tuple(table["experts"]), familiar=familiar, **values)


def _check_members(path: Path, where: str, experts: list[str]) -> None:
    if not experts:
        raise BadCatalog(f"{path}: {where} experts is empty: name at least one model")
    for n, expert in enumerate(experts):
        # Authors of tokens are known by these names.
        if expert == "base" or expert in experts[:n]:
            raise BadCatalog(
                f"{path}: {where} has two members of the name {expert!r}: give the model another "
                "name under [models]"
            )


def _familiar(path: Path, team: str, expert: str, table: Any) -> Familiarity:
    keys: dict[str, type | tuple[type, ...]] = {"opening": str, "least_logprob": (int, float)}
    _check_keys(path, f"[teams.{team}.familiar.{expert}]", table, keys, set(keys))
    try:
        return Familiarity(table["opening"], float(table["least_logprob"]))
    except OverflowError as error:
        raise BadCatalog(
            f"{path}: [teams.{team}.familiar.{expert}] least_logprob is too large: give nats"
        ) from error


def _check_keys(
    path: Path,
    where: str,
    table: Any,
    known: Mapping[str, type | tuple[type, ...]],
    required: set[str],
) -> None:
    if not isinstance(table, dict):
        raise BadCatalog(f"{path}: {where} is {table!r}: make it a table")
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1) or [", ".join(known)]
            raise BadCatalog(
                f"{path}: {where} has the unknown key {key!r}: did you mean {near[0]}?"
            )
        if not isinstance(value, known[key]) or (
            isinstance(value, bool) and known[key] is not bool
        ):
            raise BadCatalog(f"{path}: {where} {key} is {value!r}: give another type of value")
    for key in sorted(required - set(table)):
        raise BadCatalog(f"{path}: {where} lacks the key {key!r}: add it")
