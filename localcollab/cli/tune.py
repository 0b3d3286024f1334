"""`localcollab tune`: is a team worth it on these questions? One verdict; the winner in models.toml."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Base, Experts, Json, Models, NCtx, Threads, one_name
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.terminal.printing import print_json_text, print_text
from localcollab.terminal.status import Status, notes_shown
from localcollab.tuning import report
from localcollab.tuning.make import tune
from localcollab.tuning.request import TuneRequest
from localcollab.tuning.verdict import WORTH

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("tune")
def tune_command(
    model: Annotated[
        str | None, typer.Argument(help="A team, a model or a GGUF file; --team is the same.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="JSONL file of questions, as for eval; may be repeated."),
    ] = None,
    docs: Annotated[
        str | None,
        typer.Option(help="Without --data: ask for words of this collection of documents."),
    ] = None,
    history: Annotated[
        bool,
        typer.Option("--history", help="Without --data: ask for words of your own messages."),
    ] = False,
    team: Annotated[str | None, typer.Option(help="A team of the catalogue.")] = None,
    base: Base = None,
    experts: Experts = None,
    name: Annotated[
        str, typer.Option(help="Name of the team that is written into models.toml.")
    ] = "tuned",
    out: Annotated[
        Path | None, typer.Option(help="The models.toml to write into. Default: your own.")
    ] = None,
    writes: Annotated[
        bool, typer.Option("--write/--no-write", help="Write the winner into models.toml.")
    ] = True,
    limit: Annotated[
        int | None, typer.Option(help="Number of questions to draw at random. Default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the halves, of --limit and of samples.")] = 0,
    measure: Annotated[
        str | None,
        typer.Option(help="How answers are scored where the data leaves it open, as for eval."),
    ] = None,
    run_code: Annotated[
        bool,
        typer.Option(
            "--run-code", help="Run answers that are code against their tests, in a child."
        ),
    ] = False,
    n_samples: Annotated[
        int,
        typer.Option("--samples", help="Answers a question for self-consistency; 1: not tried."),
    ] = 5,
    worth: Annotated[
        float, typer.Option(help="The least gain in accuracy that makes a team worth its cost.")
    ] = WORTH,
    trains: Annotated[
        bool,
        typer.Option(
            "--train/--no-train",
            help="Train a head on the half that chooses (needs the extra convert).",
        ),
    ] = True,
    work: Annotated[
        Path | None, typer.Option(help="Folder of the answers, from which a stopped run goes on.")
    ] = None,
    n_ctx: NCtx = None,
    n_threads: Threads = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Measure members and teams on your questions, and say which of them to use.

    Half of the questions choose, the other half is quoted. The winner is written with its evidence.
    """
    choice = TeamChoice(
        team=one_name(model, team), base=base, experts=tuple(experts or ()),
        catalogs=tuple(models or ()),
    )  # fmt: skip
    request = TuneRequest(
        choice, tuple(data or ()), docs, name, out, writes, limit, seed, measure, run_code,
        n_samples, worth, work, Options(n_ctx=n_ctx, n_threads=n_threads), trains,
        history,
    )  # fmt: skip
    status = Status(sys.stderr)
    with notes_shown(status):
        result = tune(request, status.show, status.note)
    status.clear()
    if as_json:
        print_json_text(report.as_json(result))
    else:
        print_text(report.as_text(result, name))
