"""A model or a team -> the files that a pull downloads, and whether they fit this machine."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from localcollab.catalog import Alone, Catalog, ModelEntry, TeamEntry, pulled_path
from localcollab.catalog.entries import nearest
from localcollab.errors import BadCatalog, BadOption, DownloadFailed
from localcollab.llama.options import Options
from localcollab.models import hub, pull
from localcollab.models.fit import fit_team
from localcollab.models.fit_report import verdict
from localcollab.models.installed import state_of
from localcollab.models.listing import size_text
from localcollab.models.quants import choose
from localcollab.models.store import check_name

_REFERENCE = re.compile(r"([\w.-]+/[\w.-]+)(?::(.+))?", re.ASCII)
_SMALL_CTX = 2048
"""A pull is refused where not even this context fits."""


@dataclass(frozen=True, slots=True)
class Pull:
    present: tuple[ModelEntry, ...]
    """Those that are installed and unchanged, or not from a hub."""
    offers: tuple[pull.Offer, ...]


def plan_pull(
    catalog: Catalog, name: str, *, as_name: str | None = None, force: bool = False
) -> Pull:
    """A model or team of the catalogue, or owner/repository[:file or quantization] of the hub, which is
    entered as `as_name`, else as owner--repository. Asks the hub.

    Raises `BadCatalog`, `BadOption`, `DownloadFailed`.
    """
    if is_of_hub(catalog, name):
        entry = find_on_hub(name, as_name)
        _require_free_name(catalog, entry)
        # What the catalogue knows of the same file stays.
        known = catalog.models.get(entry.name)
        models = {**catalog.models, entry.name: replace(entry, about=known.about if known else "")}
        catalog, name = replace(catalog, models=models), entry.name
    elif as_name is not None:
        raise BadOption(f"{name} has a name: `as_name` is for files of the hub")
    return _plan(catalog, as_team(catalog, name), force=force)


def _plan(catalog: Catalog, team: TeamEntry, *, force: bool) -> Pull:
    entries = files_of_team(catalog, team)
    hubless = [e for e in entries if not e.can_be_pulled and not e.path.is_file()]
    for entry in hubless:
        remedy = entry.install or "put the file there, or add repository and file"
        raise BadOption(f"{entry.name}: {entry.path} is missing and not on a hub: {remedy}")
    present = [e for e in entries if not e.can_be_pulled or state_of(e) == "sound"]
    wanted = [entry for entry in entries if entry not in present]
    if not wanted:
        return Pull(tuple(present), ())
    hub.require_hub()
    hub.hide_progress_bars()
    offers = [pull.ask(entry) for entry in wanted]
    require_fit(catalog, team, offers, force=force)
    offers = [with_cache(offer) for offer in offers]
    require_fit(catalog, team, offers, force=force)
    pull.require_disk(offers)
    return Pull(tuple(present), tuple(offers))


def is_of_hub(catalog: Catalog, name: str) -> bool:
    """Raises `BadOption` for a file of this machine."""
    if name in catalog.models or name in catalog.teams or "/" not in name:
        return False
    if os.path.isfile(name):
        raise BadOption(f"{name} is a file of this machine: add it (localcollab models add FILE)")
    if not _REFERENCE.fullmatch(name):
        raise BadOption(
            f"{name!r} does not name a file of the hub: write owner/repository, or "
            "owner/repository:Q4_K_M, or owner/repository:FILE.gguf"
        )
    return True


def find_on_hub(reference: str, as_name: str | None) -> ModelEntry:
    """Asks the hub. Raises `BadOption`, `DownloadFailed`."""
    found = _REFERENCE.fullmatch(reference)
    assert found
    name = check_name(as_name or found[1].replace("/", "--"))
    hub.require_hub()
    repository = hub.repository(found[1])
    file = choose(repository, found[2])
    return ModelEntry(
        name, pulled_path(repository.name, file.name), repository=repository.name, file=file.name,
        sha256=file.sha256, size_bytes=file.size_bytes, parameters=repository.parameters,
        n_ctx=repository.n_ctx, licence=repository.licence,
    )  # fmt: skip


def _require_free_name(catalog: Catalog, entry: ModelEntry) -> None:
    """Raises `BadOption` where another file, or a team, has the name."""
    known = catalog.models.get(entry.name)
    if entry.name in catalog.teams or (known is not None and known.path != entry.path):
        what = "team" if known is None else "model"
        raise BadOption(f"a {what} named {entry.name!r} exists already: give another `as_name`")


def as_team(catalog: Catalog, name: str) -> TeamEntry:
    """A team of this name, or the model alone. Raises `BadCatalog`."""
    if name in catalog.teams:
        return catalog.team(name)
    if name in catalog.models:
        return TeamEntry(name, Alone(name))
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


def with_cache(offer: pull.Offer) -> pull.Offer:
    """With the memory of its context, where the catalogue does not say. Raises `DownloadFailed`."""
    if offer.entry.kv_bytes_per_token is not None:
        return offer
    entry = replace(offer.entry, kv_bytes_per_token=pull.kv_bytes_per_token(offer))
    return replace(offer, entry=entry)


def offer_line(offer: pull.Offer) -> str:
    """What will be downloaded, and under which licence."""
    entry = offer.entry
    licence = entry.licence or "not stated"
    parts = f" in {len(offer.files)} parts" if len(offer.files) > 1 else ""
    return (
        f"{entry.name}: {size_text(offer.bytes_to_fetch)} to download{parts} "
        f"({entry.repository}/{entry.file}, licence: {licence})"
    )
