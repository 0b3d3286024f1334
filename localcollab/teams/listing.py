"""`localcollab teams`: what the catalogue holds, and whether its files are here."""

import json
import os
from pathlib import Path
from typing import TypedDict

from localcollab.catalog import (
    DEFAULT_TEAM,
    Catalog,
    Deferral,
    TeamEntry,
    load_catalog,
    method_name,
)


class TeamRecord(TypedDict):
    """One team for `--json`: its members, who decides, and the files that are not there."""

    name: str
    about: str
    method: str
    members: list[tuple[str, str]]
    """(role, name), the draft last."""
    decides: str
    memory_gb: int | None
    installed: bool
    missing: list[str]
    problems: list[str]
    pull: str | None
    """The command that fetches what is missing; None: nothing is, or not from a hub."""


def print_teams(catalogs: tuple[Path, ...], *, as_json: bool) -> None:
    """Raises `BadCatalog`."""
    catalog = load_catalog(*catalogs)
    records = [team_record(catalog, team) for team in catalog.teams.values()]
    if as_json:
        print(json.dumps(records, indent=1))
        return
    for record in records:
        print("\n".join(_lines(record)))


def _lines(record: TeamRecord) -> list[str]:
    default = " (default)" if record["name"] == DEFAULT_TEAM else ""
    for_memory = f" [{record['memory_gb']} GB]" if record["memory_gb"] else ""
    members = ", ".join(f"{role} {name}" for role, name in record["members"])
    lines = [
        f"{record['name']}{default}{for_memory}: {record['about'] or 'no description'}",
        f"  {record['decides']}: {members}",
    ]
    lines += [f"  problem: {problem}" for problem in record["problems"]]
    if record["pull"]:
        return [*lines, f"  not installed ({len(record['missing'])} files): {record['pull']}"]
    return lines + [f"  missing: {file}" for file in record["missing"]]


def team_record(catalog: Catalog, team: TeamEntry) -> TeamRecord:
    problems = list(catalog.problems(team))
    files = [] if problems else [e for n in catalog.models_of(team) for e in catalog.files_of(n)]
    paths = {entry.path: entry.can_be_pulled for entry in files}
    if not problems:
        paths |= {entry.path: False for entry in catalog.trained_of(team)}
    missing = [path for path in paths if not os.path.isfile(path)]
    can_be_pulled = bool(missing) and all(paths[path] for path in missing)
    return {
        "name": team.name,
        "about": team.about,
        "method": method_name(team.method),
        "members": [(place.role, place.name) for place in team.places],
        "decides": _decides(team),
        "memory_gb": team.memory_gb,
        "installed": not missing and not problems,
        "missing": [str(path) for path in missing],
        "problems": problems,
        "pull": f"localcollab models pull {team.name}" if can_be_pulled else None,
    }


def _decides(team: TeamEntry) -> str:
    if isinstance(team.method, Deferral):
        return f"head {team.method.head}" if team.method.head else f"gate {team.method.gate}"
    return method_name(team.method)
