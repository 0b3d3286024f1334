"""`localcollab convert mixture`: options -> `MixtureRequest`; prints the weights."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli.options import Json, Models, NCtx, Threads
from localcollab_convert.options import Data, Force, RayCluster, Valid, Work
from localcollab_convert.output import print_result, resumable_progress
from localcollab_convert.staging.outputs import work_folder

if TYPE_CHECKING:
    from localcollab_convert.mixture.request import MixtureResult


def mixture(
    data: Data,
    out: Annotated[Path, typer.Option(help="File of weights to write: MIXTURE.json.")],
    valid: Valid = None,
    team: Annotated[
        str | None,
        typer.Option(help="A mixture of the catalogue, or a team with a base and experts."),
    ] = None,
    base: Annotated[Path | None, typer.Option(help="A GGUF file as first member.")] = None,
    experts: Annotated[
        list[Path] | None, typer.Option("--expert", help="A GGUF file as member; may be repeated.")
    ] = None,
    work: Work = None,
    seed: Annotated[int, typer.Option(help="Random seed of the validation split.")] = 0,
    force: Force = False,
    n_ctx: NCtx = None,
    n_threads: Threads = None,
    ray: RayCluster = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Fit the weights of a mixture, the share of each member.

    Can be interrupted: the same command resumes.
    """
    from localcollab.teams.choice import TeamChoice
    from localcollab_convert.mixture.make import make_mixture
    from localcollab_convert.mixture.request import MixtureRequest

    choice = TeamChoice(
        team=team, base=base, experts=tuple(experts or ()), catalogs=tuple(models or ())
    )
    request = MixtureRequest(
        plan=choice.plan(), data=data, valid=valid, out=out, work=work_folder(out, work), seed=seed,
        force=force, n_ctx=n_ctx, n_threads=n_threads, ray=ray,
    )  # fmt: skip
    with resumable_progress() as status:
        result = make_mixture(request, status.show, status.note)
    print_result(asdict(result), _lines(result), as_json=as_json)


def _lines(result: "MixtureResult") -> Iterator[str]:
    yield f"{'weight':>8}  nats a token ({result.n_valid} validation tokens)"
    for position, (name, weight) in enumerate(zip(result.names, result.weights, strict=True), 1):
        yield f"{weight:8.4f}  {result.nll[str(position)]:.4f}  {name}"
    yield f"{'':8}  {result.nll['equal']:.4f}  equal weights"
    yield f"{'':8}  {result.nll['fitted']:.4f}  fitted weights: {result.path}"
