"""GET /openapi.json: the routes and bodies, described from the records that check them."""

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab import __version__
from localcollab.server import ollama
from localcollab.server.bodies import (
    IGNORED,
    ChatBody,
    CompletionBody,
    DetokenizeBody,
    Fields,
    Part,
    TokenizeBody,
)
from localcollab.server.documents import AskBody, SearchBody
from localcollab.server.embeddings import EmbeddingsBody, RerankBody
from localcollab.server.responses import ResponsesBody

POSTS: dict[str, type[Fields]] = {
    "/v1/chat/completions": ChatBody,
    "/v1/completions": CompletionBody,
    "/v1/responses": ResponsesBody,
    "/v1/embeddings": EmbeddingsBody,
    "/v1/rerank": RerankBody,
    "/v1/documents/search": SearchBody,
    "/v1/documents/ask": AskBody,
    "/tokenize": TokenizeBody,
    "/detokenize": DetokenizeBody,
    "/api/chat": ollama.OllamaChatBody,
    "/api/generate": ollama.GenerateBody,
    "/api/embed": ollama.EmbedBody,
    "/api/show": ollama.ShowBody,
}
_GETS = ("/health", "/v1/models", "/v1/documents", "/api/version", "/api/tags", "/api/ps")
_REF = "#/components/schemas/{model}"
_STREAMED = ("text/event-stream", "application/x-ndjson")
_REFUSALS = {
    "400": "The body is wrong; `error` says what.",
    "401": "The key is missing or wrong.",
    "403": "A foreign Host or Origin.",
    "404": "No such model.",
    "405": "Another method is needed.",
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "429": "Too many requests are waiting; `Retry-After` says when to come back.",
    "503": "Too many connections.",
}


async def openapi(request: Request) -> Response:
    return JSONResponse(describe())


@cache
def describe() -> dict[str, Any]:
    """An OpenAPI 3.1 description."""
    wanted = [(body, "validation") for body in POSTS.values()]
    names, definitions = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, Any] = {path: {"get": {"responses": _answers(())}} for path in _GETS}
    for path, body in POSTS.items():
        schema = names[body, "validation"]
        content = {"application/json": {"schema": schema}}
        paths[path] = {
            "post": {
                "requestBody": {"required": True, "content": content},
                "responses": _answers(_STREAMED),
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "localcollab", "version": __version__},
        "paths": paths,
        "components": {"schemas": {k: _closed(v) for k, v in definitions["$defs"].items()}},
    }


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The records take any name, to refuse unknown ones by it; what is ignored is anything."""
    if "properties" not in schema or schema["title"] == Part.__name__:
        return schema
    ignored = {name: {"description": "Ignored."} for name in sorted(IGNORED)}
    properties = {**ignored, **schema["properties"]}
    return {**schema, "properties": properties, "additionalProperties": False}


def _answers(streamed: tuple[str, ...]) -> dict[str, Any]:
    kinds: dict[str, Any] = {kind: {} for kind in ("application/json", *streamed)}
    refusals = {
        status: {"description": text, "content": {"application/json": {}}}
        for status, text in _REFUSALS.items()
    }
    return {"200": {"description": "The answer.", "content": kinds}, **refusals}
