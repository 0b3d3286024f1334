"""`localcollab docs refresh`, called by its command: choice -> `RefreshRequest`; prints the result."""

from collections.abc import Iterator
from dataclasses import asdict

from localcollab.catalog import load_catalog
from localcollab.cli.request import RefreshChoice
from localcollab.documents.collection import open_collection
from localcollab.errors import BadOption
from localcollab_convert.output import print_result, progress
from localcollab_convert.refresh.make import refresh_expert
from localcollab_convert.refresh.request import RefreshRequest, RefreshResult, find_expert
from localcollab_convert.study.texts import read_texts


def refresh(choice: RefreshChoice, *, as_json: bool) -> None:
    """Raises `BadOption`, `BadCollection`, `BadData`, `BadModelFile`, `BadCatalog`."""
    catalog = load_catalog(*choice.catalogs)
    name = choice.team or choice.collection
    if choice.team is None and name not in catalog.teams:
        raise BadOption(
            f"there is no expert for {name}: create one with localcollab convert expert --docs {name}, "
            "or give its `team`"
        )
    expert = find_expert(catalog, name)
    with open_collection(choice.collection) as opened:
        texts = tuple(read_texts(opened))
    request = RefreshRequest(
        expert=expert, texts=texts, catalog=catalog, minutes=choice.minutes, n_steps=choice.n_steps
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
