"""The routes, and what becomes of errors. A plain ASGI application: `serve` gives it a socket."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcollab.errors import LocalcollabError
from localcollab.server import ollama
from localcollab.server.chat import CLOSED, chat_completions
from localcollab.server.completions import completions
from localcollab.server.documents import ask_documents, list_collections, search
from localcollab.server.embeddings import embeddings, rerank
from localcollab.server.errors import ApiError, api_error
from localcollab.server.guard import Guard, Rules
from localcollab.server.openapi import openapi
from localcollab.server.page import page
from localcollab.server.responses import responses
from localcollab.server.serving import Serving
from localcollab.server.status import health, metrics, model, models
from localcollab.server.tokens import detokenize, tokenize

logger = logging.getLogger("localcollab.server")


_OLLAMA_GET = {"version": ollama.version, "tags": ollama.tags, "ps": ollama.ps}
_OLLAMA_POST = {
    "show": ollama.show, "chat": ollama.chat, "generate": ollama.generate, "embed": ollama.embed,
    "embeddings": ollama.embed,
}  # fmt: skip


def build_app(serving: Serving, rules: Rules) -> Starlette:
    """For `serving`, whose event loop is the one that runs it."""
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/openapi.json", openapi),
            Route("/health", health),
            Route("/v1/documents", list_collections),
            Route("/metrics", metrics),
            Route("/v1/models", models),
            Route("/v1/models/{name:path}", model),
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/tokenize", tokenize, methods=["POST"]),
            Route("/detokenize", detokenize, methods=["POST"]),
            Route("/v1/embeddings", embeddings, methods=["POST"]),
            Route("/v1/rerank", rerank, methods=["POST"]),
            Route("/v1/responses", responses, methods=["POST"]),
            Route("/v1/documents/search", search, methods=["POST"]),
            Route("/v1/documents/ask", ask_documents, methods=["POST"]),
            *(Route(f"/api/{name}", endpoint) for name, endpoint in _OLLAMA_GET.items()),
            *(
                Route(f"/api/{name}", endpoint, methods=["POST"])
                for name, endpoint in _OLLAMA_POST.items()
            ),
        ],
        middleware=[Middleware(_Count, serving=serving), Middleware(Guard, rules=rules)],
        exception_handlers={
            ApiError: _say,
            LocalcollabError: _say,
            HTTPException: _say,
            ClientDisconnect: _say,
            Exception: _unexpected,
        },
        lifespan=_lifespan,
    )
    app.state.serving = serving
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    shelf = app.state.serving.shelf
    looking = asyncio.create_task(shelf.look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await shelf.close()


def _say(request: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):
        return CLOSED
    if isinstance(error, LocalcollabError):
        error = api_error(error)
    elif isinstance(error, HTTPException):
        text = f"{request.method} {request.url.path[:200]}: {error.detail}"
        error = ApiError(error.status_code, text, headers=error.headers)
    assert isinstance(error, ApiError)
    if request.url.path.startswith("/api/"):  # Ollama's clients read a text
        return JSONResponse({"error": error.message}, error.status, error.headers)
    return JSONResponse(error.record(), error.status, error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    """A fault of the program. Its kind is told, not its text, which may hold a prompt."""
    said = ApiError(500, f"an unexpected error ({type(error).__name__}): the server goes on")
    return JSONResponse(said.record(), 500)


class _Count:
    """Counts requests, and logs a line for each: never a text, a query or a key."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        self._app, self._serving = app, serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 499, time.monotonic()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = scope.get("route")
            path = route.path if isinstance(route, Route) else "(none)"
            self._serving.counted.requests[path, status] += 1
            logger.info(
                "%s %s %d %.0f ms", scope["method"], path, status,
                1000 * (time.monotonic() - started),
            )  # fmt: skip
