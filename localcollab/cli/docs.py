"""The `docs` commands: options -> one call of a collection, or one request; `docs_output` prints."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli import docs_output as output
from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json, JsonLines, Models, Team
from localcollab.errors import BadOption, LocalcollabError

if TYPE_CHECKING:
    from localcollab.documents.collection import Collection
    from localcollab.documents.parsing.limits import Limits

app = typer.Typer(
    cls=CommandGroup,
    help="Manage collections of your own files, and search them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

# What a command runs is imported in it: help needs no NumPy.

_Collection = Annotated[str, typer.Option("--collection", "-C", help="Name of the collection.")]
_MaxMb = Annotated[int, typer.Option("--max-mb", min=1, help="Maximum file size in MB.")]


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with everything in them.")],
    collection: _Collection = "default",
    max_mb: _MaxMb = 64,
    ocr: Annotated[
        bool, typer.Option("--ocr", help="Read scanned pages of PDFs with tesseract, if installed.")
    ] = False,
    ocr_language: Annotated[
        str, typer.Option(help="Languages for --ocr, as tesseract names them: eng+deu.")
    ] = "eng",
    as_json: Json = False,
) -> None:
    """Read files into a collection; after an interruption, the same command resumes.

    Hidden files and files named by .gitignore and .ignore are skipped; links are not followed.
    """
    from localcollab.documents.ingest.sync import real_path
    from localcollab.documents.parsing.ocr import check_languages

    # Before the collection is created: a wrong path leaves no empty one behind.
    real = [real_path(path) for path in paths]
    languages = ocr_language if ocr else ""
    if languages:
        check_languages(languages)
    with _open(collection, create=True) as opened, output.Progress(as_json=as_json) as progress:
        tally = opened.add(real, limits=_limits(max_mb), ocr=languages, on_visit=progress.visit)
    output.print_tally(collection, tally, as_json=as_json)


@app.command()
def sync(collection: _Collection = "default", max_mb: _MaxMb = 64, as_json: Json = False) -> None:
    """Read new and changed files, and remove deleted ones."""
    with _open(collection) as opened, output.Progress(as_json=as_json) as progress:
        tally = opened.sync(limits=_limits(max_mb), on_visit=progress.visit)
    output.print_tally(collection, tally, as_json=as_json)


@app.command()
def watch(collection: _Collection = "default", max_mb: _MaxMb = 64, as_json: Json = False) -> None:
    """Read files as they change, until interrupted."""
    import threading

    from localcollab.documents.watch import watch as watch_files

    stop_event = threading.Event()
    with _open(collection) as opened, output.Progress(as_json=as_json) as progress:
        found = watch_files(
            opened, stop_event, limits=_limits(max_mb), on_visit=progress.visit_changed
        )
        for n, tally in enumerate(found):
            if n == 0 or tally.added or tally.changed or tally.removed:
                output.print_tally(collection, tally, as_json=as_json)


@app.command()
def embed(
    encoder: Annotated[
        str | None,
        typer.Argument(
            help="minilm, a GGUF file, a Hugging Face folder, or a model of the catalogue."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The same.", hidden=True)] = None,
    off: Annotated[bool, typer.Option("--off", help="Delete the vectors.")] = False,
    before_query: Annotated[
        str, typer.Option(help="Prefix that the encoder expects before a query, as 'query: '.")
    ] = "",
    before_passage: Annotated[
        str, typer.Option(help="Prefix that the encoder expects before a passage.")
    ] = "",
    collection: _Collection = "default",
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Search by an encoder's vectors as well as by words; run it again after sync.

    minilm is downloaded and converted the first time; nothing else uses the network. Only passages
    without a vector are embedded; after an interruption, the same command resumes.
    """
    from localcollab.cli.request import EmbedRequest
    from localcollab.progress import Counted
    from localcollab.terminal.status import Status

    encoder = encoder or model
    request = EmbedRequest(encoder, off, before_query, before_passage, tuple(models or ()))
    status = Status()
    with _open(collection) as opened:
        n_embedded = request.apply(
            opened, lambda done, n: status.show(Counted("embedding", done, n, "passages")), status
        )
    status.clear()
    output.print_embedded(collection, encoder, n_embedded, as_json=as_json)


@app.command()
def remove(
    paths: Annotated[
        list[Path], typer.Argument(help="Files or folders that were added, or parts of them.")
    ],
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Remove files from a collection; the files themselves are kept."""
    with _open(collection) as opened:
        removed = opened.remove(paths)
    output.print_removed(collection, removed, as_json=as_json)


@app.command("list")
def list_(collection: _Collection = "default", as_json: Json = False) -> None:
    """List the files of a collection and the state of each."""
    with _open(collection) as opened:
        documents = opened.documents()
    output.print_list(documents, as_json=as_json)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question, or words to find.")],
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="Maximum number of passages.")] = 8,
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Find the passages that answer a question best."""
    with _open(collection) as opened:
        embedding, hits, fresh = opened.embedding(), opened.search(query, n), opened.freshness()
    if fresh is not None and fresh.n_changed:
        output.note_behind(collection, fresh)
    if embedding is not None:
        output.note_without_vector(embedding[1])
    output.print_hits(query, hits, as_json=as_json)


@app.command()
def ask(
    question: Annotated[
        str | None, typer.Argument(help="The question. Default: standard input.")
    ] = None,
    collection: _Collection = "default",
    team: Team = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Show supported sentences only; say what was left out, and why."
        ),
    ] = False,
    as_json: JsonLines = False,
) -> None:
    """Answer a question from the files; localcollab run --docs has more options."""
    from localcollab.cli.request import Documents, RunRequest
    from localcollab.cli.run import answer
    from localcollab.teams.choice import TeamChoice

    request = RunRequest(question, TeamChoice(team=team), docs=Documents(collection, strict))
    answer(request, as_json=as_json)


@app.command()
def revise(
    file: Annotated[
        Path, typer.Argument(help="The file that may have grown old; it is not changed.")
    ],
    collection: Annotated[str, typer.Option("--with", help="The collection with newer documents.")],
    out: Annotated[
        Path | None, typer.Option(help="A new file for the diff. Default: standard output.")
    ] = None,
    dated: Annotated[
        str | None,
        typer.Option(
            help="Date of FILE: 2025-03-01, 2025-03 or 2025. Default: in its text, its name, its file."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Propose a diff of what newer documents say otherwise: numbers, dates, names.

    Every change names its source. Nothing is proposed in doubt, and no file is overwritten.
    """
    from localcollab.cli.request import ReviseRequest
    from localcollab.cli.revise import print_revision, propose

    request = ReviseRequest(file, collection, out, dated)
    print_revision(propose(request), request, as_json=as_json)


@app.command()
def show(
    document: Annotated[str, typer.Argument(help="Path of a file, or the end of it.")],
    page: Annotated[int | None, typer.Option(min=1, help="Only this page.")] = None,
    collection: _Collection = "default",
    as_json: Json = False,
) -> None:
    """Print the text of a file as the collection stores it."""
    with _open(collection) as opened:
        found = opened.find(document)
        passages = [p for p in opened.passages(found) if page in (None, p.page)]
    if page is not None and not passages:
        raise BadOption(f"{found.path} has no text on page {page}: leave `page` out to show all")
    output.print_document(found, passages, as_json=as_json)


@app.command()
def status(
    collection: Annotated[
        str | None, typer.Option("--collection", "-C", help="Default: all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the collections contain, and which files could not be read."""
    from localcollab.documents.collection import collection_names

    reports = []
    for name in [collection] if collection else collection_names():
        with _open(name) as opened:
            reports.append(output.report_of(name, opened))
    output.print_status(reports, as_json=as_json)


_Team = Annotated[
    str | None,
    typer.Option(help="A team made by convert expert. Default: the name of the collection."),
]
_Minutes = Annotated[
    float | None,
    typer.Option(
        help="Approximate time. Default: what the texts take; 8 of an expert from scratch."
    ),
]
_Rounds = Annotated[
    int | None,
    typer.Option("--rounds", help="Of a LoRA: rounds instead of --minutes, reproducible."),
]


@app.command()
def refresh(
    collection: _Collection = "default",
    team: _Team = None,
    minutes: _Minutes = None,
    n_rounds: _Rounds = None,
    n_steps: Annotated[
        int | None,
        typer.Option(
            "--steps", help="Of an expert from scratch: training steps instead of --minutes."
        ),
    ] = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Train the expert of a collection on what is new in it.

    The old expert is replaced only if the new one is at least as good on the old files.
    """
    from localcollab.cli.request import RefreshChoice

    module = _experts("docs refresh")
    choice = RefreshChoice(collection, team, minutes, n_steps, n_rounds, tuple(models or ()))
    module.refresh(choice, as_json=as_json)


@app.command()
def forget(
    document: Annotated[str, typer.Argument(help="Path of a file, or the end of it.")],
    collection: _Collection = "default",
    team: _Team = None,
    minutes: Annotated[
        float | None, typer.Option(help="Approximate time. Default: what the other files take.")
    ] = None,
    n_rounds: _Rounds = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Train the expert of a collection again without a file, and remove the file from it.

    Every earlier version of the expert is deleted. The file itself stays.
    """
    from localcollab.cli.request import ForgetChoice

    module = _experts("docs forget")
    choice = ForgetChoice(document, collection, team, minutes, n_rounds, tuple(models or ()))
    module.forget(choice, as_json=as_json)


def _experts(command: str) -> ModuleType:
    """Raises `LocalcollabError` where the extra is not installed."""
    try:
        return importlib.import_module("localcollab_convert.refresh.cli")
    except ModuleNotFoundError as error:
        raise LocalcollabError(
            f"{command} needs {error.name}: pip install 'localcollab[convert]'"
        ) from error


def _open(name: str, *, create: bool = False) -> "Collection":
    """Raises `BadCollection`, `BadOption`."""
    from localcollab.documents.collection import open_collection

    return open_collection(name, create=create)


def _limits(max_mb: int) -> "Limits":
    from dataclasses import replace

    from localcollab.documents.parsing.limits import DEFAULT_LIMITS

    return replace(DEFAULT_LIMITS, file_bytes=max_mb * 1_000_000)
