"""`localcollab docs refresh`, called by its command: options -> `RefreshRequest`; prints the result."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from localcollab.catalog import load_catalog
from localcollab.documents.collection import open_collection
from localcollab.errors import BadOption
from localcollab_convert.expert.texts import read_texts
from localcollab_convert.output import print_result, progress
from localcollab_convert.refresh.make import refresh_expert
from localcollab_convert.refresh.request import RefreshRequest, RefreshResult, find_expert


def run(
    collection: str, team: str | None, *, minutes: float, n_steps: int | None,
    catalogs: tuple[Path, ...], as_json: bool,
) -> None:  # fmt: skip
    """Raises `BadOption`, `BadCollection`, `BadData`, `BadModelFile`, `BadCatalog`."""
    catalog = load_catalog(*catalogs)
    if team is None and collection not in catalog.teams:
        raise BadOption(
            f"there is no expert for {collection}: create one with localcollab convert expert --docs "
            f"{collection}, or give its `team`"
        )
    expert = find_expert(catalog, team or collection)
    with open_collection(collection) as opened:
        texts = tuple(read_texts(opened))
    request = RefreshRequest(
        expert=expert, texts=texts, catalog=catalog, minutes=minutes, n_steps=n_steps
    )
    with progress() as status:
        result = refresh_expert(request, status.show)
    print_result(asdict(result), _lines(expert.name, result), as_json=as_json)


def _lines(name: str, result: RefreshResult) -> Iterator[str]:
    yield f"{result.n_new} new texts, {result.n_gone} gone, {result.minutes:.1f} minutes of training"
    yield f"nats a token about known texts: {result.known[0]:.4f} before, {result.known[1]:.4f} after"
    yield f"nats a token about new texts: {result.new[0]:.4f} before, {result.new[1]:.4f} after"
    if result.is_kept:
        yield f"{name}: the refreshed expert has replaced the old one"
    else:
        yield f"{name}: the old expert stays, because the new one is not as good: give more --minutes"
