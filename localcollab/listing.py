"""`localcollab teams`: what the catalogue holds, and whether its files are here."""

import json
import os
from pathlib import Path
from typing import TypedDict

from localcollab.catalog import DEFAULT_TEAM, Catalog, TeamEntry, load_catalog


class TeamRecord(TypedDict):
    """One team for `--json`: its members, who decides, and the files that are not there."""

    name: str
    about: str
    base: str
    experts: list[str]
    draft: str | None
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
    others = (
        f"draft {record['draft']}" if record["draft"] else "experts " + ", ".join(record["experts"])
    )
    lines = [
        f"{record['name']}{default}{for_memory}: {record['about'] or 'no description'}",
        f"  {record['decides']}: base {record['base']}, {others}",
    ]
    lines += [f"  problem: {problem}" for problem in record["problems"]]
    if record["pull"]:
        return [*lines, f"  not installed ({len(record['missing'])} files): {record['pull']}"]
    return lines + [f"  missing: {file}" for file in record["missing"]]


def team_record(catalog: Catalog, team: TeamEntry) -> TeamRecord:
    problems = list(catalog.problems(team))
    files = [] if problems else [e for name in team.models for e in catalog.files_of(name)]
    paths = {entry.path: entry.can_be_pulled for entry in files}
    if team.head and not problems:
        paths[catalog.head(team.head).path] = False
    missing = [path for path in paths if not os.path.isfile(path)]
    can_be_pulled = bool(missing) and all(paths[path] for path in missing)
    return {
        "name": team.name,
        "about": team.about,
        "base": team.base,
        "experts": list(team.experts),
        "draft": team.draft,
        "decides": _decides(team),
        "memory_gb": team.memory_gb,
        "installed": not missing and not problems,
        "missing": [str(path) for path in missing],
        "problems": problems,
        "pull": f"localcollab models pull {team.name}" if can_be_pulled else None,
    }


def _decides(team: TeamEntry) -> str:
    if team.draft:
        return "speculation"
    return f"head {team.head}" if team.head else f"gate {team.gate}"
