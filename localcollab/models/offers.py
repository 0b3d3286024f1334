"""A model or a team -> the files that a pull downloads, and whether they fit this machine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from localcollab.catalog import Catalog, Deferral, ModelEntry, TeamEntry
from localcollab.catalog.entries import nearest
from localcollab.errors import BadCatalog, BadOption, DownloadFailed
from localcollab.llama.options import Options
from localcollab.models import pull
from localcollab.models.fit import fit_team
from localcollab.models.fit_report import verdict
from localcollab.models.installed import state_of
from localcollab.models.listing import size_text

_SMALL_CTX = 2048
"""A pull is refused where not even this context fits."""


@dataclass(frozen=True, slots=True)
class Pull:
    present: tuple[ModelEntry, ...]
    """Those that are installed and unchanged, or not from a hub."""
    offers: tuple[pull.Offer, ...]


def plan_pull(catalog: Catalog, name: str, *, force: bool) -> Pull:
    """Asks the hub. Raises `BadCatalog`, `BadOption`, `DownloadFailed`."""
    team = as_team(catalog, name)
    entries = files_of_team(catalog, team)
    hubless = [e for e in entries if not e.can_be_pulled and not e.path.is_file()]
    if hubless:
        raise BadOption(
            f"{hubless[0].name}: {hubless[0].path} is missing and its entry names no repository: put "
            "the file there, or add repository and file"
        )
    present = [e for e in entries if not e.can_be_pulled or state_of(e) == "sound"]
    wanted = [entry for entry in entries if entry not in present]
    if not wanted:
        return Pull(tuple(present), ())
    pull.require_hub()
    pull.quiet_unless_terminal()
    offers = [pull.ask(entry) for entry in wanted]
    pull.require_disk(offers)
    require_fit(catalog, team, offers, force=force)
    return Pull(tuple(present), tuple(offers))


def as_team(catalog: Catalog, name: str) -> TeamEntry:
    """A team of this name, or the model alone. Raises `BadCatalog`."""
    if name in catalog.teams:
        return catalog.team(name)
    if name in catalog.models:
        return TeamEntry(name, Deferral(name, ()))
    hint = nearest(name, {**catalog.models, **catalog.teams})
    raise BadCatalog(f"no model or team is named {name!r}{hint} (localcollab models list)")


def files_of_team(catalog: Catalog, team: TeamEntry) -> list[ModelEntry]:
    by_path = {e.path: e for name in catalog.models_of(team) for e in catalog.files_of(name)}
    return list(by_path.values())


def require_fit(
    catalog: Catalog, team: TeamEntry, offers: Sequence[pull.Offer], *, force: bool
) -> None:
    """Raises `DownloadFailed` where the team would not fit this machine's free memory."""
    sized = {o.entry.name: replace(o.entry, size_bytes=o.size_bytes) for o in offers}
    known = replace(catalog, models={**catalog.models, **sized})
    found = fit_team(known, team, Options(n_ctx=_SMALL_CTX))
    if not found.fits and not force:
        raise DownloadFailed(
            f"{verdict(found)} ({size_text(found.needed)} of {size_text(found.free or 0)}): "
            "`force` fetches it anyway"
        )
