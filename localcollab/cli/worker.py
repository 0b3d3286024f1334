"""`localcollab worker`: lends this machine's processor to localcollab on another one."""

from functools import partial
from typing import Annotated

import typer

from localcollab.cli.options import Threads
from localcollab.isolation.worker import WARNING, serve, worker_request
from localcollab.terminal.printing import print_line

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def worker(
    listen: Annotated[
        str, typer.Option(help="Address and port; any but this machine's own needs --i-know.")
    ] = "127.0.0.1:50052",
    n_threads: Threads = None,
    memory: Annotated[
        float | None, typer.Option(help="Most memory to lend, in GiB. Default: all.")
    ] = None,
    i_know: Annotated[
        bool,
        typer.Option("--i-know", help="Listen where others may reach it: they can use and end it."),
    ] = False,
) -> None:
    """Lend this machine's processor to localcollab on another one, through llama.cpp's RPC.

    Name the address in that one's models.toml: worker = "HOST:PORT" in [models.NAME].
    """
    request = worker_request(listen, n_threads=n_threads, memory_gib=memory, i_know=i_know)
    if not request.listen.is_loopback:
        print_line(f"warning: {WARNING}")
    print_line(
        f"lending {request.n_threads} threads at {request.listen} to whoever connects; ctrl-C ends it",
        flush=True,
    )
    serve(request, partial(print_line, flush=True))
