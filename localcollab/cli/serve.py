"""`localcollab serve`: options -> one `ServeRequest`. The server itself is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import KvType, Models, NCtx, Threads, in_bytes
from localcollab.errors import LocalcollabError
from localcollab.llama.options import Options
from localcollab.server.request import DEFAULT_PORT, ServeRequest
from localcollab.terminal.status import Status, notes_shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def serve(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEAM]...",
            help="Teams, models or GGUF files. Default: what localcollab chat offers.",
        ),
    ] = None,
    team: Annotated[
        list[str] | None, typer.Option(help="A team of the catalogue; may be repeated.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port; 0 = any free one.")] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen at; any but this machine's needs --token-file.")
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the key that clients must send; written if it is missing."),
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option("--origin", help="A web page's origin that may ask; may be repeated."),
    ] = None,
    n_ctx: NCtx = None,
    n_threads: Threads = None,
    n_gpu_layers: Annotated[
        int | None,
        typer.Option(
            "--gpu-layers", help="Layers to offload to the GPU. Default: all, if supported."
        ),
    ] = None,
    kv_type: KvType = "f16",
    parallel: Annotated[
        int, typer.Option(help="Maximum number of conversations whose caches a team keeps.")
    ] = 4,
    queue: Annotated[int, typer.Option(help="Maximum number of requests that wait.")] = 64,
    budget: Annotated[
        float | None,
        typer.Option("--memory", help="Memory budget in GiB for weights and contexts together."),
    ] = None,
    keep_alive: Annotated[
        float | None,
        typer.Option(help="Minutes until an unused team is unloaded. Default: never."),
    ] = None,
    max_body: Annotated[int, typer.Option(help="Maximum size of a request in bytes.")] = 8 * 2**20,
    documents: Annotated[
        list[str] | None,
        typer.Option("--docs", help="A collection that may be searched and asked; repeatable."),
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(help="An encoder for embeddings: a GGUF file, or a model of the catalogue."),
    ] = None,
    ranker: Annotated[
        str | None, typer.Option(help="For /v1/rerank, as in localcollab rank --ranker.")
    ] = None,
    prompt_cache_gb: Annotated[
        float,
        typer.Option(
            "--prompt-cache",
            metavar="GB",
            help="Keep what prompts were computed into on disk, at most so many gigabytes; whoever can "
            "read these files can recover the texts. 0 = keep nothing.",
        ),
    ] = 0.0,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Evaluate every prompt from its start: equal requests get equal texts whatever "
            "was asked before.",
        ),
    ] = False,
    batch: Annotated[
        bool,
        typer.Option(
            "--batch",
            help="Evaluate the conversations of a model alone in one batch: more tokens a second for "
            "several clients at once; the memory of all --parallel contexts is taken at the start.",
        ),
    ] = False,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="Keep the conversations of clients, as localcollab chat keeps its own.",
        ),
    ] = False,
    models: Models = None,
) -> None:
    """Serve teams to any client of OpenAI's API, on this machine, with the author of every token."""
    request = ServeRequest(
        (*(words or ()), *(team or ())), host, port, token_file, tuple(origins or ()),
        Options(
            n_ctx=n_ctx, n_threads=n_threads, n_gpu_layers=n_gpu_layers,
            kv_type=kv_type,  # type: ignore[arg-type]  # Options checks it
        ),
        parallel, queue, in_bytes(budget), keep_alive, max_body, exact,
        batch, history, documents=tuple(documents or ()), embedder=embedder, ranker=ranker,
        prompt_cache_gb=prompt_cache_gb, catalogs=tuple(models or ()),
    )  # fmt: skip
    try:
        from localcollab.server.serve import serve as serve_teams
    except ModuleNotFoundError as error:
        raise LocalcollabError(
            f"localcollab serve needs {error.name}: pip install 'localcollab[server]'"
        ) from error
    status = Status()
    with notes_shown(status):
        serve_teams(request, status.show, status.note)
