"""POST /v1/embeddings and /v1/rerank, by the encoder and the ranker that were named at the start."""

import base64
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab.language_model import Float32Array
from localcollab.server.aids import Embedder
from localcollab.server.bodies import Fields
from localcollab.server.errors import ApiError
from localcollab.server.serving import Serving, body_of, serving_of


class EmbeddingsBody(Fields):
    model: str | None = None
    input: str | list[str]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None


class RerankBody(Fields):
    model: str | None = None
    query: str
    documents: list[str | dict[str, str]]
    top_n: int | None = None
    return_documents: bool | None = None


async def embeddings(request: Request) -> Response:
    body, headers = await body_of(request, EmbeddingsBody)
    serving = serving_of(request)
    embedder = embedder_of(serving, body.model)
    if body.dimensions not in (None, embedder.n_embd):
        raise ApiError(
            400, f"`dimensions` is {body.dimensions}: {embedder.name} gives {embedder.n_embd}",
            param="dimensions",
        )  # fmt: skip
    texts = [body.input] if isinstance(body.input, str) else body.input
    vectors, n_tokens = await embedded(serving, embedder, texts, "input")
    write = _base64 if body.encoding_format == "base64" else _floats
    data = [
        {"object": "embedding", "index": n, "embedding": write(vector)}
        for n, vector in enumerate(vectors)
    ]
    said = {
        "object": "list", "data": data, "model": embedder.name,
        "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens},
    }  # fmt: skip
    return JSONResponse(said, headers=headers)


def embedder_of(serving: Serving, asked: str | None) -> Embedder:
    """Raises `ApiError` 404."""
    embedder = serving.aids.embedder
    if embedder is None:
        raise ApiError(
            404, "no encoder is served: start the server with --embedder MODEL", param="model",
            code="model_not_found",
        )  # fmt: skip
    if asked and asked.removesuffix(":latest") != embedder.name:
        raise ApiError(
            404, f"no encoder is served as {asked!r}: there is {embedder.name}", param="model",
            code="model_not_found",
        )  # fmt: skip
    return embedder


async def embedded(
    serving: Serving, embedder: Embedder, texts: Sequence[str], name: str
) -> tuple[list[Float32Array], int]:
    """Vectors, and how many tokens were read. Raises `ApiError`."""
    if not 1 <= len(texts) <= serving.sizes.inputs or not all(texts):
        raise ApiError(
            400, f"`{name}` holds {len(texts)} texts: give 1 to {serving.sizes.inputs}, none of them "
            "empty", param=name,
        )  # fmt: skip
    vectors, n_tokens = [], 0
    for text in texts:
        # One at a time, so that a client that goes away ends the work.
        vectors.append(await serving.in_executor(partial(embedder.embed, text)))
        n_tokens += embedder.count(text)
    return vectors, n_tokens


def _floats(vector: Float32Array) -> list[float]:
    return [float(value) for value in vector]


def _base64(vector: Float32Array) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode()


async def rerank(request: Request) -> Response:
    body, headers = await body_of(request, RerankBody)
    serving = serving_of(request)
    ranker = serving.aids.ranker
    if ranker is None:
        raise ApiError(
            404, "no ranker is served: start the server with --ranker or --embedder",
            code="model_not_found",
        )  # fmt: skip
    texts = [each if isinstance(each, str) else each.get("text", "") for each in body.documents]
    most = serving.sizes.prompts
    if not 1 <= len(texts) <= most or not all(texts):
        raise ApiError(
            400, f"`documents` holds {len(texts)} texts: give 1 to {most}, none of them empty",
            param="documents",
        )  # fmt: skip
    scores = await serving.in_executor(lambda: ranker(body.query, texts))
    order = sorted(range(len(texts)), key=lambda n: -scores[n])[: body.top_n]
    results: list[dict[str, object]] = [
        {"index": n, "relevance_score": scores[n]}
        | ({"document": {"text": texts[n]}} if body.return_documents else {})
        for n in order
    ]
    return JSONResponse(
        {"object": "list", "model": body.model, "results": results}, headers=headers
    )
