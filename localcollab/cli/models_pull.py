"""`localcollab models pull`: what is to be fetched, whether it fits, then the fetching."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localcollab.catalog import Catalog, Deferral, ModelEntry, TeamEntry, load_catalog
from localcollab.catalog.entries import nearest
from localcollab.errors import BadCatalog, BadOption, DownloadFailed
from localcollab.llama.options import Options
from localcollab.models import pull
from localcollab.models.fit import fit_team
from localcollab.models.fit_report import verdict
from localcollab.models.installed import state_of
from localcollab.models.listing import size_text
from localcollab.terminal.status import Status

_SMALL_CTX = 2048
"""A pull is refused when not even this context fits."""


def run(name: str | None, catalogs: tuple[Path, ...], *, converter: bool, force: bool) -> None:
    """Raises `BadCatalog`, `BadOption`, `DownloadFailed`."""
    status = Status()
    if name is None and not converter:
        raise BadOption("nothing to pull: name a model or a team (localcollab models list)")
    if converter:
        from localcollab.models.converter import fetch_converter

        print(f"the converter is in {fetch_converter(status.note)}")
    if name is not None:
        _pull(load_catalog(*catalogs), name, status, force=force)


def _pull(catalog: Catalog, name: str, status: Status, *, force: bool) -> None:
    team = as_team(catalog, name)
    entries = files_of_team(catalog, team)
    hubless = [e for e in entries if not e.can_be_pulled and not e.path.is_file()]
    if hubless:
        raise BadOption(
            f"{hubless[0].name}: {hubless[0].path} is missing and its entry names no repository: put "
            "the file there, or add repository and file"
        )
    sound = [entry for entry in entries if entry.can_be_pulled and state_of(entry) == "sound"]
    for entry in entries:
        if entry in sound or not entry.can_be_pulled:
            print(f"{entry.name} is here already: {entry.path}")
    wanted = [entry for entry in entries if entry.can_be_pulled and entry not in sound]
    if not wanted:
        return
    pull.require_hub()
    pull.quiet_unless_terminal()
    offers = [pull.ask(entry) for entry in wanted]
    pull.require_disk(offers)
    require_fit(catalog, team, offers, force=force)
    for offer in offers:
        status.note(f"{offer.entry.name}: {size_text(offer.bytes_to_fetch)} to fetch")
        done = pull.fetch(offer, status.note)
        print(f"pulled {done.name}: {done.path} (sha256 {(done.sha256 or '')[:12]})")


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
