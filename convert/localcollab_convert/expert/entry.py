"""The catalogue entry of an expert from documents: model, head and team in one file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcollab.catalog import Familiarity
from localcollab.models.store import entry_text, write_catalog
from localcollab_convert.expert.request import ExpertRequest, ExpertResult


def enter_expert(request: ExpertRequest, result: ExpertResult) -> Path:
    """Raises `BadCatalog`."""
    name = request.name
    experts: tuple[str, ...] = (name,)
    familiar = {name: result.familiar} if result.familiar else {}
    if request.like:
        old = request.catalog.team(request.like).require_deferral()
        experts = tuple(name if expert == request.place else expert for expert in old.experts)
        familiar |= {key: value for key, value in old.familiar.items() if key in experts}
    return enter_team(
        name, base=request.base, experts=experts, expert=result.expert, head=result.head,
        n_texts=result.n_texts, familiar=familiar,
    )  # fmt: skip


def enter_team(
    name: str, *, base: str, experts: Sequence[str], expert: Path, head: Path, n_texts: int,
    familiar: Mapping[str, Familiarity],
) -> Path:  # fmt: skip
    """Model, head and team all have the name `name`. One rename: old or new, never a mix.

    Raises `BadCatalog`.
    """
    about = f"{n_texts} texts of private documents"
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
