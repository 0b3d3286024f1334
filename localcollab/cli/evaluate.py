"""The commands that measure: `eval` and `bench`. Thin, as everything in `localcollab.cli.main`."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json, Models, Team


def evaluate(
    team: Team = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="JSONL of questions and answers; may be repeated. Default: shipped."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Only so many questions, by seed; those in a member's own form count too."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random gate and of --limit.")] = 0,
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="One more GGUF file to show alone beside the team; may be repeated."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            help="Teams, or methods of the default team's base, by commas: accuracy, cost."
        ),
    ] = None,
    ranker: Annotated[
        list[str] | None,
        typer.Option(help="Measure rankers on answers with scores; may be repeated."),
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(help="With --ranker: the score, where the data has several, or rouge-l."),
    ] = None,
    fuser: Annotated[
        str | None,
        typer.Option(help="With --ranker: what this model makes of the best, by rouge-l."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="A picture of the result, as PNG.")] = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Measure a team beside each of its members alone, on the same questions."""
    if ranker or measure or fuser:
        from localcollab.cli.evaluate_blend import Rankers, refuse, run_rankers

        refuse(ranker, team=team, beside=beside, compare=compare, plot=plot)
        run_rankers(
            tuple(data or ()), Rankers(ranker or [], measure, fuser), tuple(models or ()),
            limit=limit, seed=seed, as_json=as_json,
        )  # fmt: skip
        return
    from localcollab.cli import evaluate_command as eval_command
    from localcollab.teams.choice import TeamChoice

    if compare is not None:
        eval_command.run_comparison(
            compare, team, tuple(models or ()), tuple(data or ()), beside=tuple(beside or ()),
            limit=limit, seed=seed, plot=plot, as_json=as_json,
        )  # fmt: skip
        return
    choice = TeamChoice(team=team, seed=seed, catalogs=tuple(models or ()))
    eval_command.run(
        choice, tuple(data or ()), beside=tuple(beside or ()), limit=limit, plot=plot,
        as_json=as_json,
    )  # fmt: skip


def bench(
    team: Annotated[
        list[str] | None, typer.Option(help="A team of the catalogue; may be repeated.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Some of a,b,c,d,e,f,g: base, team, published style, second turn, export, memory, "
            "start-up."
        ),
    ] = None,
    n_rounds: Annotated[int, typer.Option("--repeat", help="Rounds of each timing.")] = 5,
    busy: Annotated[
        bool, typer.Option("--busy", help="Beside other work: one thread, CPU time.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="A picture of the ratios, as PNG.")] = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Measure speed and memory as ratios to the same llama.cpp in the same run."""
    from localcollab.cli import bench as command

    command.run(
        tuple(team or ()), tuple(models or ()), only=only, n_rounds=n_rounds, busy=busy,
        plot=plot, as_json=as_json,
    )  # fmt: skip
