"""What may stand in a models.toml, and what is said of what may not: one line each.

pydantic is imported here and nowhere else, and only for files that are not known to be sound.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from localcollab.errors import BadCatalog

_MAX_SHOWN = 60


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
Count = Annotated[int, Field(gt=0, lt=2**53)]


class ModelTable(Table):
    path: Name | None = None
    about: Text = ""
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    file: Annotated[str, Field(pattern=r"^[^/\\\x00][^\\\x00]*$")] | None = None
    revision: Annotated[str, Field(pattern=r"^[\w./-]+$")] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    size_bytes: Count | None = None
    parameters: Count | None = None
    n_ctx: Count | None = None
    kv_bytes_per_token: Count | None = None
    licence: Text | None = None
    checked: bool = False
    adapter: Name | None = None
    weights_of: Name | None = None


class HeadTable(Table):
    path: Name


class FamiliarTable(Table):
    opening: Text
    least_logprob: Annotated[float, Field(allow_inf_nan=False)]


class TeamTable(Table):
    method: Literal["deferral", "speculation"]
    base: Name
    experts: list[Name] = []
    about: Text = ""
    head: Name | None = None
    gate: Name | None = None
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    compose: bool = False
    familiar: dict[str, FamiliarTable] = {}
    draft: Name | None = None
    memory_gb: Count | None = None


class CatalogTable(Table):
    models: dict[str, ModelTable] = {}
    heads: dict[str, HeadTable] = {}
    teams: dict[str, TeamTable] = {}


_TABLES: dict[str, type[Table]] = {"models": ModelTable, "heads": HeadTable, "teams": TeamTable}
_REMEDIES = {
    "path": "give the path of a file",
    "repository": 'write it as "owner/name"',
    "file": "give a relative path inside the repository",
    "sha256": "give 64 lower-case hexadecimal digits",
    "size_bytes": "give a whole number above 0",
    "parameters": "give a whole number above 0",
    "n_ctx": "give a whole number above 0",
    "kv_bytes_per_token": "give a whole number above 0",
    "memory_gb": "give a whole number above 0",
    "checked": "write true or false",
    "compose": "write true or false",
    "method": 'write "deferral" or "speculation"',
    "experts": "they must be names of models, in a list",
    "models": "make it a table of tables",
    "heads": "make it a table of tables",
    "teams": "make it a table of tables",
    "threshold": "give a number from 0 to 1",
    "least_logprob": "give nats, a number below 0",
    "familiar": "make it tables, one for each expert",
}


def check(path: Path, tables: dict[str, Any]) -> None:
    """Raises `BadCatalog` with the first fault: file, table, key, and what to do."""
    try:
        checked = CatalogTable.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise BadCatalog(f"{path}: {_sentence(first)}") from None
    for name, model in checked.models.items():
        if fault := _model_fault(model):
            raise BadCatalog(f"{path}: [models.{name}] {fault}")
    for name, team in checked.teams.items():
        if fault := _team_fault(team):
            raise BadCatalog(f"{path}: [teams.{name}] {fault}")


def _sentence(error: Any) -> str:
    loc = tuple(str(part) for part in error["loc"])
    table, key = _place(loc)
    kind, value = error["type"], _shown(error["input"])
    if kind == "extra_forbidden":
        return f"{table} has the unknown key {key!r}: {_suggestion(loc)}"
    if kind == "missing":
        return f"{table} lacks the key {key!r}: add it"
    if not key:
        return f"{table} is {value}: make it a table"
    name = key.split(".")[0]
    return f"{table} {key} is {value}: {_REMEDIES.get(name, 'give a text in quotes')}"


def _place(loc: tuple[str, ...]) -> tuple[str, str]:
    """The table as TOML writes it, and the key inside it; "" where the table itself is wrong."""
    if not loc:
        return "the whole", ""
    if loc[0] not in _TABLES:
        return "the file", loc[0]
    if len(loc) == 1:
        return "the file's", loc[0]
    if loc[0] == "teams" and loc[2:3] == ("familiar",) and len(loc) >= 4:
        return f"[{'.'.join(loc[:4])}]", ".".join(loc[4:])
    return f"[{loc[0]}.{loc[1]}]", ".".join(loc[2:])


def _suggestion(loc: tuple[str, ...]) -> str:
    known = CatalogTable if len(loc) == 1 else _TABLES[loc[0]]
    if len(loc) > 3:
        known = FamiliarTable
    near = difflib.get_close_matches(loc[-1], known.model_fields, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"use one of {', '.join(known.model_fields)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _model_fault(model: ModelTable) -> str | None:
    ways = [k for k in ("path", "repository", "adapter") if getattr(model, k) is not None]
    # An imported or pulled file stands at a path and keeps the name of where it came from.
    if not ways:
        return "lacks the key 'path': add it, or repository and file, or adapter and weights_of"
    if "adapter" in ways and len(ways) > 1:
        return f"has {' and '.join(ways)}: an adapter stands with weights_of only; leave one out"
    if (model.repository is None) != (model.file is None):
        lacking = "file" if model.file is None else "repository"
        return f"lacks the key {lacking!r}: repository and file belong together; add it"
    if (model.adapter is None) != (model.weights_of is None):
        lacking = "adapter" if model.adapter is None else "weights_of"
        return f"lacks the key {lacking!r}: adapter and weights_of belong together; add it"
    if model.file is not None and ".." in model.file.split("/"):
        return f"file is {model.file!r}: give a path inside the repository, without '..'"
    return None


def _team_fault(team: TeamTable) -> str | None:
    if team.method == "speculation":
        return _speculation_fault(team)
    if not team.experts:
        return "experts is empty: name at least one model"
    for n, expert in enumerate(team.experts):
        # Authors of tokens are known by these names.
        if expert == "base" or expert in team.experts[:n]:
            return (
                f"experts has two members of the name {expert!r}: give the model another name under "
                "[models]"
            )
    if (team.head is None) == (team.gate is None):
        return "needs either head or gate: give one of them"
    for expert in team.familiar:
        if expert not in team.experts:
            return f"familiar names {expert!r}, which is no expert of it: name one, or leave it out"
    return None


def _speculation_fault(team: TeamTable) -> str | None:
    if team.draft is None:
        return "lacks the key 'draft': name the small model that drafts"
    given = [k for k in ("experts", "head", "gate", "familiar") if getattr(team, k)]
    if given:
        return f'has {given[0]}, which method = "speculation" does not use: leave it out'
    return None
