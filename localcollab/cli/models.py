"""`localcollab models ...`: thin; each command imports what it runs."""

from typing import Annotated

import typer

from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json, KvType, Models

app = typer.Typer(
    cls=CommandGroup,
    help="Keep, fetch and check model files.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("list")
def list_models(
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="What Ollama, LM Studio and the Hub's cache hold.")
    ] = False,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """List the models of the catalogue and what they take on the disk."""
    from localcollab.models.listing import print_models

    print_models(tuple(models or ()), elsewhere=elsewhere, as_json=as_json)


@app.command()
def show(name: str, as_json: Json = False, models: Models = None) -> None:
    """Show what is known of one model."""
    from localcollab.models.listing import print_model

    print_model(name, tuple(models or ()), as_json=as_json)


@app.command()
def add(
    file: Annotated[str, typer.Argument(help="A GGUF file, or a name from list --elsewhere.")],
    name: Annotated[str | None, typer.Option(help="Default: the file's.")] = None,
    models: Models = None,
) -> None:
    """Enter a GGUF file of this machine; it is linked, never copied."""
    from localcollab.models.installed import add as command

    entry = command(file, name, tuple(models or ()))
    print(f"added {entry.name}: {entry.path} (sha256 {(entry.sha256 or '')[:12]})")


@app.command()
def rm(name: str, models: Models = None) -> None:
    """Forget a model; its file goes with its last user, if localcollab keeps it."""
    from localcollab.models.installed import remove

    print(f"forgot {name}: {remove(name, tuple(models or ()))}")


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="Default: every installed model.")] = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Hash files again. Exits 1 when one is missing or changed."""
    from localcollab.models.listing import print_verified

    if not print_verified(name, tuple(models or ()), as_json=as_json):
        raise typer.Exit(1)


@app.command()
def fit(
    team: str,
    n_ctx: Annotated[
        int | None, typer.Option(help="Tokens of context; default: as running it would choose.")
    ] = None,
    kv_type: KvType = "f16",
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Add up what a whole team takes, before it is loaded. Exits 1 when it does not fit."""
    from localcollab.models.fit_report import print_fit

    if not print_fit(team, tuple(models or ()), n_ctx=n_ctx, kv_type=kv_type, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def pull(
    name: Annotated[str | None, typer.Argument(help="A model or a team of the catalogue.")] = None,
    converter: Annotated[
        bool, typer.Option("--converter", help="llama.cpp's own converter, for convert.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Even what does not fit.")] = False,
    models: Models = None,
) -> None:
    """Fetch files from their hub and check them: the only command that uses the network."""
    from localcollab.cli.models_pull import run

    run(name, tuple(models or ()), converter=converter, force=force)
