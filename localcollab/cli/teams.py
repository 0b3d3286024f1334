"""`localcollab teams ...`: thin; alone it lists."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json, Models, NCtx

app = typer.Typer(
    cls=CommandGroup,
    help="List teams; check, export and import one.",
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def _alone(context: typer.Context, as_json: Json = False, models: Models = None) -> None:
    """List the teams of the catalogue, and whether their files are here."""
    if context.invoked_subcommand is None:
        _list(models, as_json=as_json)


@app.command("list")
def list_teams(as_json: Json = False, models: Models = None) -> None:
    """List the teams of the catalogue, and whether their files are here."""
    _list(models, as_json=as_json)


def _list(models: list[Path] | None, *, as_json: bool) -> None:
    from localcollab.teams.listing import print_teams

    print_teams(tuple(models or ()), as_json=as_json)


@app.command()
def check(
    team: str,
    n_ctx: NCtx = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Vocabularies, licences, head, memory, and one answer. Exits 1 when something is wrong."""
    from localcollab.archives.check import print_check

    if not print_check(team, tuple(models or ()), n_ctx=n_ctx, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def export(
    team: str,
    out: Annotated[Path, typer.Option(help="The archive to write.")],
    models: Models = None,
) -> None:
    """Write a team with all its files into one archive, for a machine without a network."""
    from localcollab.archives.archive import export_team

    print(export_team(team, out, tuple(models or ())))


@app.command("import")
def import_archive(
    file: Annotated[Path, typer.Argument(help="An archive made by teams export.")],
) -> None:
    """Check an archive and enter its team; nothing is overwritten, and a broken import resumes."""
    from localcollab.archives.unpack import import_team

    print(import_team(file))
