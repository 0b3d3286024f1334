"""What a chat answers with where nothing is named: the default, or what the user has installed."""

import os
from collections.abc import Iterator

from localcollab.catalog import SHIPPED, Catalog, TeamEntry, shipped_catalog_path
from localcollab.errors import BadCatalog, BadModelFile
from localcollab.llama.header import read_header
from localcollab.teams.listing import team_record
from localcollab.teams.names import Names


def chat_choices(catalog: Catalog) -> tuple[str, ...]:
    """The default of models.toml; else the user's own installed teams and models; else the shipped team.

    A model of one of these teams is not a choice of its own. Raises `BadCatalog` for a bad default.
    """
    if catalog.default is not None:
        return (Names(catalog).default(),)
    teams = [team for team in catalog.teams.values() if _is_own(catalog, team)]
    members = {name for team in teams for name in catalog.models_of(team)}
    members |= {str(entry.adapter_model) for entry in catalog.models.values()}
    models = (name for name in _own_models(catalog) if name not in members)
    own = dict.fromkeys((*(team.name for team in teams), *models))
    return tuple(own) or (Names(catalog).default(),)


def _is_own(catalog: Catalog, team: TeamEntry) -> bool:
    """Installed, and written or pulled by the user."""
    if not team_record(catalog, team)["installed"]:
        return False
    paths = [catalog.model(name).path for name in catalog.models_of(team)]
    return team.source != shipped_catalog_path() or any(SHIPPED not in p.parents for p in paths)


def _own_models(catalog: Catalog) -> Iterator[str]:
    """Those that are installed and write text."""
    for name in catalog.models:
        try:
            path = catalog.model(name).path
            if SHIPPED in path.parents or not os.path.isfile(path):
                continue
            header = read_header(path)
        except (BadCatalog, BadModelFile):  # opening it by name says what is wrong
            continue
        is_encoder = header.metadata.get(f"{header.architecture}.attention.causal") is False
        if not is_encoder and header.metadata.get("general.type") != "adapter":
            yield name
