"""A process that answers: a socket, the teams, and uvicorn between them."""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import uvicorn

from localcollab.errors import BadOption
from localcollab.history import default_path, open_history
from localcollab.progress import OnProgress
from localcollab.server.aids import open_aids
from localcollab.server.app import build_app
from localcollab.server.guard import Rules
from localcollab.server.journal import Journal
from localcollab.server.offers import offers_of
from localcollab.server.protocol import CarefulProtocol
from localcollab.server.request import ServeRequest
from localcollab.server.serving import Serving, Sizes
from localcollab.server.shelf import Room, Shelf

_SECONDS_TO_FINISH = 5
_THREADS = 64

OnLine = Callable[[str], None]


def serve(request: ServeRequest, on_progress: OnProgress, on_note: OnLine) -> None:
    """Until it is interrupted. The first team is loaded before anybody can ask. Raises what opening
    raises, and `BadOption` for an address that cannot be listened at."""
    token = request.token()
    offers = offers_of(request, on_progress)
    listening = _listen(request.host, request.port)
    stack = ExitStack()
    try:
        aids = open_aids(request, stack, on_progress)
        history = stack.enter_context(open_history(default_path())) if request.history else None
        with ThreadPoolExecutor(_THREADS, "localcollab") as executor:
            room = Room(
                request.parallel, request.queue, request.budget,
                None if request.keep_alive is None else 60 * request.keep_alive, request.batch,
            )  # fmt: skip
            shelf = Shelf(offers, executor, room)
            sizes = Sizes(body_bytes=request.max_body)
            serving = Serving(
                shelf, executor, sizes, aids=aids, exact=request.exact,
                journal=None if history is None else Journal(history),
            )  # fmt: skip
            rules = Rules(request.host, token, request.origins)
            asyncio.run(_serve(serving, rules, listening, request, on_note))
    finally:
        stack.close()
        listening.close()


async def _serve(
    serving: Serving,
    rules: Rules,
    listening: socket.socket,
    request: ServeRequest,
    on_note: OnLine,
) -> None:
    async with serving.shelf.lease(None):
        pass  # loaded, or its error raised
    # Its tracebacks could hold texts; what is unexpected is told by the application.
    logging.getLogger("uvicorn.error").disabled = True
    config = uvicorn.Config(
        build_app(serving, rules), http=CarefulProtocol, ws="none", log_config=None,
        access_log=False, server_header=False, timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )  # fmt: skip
    address = _shown(listening)
    for line in _greeting(serving, request, address):
        on_note(line)
    await uvicorn.Server(config).serve([listening])


def _listen(host: str, port: int) -> socket.socket:
    """Raises `BadOption`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except (OSError, UnicodeError, IndexError) as error:
        raise BadOption(
            f"`host` {host} and `port` {port} cannot be listened at ({error}): give another `port`, or "
            "stop the program that has it"
        ) from error


def _shown(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greeting(serving: Serving, request: ServeRequest, address: str) -> list[str]:
    lines = [
        f"serving {', '.join(serving.shelf.offers)} at {address} (OpenAI's API at {address}/v1)"
    ]
    if not request.is_local:
        lines.append(
            f"warning: {request.host} can be reached by others; whoever has the token of "
            f"{request.token_file} reads and writes, and nothing is encrypted"
        )
    elif request.token_file is not None:
        lines.append(f"clients need the key in {request.token_file}")
    for name, served in serving.shelf.loaded.items():
        if request.batch and served.not_together is not None:
            lines.append(f"{name}: conversations take turns ({served.not_together})")
    if serving.journal is not None:
        lines.append(f"conversations are kept in {serving.journal.history.path}")
    return lines
