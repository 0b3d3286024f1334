"""An expert from documents in the catalogue: model, head and team in one file, entered together."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcollab.catalog import Familiarity
from localcollab.models.store import entry_text, write_catalog


def enter_team(
    name: str, *, base: str, experts: Sequence[str], expert: Path, head: Path, about: str,
    familiar: Mapping[str, Familiarity],
) -> Path:  # fmt: skip
    """Model, head and team are all named `name`. One rename: old or new, never half.

    Raises `BadCatalog`.
    """
    team = {"method": "deferral", "base": base, "experts": list(experts), "head": name}
    parts = (
        entry_text("models", name, {"path": str(expert), "about": about}),
        entry_text("heads", name, {"path": str(head)}),
        entry_text("teams", name, {**team, "about": f"{base} with {about}"}),
        *(_familiar_text(name, known, found) for known, found in familiar.items()),
    )
    return write_catalog(f"team-{name}", "\n".join(parts))


def _familiar_text(team: str, expert: str, found: Familiarity) -> str:
    return (
        f"[teams.{json.dumps(team)}.familiar.{json.dumps(expert)}]\n"
        f"opening = {json.dumps(found.opening)}\nleast_logprob = {found.least_logprob:.2f}\n"
    )
