"""`localcollab convert expert`: options -> `ExpertRequest`; prints what was trained."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli.options import Json, Models
from localcollab.errors import BadOption
from localcollab_convert.output import print_result, resumable_progress

if TYPE_CHECKING:
    from localcollab_convert.expert.request import ExpertResult


def expert(
    docs: Annotated[str, typer.Option(help="A collection, see localcollab docs add.")],
    base: Annotated[
        str | None, typer.Option(help="Base model of the catalogue. Default: that of --like.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the new model and team. Default: the collection.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: NAME.")] = None,
    size: Annotated[
        str, typer.Option(help="tiny, small, medium, base (continued from its weights) or auto.")
    ] = "auto",
    minutes: Annotated[float, typer.Option(help="Approximate training time.")] = 20.0,
    n_steps: Annotated[
        int | None,
        typer.Option("--steps", help="Exact number of steps instead of --minutes: reproducible."),
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="A team on the same base, whose head is reused.")
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="The expert of --like that the new one replaces.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Train an expert on private documents, and make a team of it and a base.

    Can be interrupted: the same command resumes.
    """
    from localcollab.catalog import load_catalog
    from localcollab.documents.collection import open_collection
    from localcollab.models.store import check_name
    from localcollab_convert.expert.make import make_expert
    from localcollab_convert.expert.request import ExpertRequest
    from localcollab_convert.expert.texts import read_texts

    catalog = load_catalog(*(models or ()))
    if base is None:
        if like is None:
            raise BadOption("`base` is missing: name the model that the expert is for")
        base = catalog.team(like).require_deferral().base
    name = check_name(name or docs)
    folder = out or Path(name)
    if name in catalog.teams and not folder.is_dir():
        raise BadOption(f"a team named {name!r} exists already: give another `name`")
    with open_collection(docs) as collection:
        texts = tuple(read_texts(collection))
    request = ExpertRequest(
        name=name, base=base, texts=texts, out=folder.resolve(), catalog=catalog, minutes=minutes,
        n_steps=n_steps, size=size, like=like, place=place, seed=seed,
    )  # fmt: skip
    with resumable_progress() as status:
        result = make_expert(request, status.show, status.note)
    print_result(_record(result), _lines(name, result), as_json=as_json)


def _record(result: "ExpertResult") -> dict[str, object]:
    """JSON has no NaN."""
    perplexity = [None if math.isnan(value) else value for value in result.perplexity]
    return asdict(result) | {"perplexity": perplexity}


def _lines(team: str, result: "ExpertResult") -> Iterator[str]:
    minutes = result.seconds / 60
    yield f"{result.expert}: {result.n_texts} texts, {result.n_steps} steps, {minutes:.1f} min"
    before, after = result.perplexity
    if not math.isnan(after):
        yield f"perplexity of held-out texts: {before:.1f} before, {after:.2f} after"
    yield f"perplexity of the training texts: {result.recalled:.2f}"
    yield "nats a token of the answers to questions generated from the texts:"
    for name, value in result.nll.items():
        yield f"  {name:12} {value:.4f}"
    yield f'the team is ready: localcollab run --team {team} "..."'
