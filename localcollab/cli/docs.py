"""The `docs` commands of the command line: thin, each imports what it runs."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json, JsonLines, Models, Team
from localcollab.errors import LocalcollabError
from localcollab.teams.choice import TeamChoice

app = typer.Typer(
    cls=CommandGroup,
    help="Keep collections of your own files, and search them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_Collection = Annotated[str, typer.Option("--collection", "-C", help="The collection's name.")]
_MaxMb = Annotated[int, typer.Option("--max-mb", min=1, help="Refuse larger files.")]


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with all in them.")],
    collection: _Collection = "default",
    max_mb: _MaxMb = 64,
    as_json: Json = False,
) -> None:
    """Read files into a collection; stopped, the same command goes on.

    Hidden files and what .gitignore and .ignore name are left out; links are not followed.
    """
    from localcollab.cli.docs_commands import add as command

    command(tuple(paths), collection, max_mb=max_mb, as_json=as_json)


@app.command()
def sync(collection: _Collection = "default", max_mb: _MaxMb = 64, as_json: Json = False) -> None:
    """Read what is new or changed since, and drop what is gone."""
    from localcollab.cli.docs_commands import sync as command

    command(collection, max_mb=max_mb, as_json=as_json)


@app.command()
def embed(
    model: Annotated[
        str | None, typer.Option(help="An encoder: a GGUF file, or one of the catalogue.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Drop the vectors.")] = False,
    before_query: Annotated[str, typer.Option(help="What the encoder wants, as 'query: '.")] = "",
    before_passage: Annotated[str, typer.Option(help="The same before passages.")] = "",
    collection: _Collection = "default",
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Search by an encoder's vectors beside words; after sync, the same command adds what lacks.

    Stopped, it goes on where it was.
    """
    from localcollab.cli.docs_commands import embed as command

    command(
        model, off, collection, before_query=before_query, before_passage=before_passage,
        catalogs=tuple(models or ()), as_json=as_json,
    )  # fmt: skip


@app.command()
def remove(
    paths: Annotated[list[Path], typer.Argument(help="What was added, or a part of it.")],
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Take files out of a collection for good; the files themselves stay."""
    from localcollab.cli.docs_commands import remove as command

    command(tuple(paths), collection, as_json=as_json)


@app.command("list")
def list_(collection: _Collection = "default", as_json: Json = False) -> None:
    """List a collection's files: what became of each, and why."""
    from localcollab.cli.docs_commands import print_list

    print_list(collection, as_json=as_json)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question, or words.")],
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="Passages at most.")] = 8,
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Find the passages that a question is best answered from."""
    from localcollab.cli.docs_commands import print_search

    print_search(query, collection, n=n, as_json=as_json)


@app.command()
def ask(
    question: Annotated[
        str | None, typer.Argument(help="The question; without it, standard input.")
    ] = None,
    collection: _Collection = "default",
    team: Team = None,
    strict: Annotated[bool, typer.Option("--strict", help="Only what the files support.")] = False,
    as_json: JsonLines = False,
) -> None:
    """Answer a question from the files: localcollab run --docs has all the options."""
    from localcollab.cli.request import Documents, RunRequest
    from localcollab.cli.run import answer

    request = RunRequest(question, TeamChoice(team=team), docs=Documents(collection, strict))
    answer(request, as_json=as_json)


@app.command()
def show(
    document: Annotated[str, typer.Argument(help="A file's path, or how it ends.")],
    page: Annotated[int | None, typer.Option(min=1, help="Only this page.")] = None,
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Print a file's text as the collection holds it."""
    from localcollab.cli.docs_commands import print_document

    print_document(document, collection, page=page, as_json=as_json)


@app.command()
def status(
    collection: Annotated[
        str | None, typer.Option("--collection", "-C", help="Default: all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the collections hold, and which files could not be read."""
    from localcollab.cli.docs_commands import print_status

    print_status(collection, as_json=as_json)


@app.command()
def refresh(
    collection: _Collection = "default",
    team: Annotated[
        str | None, typer.Option(help="That convert expert made; default: the collection's name.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Of training, about.")] = 8.0,
    steps: Annotated[
        int | None, typer.Option(help="Exactly so many instead of --minutes: reproducible.")
    ] = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Teach the expert made from a collection what is new in it.

    The old expert stays until the new one is at least as good on what was known.
    """
    try:
        module = importlib.import_module("localcollab_convert.refresh.cli")
    except ModuleNotFoundError as error:
        raise LocalcollabError(
            f"docs refresh needs {error.name}: pip install 'localcollab[convert]'"
        ) from error
    module.run(
        collection, team, minutes=minutes, n_steps=steps, catalogs=tuple(models or ()),
        as_json=as_json,
    )  # fmt: skip
