"""`localcollab docs refresh` and `docs forget`, called by their commands; print the result."""

from collections.abc import Iterator
from dataclasses import asdict

from localcollab.catalog import Catalog, load_catalog
from localcollab.cli.request import ForgetChoice, RefreshChoice
from localcollab.documents.collection import open_collection
from localcollab.errors import BadOption
from localcollab_convert.adapted.report import lines as adapted_lines
from localcollab_convert.adapted.versions import (
    Current,
    Refreshed,
    find_current,
    refresh_adapted,
)
from localcollab_convert.adapted.versions import forget as adapted_forget
from localcollab_convert.output import print_result, progress, resumable_progress
from localcollab_convert.refresh.make import refresh_expert
from localcollab_convert.refresh.request import RefreshRequest, RefreshResult, find_expert
from localcollab_convert.study.texts import read_texts

_MINUTES = 8.0
"""Of an expert from scratch."""


def refresh(choice: RefreshChoice, *, as_json: bool) -> None:
    """Raises `BadOption`, `BadCollection`, `BadData`, `BadModelFile`, `BadCatalog`."""
    catalog = load_catalog(*choice.catalogs)
    name = choice.team or choice.collection
    if choice.team is None and name not in catalog.teams:
        raise BadOption(
            f"there is no expert for {name}: create one with localcollab convert expert --docs {name}, "
            "or give its `team`"
        )
    if catalog.model(name).adapter is not None:
        _refresh_adapted(find_current(catalog, name), catalog, choice, as_json=as_json)
        return
    expert = find_expert(catalog, name)
    with open_collection(choice.collection) as opened:
        texts = tuple(read_texts(opened))
    request = RefreshRequest(
        expert=expert,
        texts=texts,
        catalog=catalog,
        n_steps=choice.n_steps,
        minutes=_MINUTES if choice.minutes is None else choice.minutes,
    )
    with progress() as status:
        result = refresh_expert(request, status.show)
    print_result(asdict(result), _lines(expert.name, result), as_json=as_json)


def _refresh_adapted(
    current: Current, catalog: Catalog, choice: RefreshChoice, *, as_json: bool
) -> None:
    with open_collection(choice.collection) as opened, resumable_progress() as status:
        done = refresh_adapted(
            current, catalog, opened, read_texts(opened), choice.minutes, choice.n_rounds,
            status.show, status.note,
        )  # fmt: skip
    print_result(asdict(done), _adapted_lines(current.name, done), as_json=as_json)


def _adapted_lines(name: str, done: Refreshed) -> Iterator[str]:
    yield f"{done.n_new} new texts, {done.n_gone} gone"
    if done.result.recalled:
        before, after, n = done.result.recalled
        yield f"questions about known texts: {before} of {n} right before, {after} after"
    if done.is_kept:
        yield from adapted_lines(name, done.result)
    else:
        yield f"{name}: the old expert stays, because the new one forgot too much: give more --minutes"


def forget(choice: ForgetChoice, *, as_json: bool) -> None:
    """Raises what `docs refresh` raises."""
    catalog = load_catalog(*choice.catalogs)
    current = find_current(catalog, choice.team or choice.collection)
    with open_collection(choice.collection) as opened, resumable_progress() as status:
        document = opened.find(choice.document)
        done = adapted_forget(
            current, catalog, opened, read_texts(opened), document.path, choice.minutes,
            choice.n_rounds, status.show, status.note,
        )  # fmt: skip
        opened.remove([document.path])
    lines = (
        *adapted_lines(current.name, done),
        f"{document.path} is removed from {choice.collection}, and the expert was trained again "
        "from its base without it: what only this file says is not in it. Files that say the same "
        "still are",
    )
    print_result(asdict(done), lines, as_json=as_json)


def _lines(name: str, result: RefreshResult) -> Iterator[str]:
    yield f"{result.n_new} new texts, {result.n_gone} gone, {result.minutes:.1f} minutes of training"
    yield f"nats a token about known texts: {result.known[0]:.4f} before, {result.known[1]:.4f} after"
    yield f"nats a token about new texts: {result.new[0]:.4f} before, {result.new[1]:.4f} after"
    if result.is_kept:
        yield f"{name}: the refreshed expert has replaced the old one"
    else:
        yield f"{name}: the old expert stays, because the new one is not as good: give more --minutes"
