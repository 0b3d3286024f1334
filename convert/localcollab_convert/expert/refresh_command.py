"""`localcollab docs refresh`: what is new in a collection is learned by the expert made from it."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from localcollab.catalog import load_catalog
from localcollab.documents.collection import open_collection
from localcollab.errors import BadOption
from localcollab.terminal.status import Status
from localcollab_convert.expert.refresh import Refresh, Refreshed, find_expert
from localcollab_convert.expert.texts import read_texts


def run(
    docs: str,
    team: str | None,
    *,
    minutes: float,
    n_steps: int | None,
    catalogs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Raises `BadOption`, `BadCollection`, `BadData`, `BadModelFile`, `BadCatalog`."""
    if not 0 < minutes <= 60 * 24:
        raise BadOption(f"--minutes is {minutes}: give a number above 0, up to 1440")
    if n_steps is not None and not 0 < n_steps <= 10**6:
        raise BadOption(f"--steps is {n_steps}: give a number from 1 to a million")
    catalog = load_catalog(*catalogs)
    if team is None and docs not in catalog.teams:
        raise BadOption(
            f"no expert was made of {docs}: localcollab convert expert --docs {docs} makes one, or "
            "name its team by --team"
        )
    expert = find_expert(catalog, team or docs)
    with open_collection(docs) as collection:
        texts = read_texts(collection)
    status = Status(sys.stderr)
    try:
        refreshed = Refresh(expert, texts, catalog, status.show).run(minutes, n_steps)
    finally:
        status.clear()
    if as_json:
        print(json.dumps(asdict(refreshed), indent=1))
    else:
        print("\n".join(_lines(expert.name, refreshed)))


def _lines(name: str, found: Refreshed) -> Iterator[str]:
    yield f"{found.n_new} new texts, {found.n_gone} gone, {found.minutes:.1f} minutes of training"
    yield f"nats a token about what it knew: {found.known[0]:.4f} before, {found.known[1]:.4f} after"
    yield f"nats a token about what is new: {found.new[0]:.4f} before, {found.new[1]:.4f} after"
    if found.is_kept:
        yield f"{name}: the refreshed expert is in place"
    else:
        yield f"{name}: the old expert stays, because the new one is not as good: give more --minutes"
