"""`localcollab eval`: a team beside its members, teams beside each other, or rankers beside baselines."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json, Models, Team, one_name
from localcollab.errors import BadOption
from localcollab.evaluation import blend, compare_report, rankers, report
from localcollab.evaluation.blend import BlendEvaluation
from localcollab.evaluation.compare import compare
from localcollab.evaluation.evaluate import evaluate
from localcollab.evaluation.request import ComparisonRequest, EvaluationRequest, RankerRequest
from localcollab.progress import OnProgress
from localcollab.teams.choice import TeamChoice
from localcollab.terminal.printing import print_json_text, print_text
from localcollab.terminal.status import Status, notes_shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("eval")
def evaluate_command(
    model: Annotated[
        str | None, typer.Argument(help="A team, a model or a GGUF file; --team is the same.")
    ] = None,
    team: Team = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSONL file of questions and answers; may be repeated. Default: the shipped questions."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Number of questions to draw at random. Default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed, of --limit and of the random gate.")] = 0,
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="Another GGUF file to evaluate beside the team; may be repeated."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            help="Compare accuracy and cost of these teams, or methods of the default team's base, "
            "separated by commas."
        ),
    ] = None,
    ranker: Annotated[
        list[str] | None,
        typer.Option(help="Evaluate this ranker on answers with scores; may be repeated."),
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(
            help="How answers are scored where the data leaves it open: exact, contains, em, f1, number, "
            "rouge-l, likelihood or letter. With --ranker: which score of the data to use, or rouge-l."
        ),
    ] = None,
    run_code: Annotated[
        bool,
        typer.Option(
            "--run-code", help="Run answers that are code against their tests, in a child."
        ),
    ] = False,
    fuser: Annotated[
        str | None,
        typer.Option(help="With --ranker: evaluate what this model fuses of the best, by rouge-l."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Ask on a Ray cluster: auto (the running one), here (a new one) or HOST:PORT."
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG file to draw the result to.")] = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Measure the accuracy of a team and of each of its members alone, on the same questions."""
    team = one_name(model, team)
    catalogs, files, others = tuple(models or ()), tuple(data or ()), tuple(beside or ())
    if ranker or fuser:
        _refuse(
            "ranker",
            team=team,
            beside=beside,
            compare=compare,
            plot=plot,
            run_code=run_code,
            ray=ray,
        )
        _print_rankers(
            RankerRequest(tuple(ranker or ()), files, measure, fuser, catalogs, limit, seed),
            as_json,
        )
    elif compare is not None:
        _refuse("compare", team=team, ray=ray)
        _print_comparison(
            ComparisonRequest(
                compare, catalogs, files, others, limit, seed, plot, measure, run_code
            ),
            as_json,
        )
    else:
        choice = TeamChoice(team=team, seed=seed, catalogs=catalogs)
        request = EvaluationRequest(choice, files, others, limit, plot, measure, run_code, ray)
        _print_evaluation(request, as_json)


def _refuse(option: str, **others: object) -> None:
    """Options that one command line cannot hold together. Raises `BadOption`."""
    given = [name for name, value in others.items() if value]
    if given:
        raise BadOption(f"`{option}` cannot be combined with `{given[0]}`: leave one out")


def _print_evaluation(request: EvaluationRequest, as_json: bool) -> None:
    with _progress() as on_progress:
        found = evaluate(request, on_progress)
    if isinstance(found, BlendEvaluation):
        _print(blend.as_json(found) if as_json else blend.as_table(found), as_json=as_json)
        return
    _print(report.as_json(found) if as_json else report.as_table(found), as_json=as_json)
    if request.plot:
        report.draw(found, request.plot)
        _note_plot(request.plot)


def _print_comparison(request: ComparisonRequest, as_json: bool) -> None:
    with _progress() as on_progress:
        found = compare(request, on_progress)
    _print(
        compare_report.as_json(found) if as_json else compare_report.as_table(found),
        as_json=as_json,
    )
    if request.plot:
        compare_report.draw(found, request.plot)
        _note_plot(request.plot)


def _print_rankers(request: RankerRequest, as_json: bool) -> None:
    with _progress() as on_progress:
        found = rankers.measure_rankers(request, on_progress)
    _print(rankers.as_json(found) if as_json else rankers.as_table(found), as_json=as_json)


def _print(text: str, *, as_json: bool) -> None:
    if as_json:
        print_json_text(text)
    else:
        print_text(text)


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """Progress and notes on standard error."""
    status = Status(sys.stderr)
    with notes_shown(status):
        yield status.show
    status.clear()


def _note_plot(plot: Path) -> None:
    Status(sys.stderr).note(f"drawn to {plot}")
