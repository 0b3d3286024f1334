"""The members to measure, by name, in a catalogue that holds them: of a team, or of files and models."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.catalog import Blend, Catalog, Deferral, ModelEntry, TeamEntry, load_catalog
from localcollab.errors import BadOption
from localcollab.teams.choice import TeamChoice
from localcollab.teams.names import Names, is_file


@dataclass(frozen=True, slots=True)
class Cast:
    catalog: Catalog
    """Holds every member by name, those that were given as files, too."""
    members: tuple[str, ...]
    """The base first."""
    team: TeamEntry | None = None
    """The team that was asked for; None: models were."""
    files: frozenset[str] = frozenset()
    """Members that are written under names of their own: given as files, or named as a team is."""


def cast_of(choice: TeamChoice) -> Cast:
    """Raises `BadCatalog`, `BadOption`."""
    choice.plan()  # says what cannot go together
    names = Names(load_catalog(*choice.catalogs))
    given = choice.base or choice.team or names.default()
    if not choice.experts and names.is_team(given):
        team = names.catalog.team(str(given))
        return _models_first(Cast(names.catalog, tuple(_members(team)), team))
    return _models_first(_of_models(names, (given, *choice.experts)))


def _models_first(cast: Cast) -> Cast:
    """Where a team has a member's name, the member is the model, as everywhere but in blends."""
    if cast.team is not None and isinstance(cast.team.method, Blend):
        return cast
    catalog = cast.catalog
    both = {name for name in cast.members if name in catalog.models and name in catalog.teams}
    teams = {name: team for name, team in catalog.teams.items() if name not in both}
    return replace(cast, catalog=replace(catalog, teams=teams), files=cast.files | both)


def _members(team: TeamEntry) -> Iterator[str]:
    """Who answers: not the draft, nor what ranks and fuses."""
    for place in team.method.places:
        if not isinstance(team.method, Blend) or place.role == "member":
            yield place.name


def _of_models(names: Names, given: Sequence[str | Path]) -> Cast:
    models, found, files = dict(names.catalog.models), list[str](), set[str]()
    for each in given:
        if not is_file(each) and str(each) in models:
            found.append(str(each))
            continue
        member = names.member(each, str(each))
        name = _free_name(member.path.stem if is_file(each) else str(each), models)
        path = Path(os.path.abspath(member.path))
        models[name] = ModelEntry(name, path, adapter=member.adapter)
        found.append(name)
        files.add(name)
    if len(set(found)) < len(found):
        raise BadOption(f"`experts` names a member twice ({', '.join(found)}): name it once")
    return Cast(replace(names.catalog, models=models), tuple(found), None, frozenset(files))


def _free_name(stem: str, models: dict[str, ModelEntry]) -> str:
    """Tokens of a base are attributed to "base"."""
    name, n = stem, 1
    while name in models or name == "base":
        n += 1
        name = f"{stem}-{n}"
    return name


def is_deferral(team: TeamEntry | None) -> bool:
    return team is None or isinstance(team.method, Deferral)
