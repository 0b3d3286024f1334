"""`localcollab teams ...`: lists, checks, exports and imports teams; alone it lists."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json, Models, NCtx
from localcollab.terminal.printing import print_json, print_line

app = typer.Typer(
    cls=CommandGroup,
    help="List teams; check, export and import one.",
    rich_markup_mode=None,
    add_completion=False,
)

# What a command runs is imported in it: help needs no NumPy.


@app.callback(invoke_without_command=True)
def _alone(context: typer.Context, as_json: Json = False, models: Models = None) -> None:
    """List the teams of the catalogue, and whether their files are installed."""
    if context.invoked_subcommand is None:
        list_teams(as_json=as_json, models=models)


@app.command("list")
def list_teams(as_json: Json = False, models: Models = None) -> None:
    """List the teams of the catalogue, and whether their files are installed."""
    from localcollab.catalog import load_catalog
    from localcollab.teams.listing import default_line, team_lines, team_records

    catalog = load_catalog(*(models or ()))
    records = team_records(catalog)
    if as_json:
        print_json(records)
        return
    for record in records:
        for line in team_lines(record):
            print_line(line)
    if alone := default_line(catalog):
        print_line(alone)


@app.command()
def check(
    team: Annotated[str, typer.Argument(help="A team, a model or a GGUF file.")],
    n_ctx: NCtx = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Check vocabularies, licences, head and memory of a team, and let it write one answer.

    Exits with 1 if something is wrong.
    """
    from localcollab.archives.check import check_team
    from localcollab.catalog import load_catalog
    from localcollab.llama.options import Options
    from localcollab.teams.names import Names
    from localcollab.terminal.status import Status

    catalog, entry = Names(load_catalog(*(models or ()))).as_team(team)
    status, found = Status(), []
    for finding in check_team(catalog, entry, Options(n_ctx=n_ctx), status.show):
        found.append(finding)
        if not as_json:
            status.clear()
            state = "ok" if finding.ok else "WRONG"
            print_line(f"{finding.about}: {state}: {finding.text}", flush=True)
    if as_json:
        print_json([asdict(finding) for finding in found])
    if not all(finding.ok for finding in found):
        raise typer.Exit(1)


@app.command()
def export(
    team: Annotated[str, typer.Argument(help="A team of the catalogue.")],
    out: Annotated[Path, typer.Option(help="The archive to write.")],
    models: Models = None,
) -> None:
    """Write a team with all its files to one archive, for a machine without a network."""
    from localcollab.archives.archive import export_team
    from localcollab.terminal.status import Status

    status = Status()
    done = export_team(team, out, tuple(models or ()), status.show)
    status.clear()
    print_line(done)


@app.command("import")
def import_archive(
    file: Annotated[Path, typer.Argument(help="An archive written by teams export.")],
) -> None:
    """Check an archive and add its team to the catalogue.

    Nothing is overwritten; an interrupted import resumes.
    """
    from localcollab.archives.unpack import import_team
    from localcollab.terminal.status import Status

    status = Status()
    done = import_team(file, status.show)
    status.clear()
    print_line(done)
