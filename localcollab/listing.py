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
    decides: str
    missing: list[str]


def print_teams(catalogs: tuple[Path, ...], *, as_json: bool) -> None:
    """Raises `BadCatalog`."""
    catalog = load_catalog(*catalogs)
    records = [team_record(catalog, team) for team in catalog.teams.values()]
    if as_json:
        print(json.dumps(records, indent=1))
        return
    for record in records:
        default = " (default)" if record["name"] == DEFAULT_TEAM else ""
        print(f"{record['name']}{default}: {record['about'] or 'no description'}")
        print(
            f"  {record['decides']}: base {record['base']}, experts {', '.join(record['experts'])}"
        )
        for file in record["missing"]:
            print(f"  missing: {file}")


def team_record(catalog: Catalog, team: TeamEntry) -> TeamRecord:
    paths = [catalog.model(name).path for name in (team.base, *team.experts)]
    if team.head:
        paths.append(catalog.head(team.head).path)
    return {
        "name": team.name,
        "about": team.about,
        "base": team.base,
        "experts": list(team.experts),
        "decides": f"head {team.head}" if team.head else f"gate {team.gate}",
        "missing": [str(path) for path in paths if not os.path.isfile(path)],
    }
