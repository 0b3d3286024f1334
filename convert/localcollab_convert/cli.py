"""`localcollab convert ...`: thin; torch is imported when a command runs."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.errors import LocalcollabError

_EXIT_INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.callback()
def _root() -> None:
    """Prepare models and train heads."""


@app.command()
def head(
    data: Annotated[
        Path, typer.Option(help="JSONL of messages, prompt/completion or text; or a .txt file.")
    ],
    out: Annotated[Path, typer.Option(help="The head file to write: HEAD.safetensors.")],
    valid: Annotated[
        Path | None, typer.Option(help="Validation data; default: a tenth of the data.")
    ] = None,
    team: Annotated[str | None, typer.Option(help="A team of the catalogue.")] = None,
    base: Annotated[Path | None, typer.Option(help="A GGUF file as base.")] = None,
    expert: Annotated[
        list[Path] | None, typer.Option(help="A GGUF file as expert; may be repeated.")
    ] = None,
    models: Annotated[
        list[Path] | None, typer.Option("--models", help="One more models.toml.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option(help="Only export, train or calibrate; default: all three.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Where resumable work is kept; default: OUT.work.")
    ] = None,
    hidden: Annotated[int, typer.Option(help="Width of a hidden layer; 0: a linear head.")] = 0,
    seed: Annotated[int, typer.Option(help="Of training, the split and the sample.")] = 0,
    metric: Annotated[
        str | None,
        typer.Option(help="exact, f1 or logprob; default: exact, for plain text logprob."),
    ] = None,
    calibrate_on: Annotated[
        int, typer.Option(help="At most so many validation answers a threshold.")
    ] = 100,
    force: Annotated[
        bool, typer.Option("--force", help="Write a head that beats no member, too.")
    ] = False,
    n_ctx: Annotated[int | None, typer.Option(help="Tokens of context.")] = None,
    threads: Annotated[int | None, typer.Option(help="Default: the physical cores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Train a head: who of the team should write the next token?

    Can be stopped at any time: the same command goes on where it was.
    """
    try:
        from localcollab_convert import head_command as command
    except ModuleNotFoundError as error:
        raise LocalcollabError(
            f"localcollab convert needs {error.name}: pip install 'localcollab[convert]'"
        ) from error
    from localcollab.run import TeamChoice

    choice = TeamChoice(
        team=team, base=base, experts=tuple(expert or ()), catalogs=tuple(models or ())
    )
    request = command.request(
        choice, data=data, valid=valid, out=out, work=work, seed=seed, width=hidden,
        metric=metric, calibrate_on=calibrate_on, force=force, n_ctx=n_ctx, n_threads=threads,
    )  # fmt: skip
    try:
        command.run(request, stage, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("localcollab: interrupted; run the same command to resume", err=True)
        raise SystemExit(_EXIT_INTERRUPTED) from None


_Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A GGUF file.")],
    as_json: _Json = False,
) -> None:
    """Show what a GGUF file holds, and its size under every quantization."""
    from localcollab_convert import inspect_command

    inspect_command.run(file, as_json=as_json)
