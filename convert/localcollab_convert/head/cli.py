"""`localcollab convert head`: options -> `HeadRequest`; prints what was trained."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli.options import Base, Experts, Json, Models, NCtx, Team, Threads
from localcollab_convert.options import Data, Force, RayCluster, Valid, Work
from localcollab_convert.output import print_result, resumable_progress
from localcollab_convert.staging.outputs import work_folder

if TYPE_CHECKING:
    from localcollab_convert.head.request import ExportedData, HeadResult, TrainedHead


def head(
    data: Data,
    out: Annotated[Path, typer.Option(help="Head file to write: HEAD.safetensors.")],
    valid: Valid = None,
    team: Team = None,
    base: Base = None,
    experts: Experts = None,
    models: Models = None,
    stage: Annotated[
        str | None, typer.Option(help="Run only export, train or calibrate. Default: all three.")
    ] = None,
    work: Work = None,
    width: Annotated[
        int, typer.Option("--hidden", help="Width of the hidden layer; 0 = linear head.")
    ] = 0,
    price: Annotated[
        float,
        typer.Option(help="Nats a token by which the expert must be better; 0 = likelihood only."),
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    metric: Annotated[
        str | None,
        typer.Option(help="exact, f1 or logprob. Default: exact; for plain text, logprob."),
    ] = None,
    calibrate_on: Annotated[
        int, typer.Option(help="Maximum number of validation answers a threshold.")
    ] = 100,
    second_thoughts: Annotated[
        bool,
        typer.Option(
            "--second-thoughts",
            help="Also learn from validation answers whether what an expert wrote is right.",
        ),
    ] = False,
    force: Force = False,
    n_ctx: NCtx = None,
    n_threads: Threads = None,
    ray: RayCluster = None,
    as_json: Json = False,
) -> None:
    """Train a head, which decides at each token whether the base or an expert writes it.

    Can be interrupted: the same command resumes.
    """
    from localcollab.teams.choice import TeamChoice
    from localcollab_convert.head.make import make_head
    from localcollab_convert.head.request import HeadRequest

    choice = TeamChoice(
        team=team, base=base, experts=tuple(experts or ()), catalogs=tuple(models or ())
    )
    request = HeadRequest(
        plan=choice.plan(), data=data, valid=valid, out=out, work=work_folder(out, work),
        stage=stage, seed=seed, width=width, price=price,  # type: ignore[arg-type]
        metric=metric, calibrate_on=calibrate_on, force=force,  # type: ignore[arg-type]
        n_ctx=n_ctx, n_threads=n_threads, ray=ray, second_thoughts=second_thoughts,
    )  # fmt: skip
    with resumable_progress() as status:
        result = make_head(request, status.show, status.note)
    names = [member.name for member in request.plan.members]
    print_result(asdict(result), _lines(result, names), as_json=as_json)


def _lines(
    result: "ExportedData | TrainedHead | HeadResult", names: Sequence[str]
) -> Iterator[str]:
    from localcollab_convert.head.request import HeadResult, TrainedHead

    match result:
        case TrainedHead():
            yield from _nll_lines(result, names)
        case HeadResult():
            yield from _nll_lines(result.training, names)
            yield from _curve_lines(result)
            if result.spans:
                figures = (f"{name} {value:g}" for name, value in result.spans.items())
                yield f"second thoughts: {', '.join(figures)}"
            path = result.path
            yield f"{path} (sha256 {result.sha256[:12]}), {path.stem}.curve.png"
        case _:
            yield f"{result.n_tokens} answer tokens in {result.n_shards} shards"


def _nll_lines(trained: "TrainedHead", names: Sequence[str]) -> Iterator[str]:
    labels = {"base": "base", "mixture": "equal mixture", "oracle": "oracle (best member a token)"}
    labels |= {f"expert {k}": f"expert {name}" for k, name in enumerate(names[1:], 1)}
    yield f"{'nats a token':30}  {trained.n_valid} validation tokens"
    for key, value in trained.nll.items():
        yield f"  {labels.get(key, key):28}  {value:.4f}"


def _curve_lines(result: "HeadResult") -> Iterator[str]:
    from localcollab_convert.head.calibrate import METRIC_NAMES

    yield ""
    metric = METRIC_NAMES[result.metric]
    yield f"{'threshold':>11}  {metric:>12}  deferral rate  tokens a second"
    for point in result.points:
        mark = "*" if point == result.chosen else " "
        speed = f"{point.tokens_per_second:.0f}" if point.tokens_per_second else "-"
        yield (
            f"{mark} {point.threshold:9.5g}  {point.metric:12.3f}  {point.deferral_rate:13.3f}"
            f"  {speed:>15}"
        )
    yield ""
