"""The `history` commands of the command line: thin, imported only when one of them runs."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli import history_commands as commands
from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json
from localcollab.history.store import default_path

app = typer.Typer(
    cls=CommandGroup,
    help="Find, export and delete stored conversations.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_Id = Annotated[str, typer.Argument(help="The conversation's id, or how it begins.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the conversations: pinned first, then the latest."""
    commands.print_list(as_json=as_json)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words, or how they begin; or any text.")],
    as_json: Json = False,
) -> None:
    """Find messages in all conversations."""
    commands.print_search(text, as_json=as_json)


@app.command()
def export(
    conversation: _Id,
    form: Annotated[str, typer.Option("--format", help="markdown, or json (complete).")] = (
        "markdown"
    ),
    out: Annotated[Path | None, typer.Option(help="A file; default: standard output.")] = None,
) -> None:
    """Write one conversation out, with who wrote what."""
    commands.export(conversation, form, out)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What export --format json wrote.")],
) -> None:
    """Add an exported conversation; nothing is overwritten."""
    commands.import_file(file)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The copy; an earlier one is replaced.")],
) -> None:
    """Copy the whole history into one file, also while it is in use."""
    commands.backup(file)


@app.command()
def path() -> None:
    """Print where the history is."""
    print(default_path())


@app.command()
def delete(
    conversation: _Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete one conversation for good."""
    commands.delete(conversation, yes=yes)
