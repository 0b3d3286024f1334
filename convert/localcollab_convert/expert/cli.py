"""`localcollab convert expert`: options -> a request of the method that suits; prints the result."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli.options import Json, Models
from localcollab.errors import BadOption
from localcollab.terminal.printing import print_json, print_line
from localcollab_convert.output import print_result, resumable_progress

if TYPE_CHECKING:
    from localcollab.documents.collection import Collection
    from localcollab_convert.adapted.request import AdaptedRequest
    from localcollab_convert.expert.request import ExpertRequest, ExpertResult
    from localcollab_convert.study.texts import Text

_MINUTES = 20.0
"""Of a training from scratch."""


def expert(
    docs: Annotated[
        str, typer.Option(help="A folder, a file, or a collection: see localcollab docs add.")
    ],
    base: Annotated[
        str | None, typer.Option(help="Base model of the catalogue. Default: that of --like.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the new model and team. Default: that of --docs.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: NAME.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Approximate time. Default: what the documents take; 20 of training from scratch."
        ),
    ] = None,
    n_rounds: Annotated[
        int | None,
        typer.Option(
            "--rounds", help="Rounds through the documents instead of --minutes: reproducible."
        ),
    ] = None,
    rank: Annotated[int | None, typer.Option(help="Of the LoRA. Default: 32.")] = None,
    show_study: Annotated[
        bool,
        typer.Option("--show-study", help="Print one round of the questions, and train nothing."),
    ] = False,
    from_scratch: Annotated[
        bool,
        typer.Option("--from-scratch", help="Train a small model instead of a LoRA of the base."),
    ] = False,
    size: Annotated[
        str,
        typer.Option(
            help="From scratch: tiny, small, medium, base (continued from its weights) or auto."
        ),
    ] = "auto",
    n_steps: Annotated[
        int | None,
        typer.Option("--steps", help="From scratch: exact number of steps, reproducible."),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(help="From scratch: a team on the same base, whose head is reused."),
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="The expert of --like that the new one replaces.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Train an expert on private documents, and make a team of it and a base.

    The expert is a LoRA of the base, which is trained on questions made from every sentence. A base
    of less than 20 million parameters gets a small model trained from scratch. What it takes is
    said beforehand. Can be interrupted: the same command resumes.
    """
    from localcollab.catalog import load_catalog
    from localcollab.models.store import check_name
    from localcollab_convert.adapted.request import DEFAULT_RANK, AdaptedRequest
    from localcollab_convert.expert.request import ExpertRequest, is_tiny
    from localcollab_convert.study.texts import read_texts

    if not show_study and base is None and like is None:
        raise BadOption("`base` is missing: name the model that the expert is for")
    with _documents(docs) as (collection, found_name):
        texts = tuple(read_texts(collection))
        if show_study:
            _print_study(texts, seed, as_json=as_json)
            return
        catalog = load_catalog(*(models or ()))
        base = base or catalog.team(str(like)).require_deferral().base
        name = check_name(name or found_name)
        folder = out or Path(name)
        if name in catalog.teams and not folder.is_dir():
            raise BadOption(f"a team named {name!r} exists already: give another `name`")
        scratch = (size != "auto", n_steps is not None, like is not None)
        if from_scratch or any(scratch) or is_tiny(catalog.model(base).path):
            if n_rounds is not None or rank is not None:
                option = "rank" if n_rounds is None else "n_rounds"
                raise BadOption(
                    f"`{option}` is for a LoRA, and this expert is trained from scratch: leave it out"
                )
            scratch_request = ExpertRequest(
                name=name, base=base, texts=texts, out=folder.resolve(), catalog=catalog,
                minutes=_MINUTES if minutes is None else minutes, n_steps=n_steps, size=size,
                like=like, place=place, seed=seed,
            )  # fmt: skip
            _train_from_scratch(scratch_request, as_json=as_json)
            return
        request = AdaptedRequest(
            name=name, base=base, texts=texts, collection=collection, out=folder.resolve(),
            catalog=catalog, minutes=minutes, n_rounds=n_rounds, seed=seed,
            rank=DEFAULT_RANK if rank is None else rank,
        )  # fmt: skip
        _adapt(request, as_json=as_json)


@contextmanager
def _documents(docs: str) -> "Iterator[tuple[Collection, str]]":
    """An open collection and its name; files that belong to none are read into memory."""
    from localcollab.documents.collection import Collection, collection_names, open_collection

    path = Path(docs)
    if docs not in collection_names() and path.exists():
        with Collection(None) as collection:
            collection.add([Path(os.path.realpath(path))])
            yield collection, path.resolve().stem
    else:
        with open_collection(docs) as collection:
            yield collection, docs


def _train_from_scratch(request: "ExpertRequest", *, as_json: bool) -> None:
    from localcollab_convert.expert.make import make_expert

    how_long = (
        f"{request.n_steps} steps" if request.n_steps else f"about {request.minutes:g} minutes"
    )
    with resumable_progress() as status:
        status.note(f"a small model from scratch: {how_long} of training, and then a head")
        result = make_expert(request, status.show, status.note)
    print_result(_record(result), _lines(request.name, result), as_json=as_json)


def _adapt(request: "AdaptedRequest", *, as_json: bool) -> None:
    from localcollab_convert.adapted.make import make_adapted
    from localcollab_convert.adapted.report import lines

    with resumable_progress() as status:
        result = make_adapted(request, status.show, status.note)
    print_result(asdict(result), lines(request.name, result), as_json=as_json)


def _print_study(texts: "tuple[Text, ...]", seed: int, *, as_json: bool) -> None:
    from localcollab_convert.study.material import rounds, subjects

    (lessons,) = rounds(texts, subjects(texts), 1, seed)
    if as_json:
        print_json([asdict(lesson) for lesson in lessons])
        return
    for lesson in lessons:
        print_line(f"{lesson.kind}, {lesson.source}")
        for mark, text in (("?", lesson.prompt), ("=", lesson.answer), ("asks for", lesson.asked)):
            if text:
                print_line(f"  {mark} {text}")


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
