"""The teams of the catalogue, and whether their files are installed."""

from typing import TypedDict

from localcollab.catalog import (
    DEFAULT_TEAM,
    Alone,
    Catalog,
    Deferral,
    ModelEntry,
    TeamEntry,
    method_name,
)
from localcollab.errors import BadCatalog
from localcollab.models.listing import install_command
from localcollab.storage.parts import is_here
from localcollab.teams.names import Names


class TeamRecord(TypedDict):
    """One team: its members, what decides, and the files that are missing."""

    name: str
    default: bool
    """Whether it answers where no team is named."""
    about: str
    method: str
    members: list[tuple[str, str]]
    """(role, name), the draft last."""
    decides: str
    memory_gb: int | None
    installed: bool
    missing: list[str]
    problems: list[str]
    measured: str | None
    """What `tune` found; None: it was not asked."""
    pull: str | None
    """The command that brings what is missing; None: nothing is missing, or only the user can."""


def team_records(catalog: Catalog) -> list[TeamRecord]:
    return [team_record(catalog, team) for team in catalog.teams.values()]


def team_lines(record: TeamRecord) -> list[str]:
    """For a person."""
    default = " (default)" if record["default"] else ""
    for_memory = f" [{record['memory_gb']} GB]" if record["memory_gb"] else ""
    members = ", ".join(f"{role} {name}" for role, name in record["members"])
    lines = [
        f"{record['name']}{default}{for_memory}: {record['about'] or 'no description'}",
        f"  {record['decides']}: {members}",
    ]
    lines += [f"  measured: {record['measured']}"] if record["measured"] else []
    lines += [f"  problem: {problem}" for problem in record["problems"]]
    if record["pull"]:
        return [*lines, f"  not installed ({len(record['missing'])} files): {record['pull']}"]
    return lines + [f"  missing: {file}" for file in record["missing"]]


def _measured(team: TeamEntry) -> str | None:
    found = team.evidence
    if found is None:
        return None
    verdict = {
        "team": "use the team",
        "member": f"use {found.member} alone",
        "unknown": f"not known, about {found.n_more} more questions",
    }[found.verdict]
    shares = f"{found.team_accuracy:.3f} against {found.member_accuracy:.3f}"
    return f"{shares} of {found.member} alone, {found.n} questions: {verdict}"


def default_line(catalog: Catalog) -> str | None:
    """Where the default is no team of the list: what answers instead. None: the list marks it."""
    if catalog.default is None or catalog.default in catalog.teams:
        return None
    try:
        name = Names(catalog).default()
    except BadCatalog as error:
        return f"problem: {error}"
    return f"default: {name}, a model alone"


def team_record(catalog: Catalog, team: TeamEntry) -> TeamRecord:
    problems = list(catalog.problems(team))
    files = [] if problems else [e for n in catalog.models_of(team) for e in catalog.files_of(n)]
    files = list({entry.path: entry for entry in files}.values())
    if not problems:
        files += [ModelEntry(entry.name, entry.path) for entry in catalog.trained_of(team)]
    missing = [entry.path for entry in files if not is_here(entry.path)]
    return {
        "name": team.name,
        "default": team.name == (catalog.default or DEFAULT_TEAM),
        "about": team.about,
        "method": method_name(team.method),
        "members": [(place.role, place.name) for place in team.places],
        "decides": _decides(team),
        "memory_gb": team.memory_gb,
        "installed": not missing and not problems,
        "missing": [str(path) for path in missing],
        "problems": problems,
        "measured": _measured(team),
        "pull": install_command(team.name, files),
    }


def _decides(team: TeamEntry) -> str:
    if isinstance(team.method, Deferral):
        return f"head {team.method.head}" if team.method.head else f"gate {team.method.gate}"
    return "one model" if isinstance(team.method, Alone) else method_name(team.method)
