"""Names and plans -> the members of a blend, opened when they are asked.

A name is a team of the catalogue, a model of it, or a GGUF file, in this order.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from localcollab.blend.residence import Residence
from localcollab.blend.session import Recipe
from localcollab.catalog import Blend, Catalog
from localcollab.catalog.ranker_names import parse_ranker
from localcollab.errors import BadOption
from localcollab.llama.options import Options
from localcollab.progress import OnProgress
from localcollab.teams.plan import BASE, Member, TeamPlan, plan_from_catalog

if TYPE_CHECKING:
    from localcollab.llama.prompt_cache import PromptCache


def recipe_of(blend: Blend) -> Recipe:
    """Raises `BadOption`."""
    return Recipe(
        blend.members,
        parse_ranker(blend.ranker),
        n_samples=blend.samples,
        temperature=blend.temperature,
        aggregation=blend.aggregation,
        fuser=blend.fuser,
        top_k=blend.top_k,
        verified=blend.verify,
    )


def open_blend(
    plan: TeamPlan,
    options: Options | None = None,
    on_progress: OnProgress | None = None,
    *,
    budget: int | None = None,
    prompt_cache: "PromptCache | None" = None,
) -> tuple[Recipe, Residence]:
    """Nothing is loaded yet. `budget`: bytes; None: what is free; `prompt_cache`: see `Residence`. Raises
    `BadOption`, `BadModelFile`."""
    assert isinstance(plan.method, Blend), "the caller has seen that it is one"
    if plan.draft:
        raise BadOption(f"{plan.name} is a blend, which has no draft of its own: leave `draft` out")
    members = {member.name: _by_itself(member) for member in plan.members}
    residence = Residence(
        members, options, budget=budget, on_progress=on_progress, prompt_cache=prompt_cache
    )
    return recipe_of(plan.method), residence


def reside(
    catalog: Catalog,
    names: Iterable[str],
    options: Options,
    on_progress: OnProgress | None = None,
    *,
    budget: int | None = None,
) -> Residence:
    """Raises what `plan_member` and `Residence` raise."""
    plans = {name: plan_member(catalog, name) for name in names}
    return Residence(plans, options, budget=budget, on_progress=on_progress)


def plan_member(catalog: Catalog, name: str) -> TeamPlan:
    """Raises `BadCatalog`, and `BadOption` for a blend."""
    if name.endswith(".gguf"):
        return _by_itself(Member(name, Path(name)))
    if name not in catalog.teams:
        return _by_itself(Member.of(name, catalog.model(name)))
    plan = plan_from_catalog(catalog, catalog.team(name))
    if isinstance(plan.method, Blend):
        raise BadOption(f"{name} is a blend itself: name one of its members")
    return plan


def _by_itself(member: Member | TeamPlan) -> TeamPlan:
    if isinstance(member, TeamPlan):
        return member
    alone = replace(member, name=BASE)
    return TeamPlan(member.name, (alone,), settings=member.settings)
