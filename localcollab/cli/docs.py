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
    help="Manage collections of your own files, and search them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_Collection = Annotated[str, typer.Option("--collection", "-C", help="Name of the collection.")]
_MaxMb = Annotated[int, typer.Option("--max-mb", min=1, help="Maximum file size in MB.")]


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with everything in them.")],
    collection: _Collection = "default",
    max_mb: _MaxMb = 64,
    as_json: Json = False,
) -> None:
    """Read files into a collection; after an interruption, the same command resumes.

    Hidden files and files named by .gitignore and .ignore are skipped; links are not followed.
    """
    from localcollab.cli.docs_commands import add as command

    command(tuple(paths), collection, max_mb=max_mb, as_json=as_json)


@app.command()
def sync(collection: _Collection = "default", max_mb: _MaxMb = 64, as_json: Json = False) -> None:
    """Read new and changed files, and remove deleted ones."""
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
    paths: Annotated[
        list[Path], typer.Argument(help="Files or folders that were added, or parts of them.")
    ],
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Remove files from a collection; the files themselves are kept."""
    from localcollab.cli.docs_commands import remove as command

    command(tuple(paths), collection, as_json=as_json)


@app.command("list")
def list_(collection: _Collection = "default", as_json: Json = False) -> None:
    """List the files of a collection and the state of each."""
    from localcollab.cli.docs_commands import print_list

    print_list(collection, as_json=as_json)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question, or words to find.")],
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="Maximum number of passages.")] = 8,
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Find the passages that answer a question best."""
    from localcollab.cli.docs_commands import print_search

    print_search(query, collection, n=n, as_json=as_json)


@app.command()
def ask(
    question: Annotated[
        str | None, typer.Argument(help="The question. Default: standard input.")
    ] = None,
    collection: _Collection = "default",
    team: Team = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse answers that the files do not support.")
    ] = False,
    as_json: JsonLines = False,
) -> None:
    """Answer a question from the files; localcollab run --docs has more options."""
    from localcollab.cli.request import Documents, RunRequest
    from localcollab.cli.run import answer

    request = RunRequest(question, TeamChoice(team=team), docs=Documents(collection, strict))
    answer(request, as_json=as_json)


@app.command()
def show(
    document: Annotated[str, typer.Argument(help="Path of a file, or the end of it.")],
    page: Annotated[int | None, typer.Option(min=1, help="Only this page.")] = None,
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Print the text of a file as the collection stores it."""
    from localcollab.cli.docs_commands import print_document

    print_document(document, collection, page=page, as_json=as_json)


@app.command()
def status(
    collection: Annotated[
        str | None, typer.Option("--collection", "-C", help="Default: all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the collections contain, and which files could not be read."""
    from localcollab.cli.docs_commands import print_status

    print_status(collection, as_json=as_json)


@app.command()
def refresh(
    collection: _Collection = "default",
    team: Annotated[
        str | None, typer.Option(help="That convert expert made; default: the collection's name.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Training time in minutes, approximately.")] = 8.0,
    steps: Annotated[
        int | None,
        typer.Option(help="Number of training steps instead of --minutes: reproducible."),
    ] = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Train the expert of a collection on what is new in it.

    The old expert is replaced only if the new one is at least as good on the old files.
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
