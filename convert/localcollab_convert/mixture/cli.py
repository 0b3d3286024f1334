"""The command line of `convert mixture`; models are loaded when it runs."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json, Models, NCtx, Threads
from localcollab.errors import BadOption
from localcollab_convert.options import Data, Work
from localcollab_convert.staging.interrupted import resumable


def mixture(
    data: Data,
    out: Annotated[Path, typer.Option(help="The file of weights to write: MIXTURE.json.")],
    valid: Annotated[
        Path | None, typer.Option(help="What the weights are measured on; default: a tenth.")
    ] = None,
    team: Annotated[
        str | None,
        typer.Option(help="A mixture of the catalogue, or a team of a base and experts."),
    ] = None,
    base: Annotated[Path | None, typer.Option(help="A GGUF file as first member.")] = None,
    expert: Annotated[
        list[Path] | None, typer.Option(help="A GGUF file as member; may be repeated.")
    ] = None,
    work: Work = None,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Write weights that beat no member, too.")
    ] = False,
    n_ctx: NCtx = None,
    threads: Threads = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Fit the weights of a mixture: how much should each member count?

    Can be stopped at any time: the same command goes on where it was.
    """
    from localcollab.teams.choice import TeamChoice
    from localcollab.terminal.status import Status
    from localcollab_convert.head.request import Request
    from localcollab_convert.mixture.make import Made, make_mixture

    if out.suffix != ".json":
        raise BadOption(f"--out is {out}: give a name that ends in .json")
    choice = TeamChoice(
        team=team, base=base, experts=tuple(expert or ()), catalogs=tuple(models or ())
    )
    request = Request(
        plan=choice.plan(), data=data, valid=valid, out=out,
        work=work or out.with_name(out.name + ".work"), seed=seed, force=force, n_ctx=n_ctx,
        n_threads=threads,
    )  # fmt: skip
    status = Status()
    with resumable():
        made: Made = make_mixture(request, status.show, status.note)
    status.clear()
    if as_json:
        print(json.dumps(asdict(made) | {"path": str(made.path)}, indent=1))
        return
    print(f"{'weight':>8}  nats a token ({made.n_valid} validation tokens)")
    for place, (name, weight) in enumerate(zip(made.names, made.weights, strict=True), 1):
        print(f"{weight:8.4f}  {made.nll[str(place)]:.4f}  {name}")
    print(f"{'':8}  {made.nll['equal']:.4f}  equal weights")
    print(f"{'':8}  {made.nll['fitted']:.4f}  these weights: {made.path}")
