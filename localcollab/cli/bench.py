"""`localcollab bench`: a table of ratios, or JSON with the machine beside them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from localcollab.bench import report
from localcollab.bench.costs import draw_curves
from localcollab.bench.figures import Figure
from localcollab.bench.measure import describe_machine, measure
from localcollab.bench.request import BenchRequest
from localcollab.catalog import DEFAULT_TEAM
from localcollab.cli.options import Draft, Json, Models
from localcollab.terminal.printing import print_json_text, print_text
from localcollab.terminal.status import Status

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def bench(
    team: Annotated[
        list[str] | None, typer.Option(help="A team of the catalogue; may be repeated.")
    ] = None,
    draft: Draft = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Figures to measure, separated by commas: a base, b team, c published style, d second "
            "turn, e export, f memory, g start-up, h proposed tokens, i the same against the base "
            "alone, j second start, k quotes, m cost of several tokens, n a draft's promise. "
            "Default: all."
        ),
    ] = None,
    n_rounds: Annotated[int, typer.Option("--repeat", help="Repetitions of each timing.")] = 5,
    busy: Annotated[
        bool,
        typer.Option("--busy", help="For a machine with other work: one thread, CPU time."),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="PNG file to draw the ratios to; the cost curves go to NAME-costs.png."),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="Questions for h and i, one a line. Default: general ones."),
    ] = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Measure speed and memory as ratios to the same llama.cpp in the same run."""
    request = BenchRequest(
        tuple(team or (DEFAULT_TEAM,)),
        tuple(models or ()),
        only,
        n_rounds,
        busy,
        plot,
        draft,
        questions,
    )
    status = Status(sys.stderr)
    results: dict[str, list[Figure]] = {}
    for name, figure in measure(request, status.show):
        results.setdefault(name, []).append(figure)
        status.note(f"{name}: {report.one_line(figure)}")
    status.clear()
    machine = describe_machine(busy=busy)
    if as_json:
        print_json_text(report.as_json(results, machine))
    else:
        print_text(report.as_table(results))
    if plot:
        report.draw(results, plot)
        status.note(f"drawn to {plot}")
        curves = report.curves(results)
        if curves:
            costs = plot.with_stem(f"{plot.stem}-costs")
            draw_curves(curves, costs)
            status.note(f"cost curves drawn to {costs}")
