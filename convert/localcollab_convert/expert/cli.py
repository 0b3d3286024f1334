"""The command line of `convert expert`; torch is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json, Models
from localcollab_convert.staging.interrupted import resumable


def expert(
    docs: Annotated[str, typer.Option(help="A collection: localcollab docs add makes one.")],
    base: Annotated[
        str | None, typer.Option(help="A model of the catalogue; default: that of --like.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the new model and team; default: the collection's.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for it; default: NAME.")] = None,
    size: Annotated[
        str, typer.Option(help="tiny, small, medium, base (its weights, trained on) or auto.")
    ] = "auto",
    minutes: Annotated[float, typer.Option(help="Of training, about.")] = 20.0,
    steps: Annotated[
        int | None, typer.Option(help="Exactly so many instead of --minutes: reproducible.")
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="A team on the same base, whose head is taken over.")
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="The expert of --like that the new one replaces.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Make an expert from private documents, and a team of it and a base.

    Can be stopped at any time: the same command goes on where it was.
    """
    from localcollab_convert.expert import command as expert_command

    with resumable():
        expert_command.run(
            docs, base=base, name=name, out=out, size=size, minutes=minutes, n_steps=steps,
            like=like,
            place=place, seed=seed, catalogs=tuple(models or ()), as_json=as_json,
        )  # fmt: skip
