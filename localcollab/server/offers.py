"""What is served, by name: the teams that were named, or what `chat` would offer."""

import os
from functools import partial
from pathlib import Path

from localcollab.api.sources import BlendSource, TokenSource
from localcollab.blend.open import open_blend
from localcollab.catalog import Blend, Catalog, load_catalog, method_name
from localcollab.catalog.evidence import Evidence
from localcollab.documents.collection import collection_path
from localcollab.errors import BadOption
from localcollab.llama.prompt_cache import PromptCache, open_prompt_cache
from localcollab.progress import OnProgress
from localcollab.server.request import ServeRequest
from localcollab.server.shelf import Offer
from localcollab.storage.state_files import SERVED, collection
from localcollab.teams.choice import TeamChoice
from localcollab.teams.choosing import chat_choices
from localcollab.teams.names import is_file
from localcollab.teams.plan import TeamPlan

AnySource = TokenSource | BlendSource


def offers_of(request: ServeRequest, on_progress: OnProgress) -> list[Offer]:
    """Raises `BadOption`, `BadCatalog`."""
    catalog = load_catalog(*request.catalogs)
    names = request.teams or chat_choices(catalog)
    kept = _prompt_cache(request)
    offers = [_offer(name, request, catalog, on_progress, kept) for name in names]
    if not offers:
        raise BadOption("there is no team to serve: name a team, a model or a GGUF file")
    return list({offer.name: offer for offer in offers}.values())


def _prompt_cache(request: ServeRequest) -> PromptCache | None:
    """Of prompts of any client, which may hold passages of any collection that is served."""
    opened = open_prompt_cache(request.prompt_cache_gb)
    if opened is not None:
        opened.begin(SERVED, *(collection(collection_path(name)) for name in request.documents))
    return opened


def _offer(
    given: str,
    request: ServeRequest,
    catalog: Catalog,
    on_progress: OnProgress,
    prompt_cache: PromptCache | None,
) -> Offer:
    plan = TeamChoice(team=given, catalogs=request.catalogs).plan()
    name = Path(os.path.expanduser(given)).stem if is_file(given) else given
    open_source = partial(_open, plan, request, on_progress, prompt_cache)
    return Offer(name, open_source, _about(plan, given, catalog))


def _open(
    plan: TeamPlan, request: ServeRequest, on_progress: OnProgress, prompt_cache: PromptCache | None
) -> AnySource:
    """Raises what opening raises."""
    if not isinstance(plan.method, Blend):
        return TokenSource(
            plan, request.options, on_progress=on_progress, prompt_cache=prompt_cache
        )
    recipe, residence = open_blend(plan, request.options, on_progress, budget=request.budget)
    source = BlendSource(plan, recipe, residence)
    try:
        residence.open(recipe.members[0])  # its errors come before the first question
    except BaseException:
        source.close()
        raise
    return source


def _about(plan: TeamPlan, given: str, catalog: Catalog) -> dict[str, object]:
    entry = catalog.teams.get(given)
    return {
        "kind": "team" if len(plan.members) > 1 else "model",
        "method": _method(plan),
        "members": _members(plan),
        "about": entry.about if entry else "",
        "verdict": _verdict(entry.evidence if entry else None),
    }


def _verdict(evidence: Evidence | None) -> dict[str, object] | None:
    """What `tune` found: `team`, `member` or `unknown` is right; None: nobody has measured it."""
    if evidence is None:
        return None
    return {
        "use": evidence.verdict, "member": evidence.member, "n_questions": evidence.n,
        "team_accuracy": evidence.team_accuracy, "member_accuracy": evidence.member_accuracy,
        "p": evidence.p, "date": evidence.date,
    }  # fmt: skip


def _method(plan: TeamPlan) -> str:
    if plan.method is not None:
        return "blend" if isinstance(plan.method, Blend) else method_name(plan.method)
    return "deferral" if len(plan.members) > 1 else "single"


def _members(plan: TeamPlan) -> list[dict[str, object]]:
    """The base first; of a team among the members, its own."""
    return [
        {"name": member.name, "members": _members(member)}
        if isinstance(member, TeamPlan)
        else {"name": member.name, "file": member.path.name}
        for member in plan.members
    ]
