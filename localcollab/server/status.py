"""GET /v1/models, /health and /metrics: what is served, and what has been done."""

from collections.abc import Iterable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from localcollab.server.aids import Embedder
from localcollab.server.serving import Serving, serving_of


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def models(request: Request) -> Response:
    serving = serving_of(request)
    data = [model_record(serving, name) for name in serving.shelf.offers]
    if serving.aids.embedder is not None:
        data.append(_embedder_record(serving, serving.aids.embedder))
    return JSONResponse({"object": "list", "data": data})


async def model(request: Request) -> Response:
    serving = serving_of(request)
    name = serving.shelf.name_of(request.path_params["name"])
    return JSONResponse(model_record(serving, name))


def model_record(serving: Serving, name: str) -> dict[str, object]:
    """OpenAI's fields, and what is known of the team in `localcollab`."""
    offer = serving.shelf.offers[name]
    about = dict(offer.about)
    served = serving.shelf.loaded.get(name)
    about["loaded"] = served is not None
    about["batch"] = served is not None and served.not_together is None
    if served is not None and served.blend is None:
        team = served.team
        about |= {
            "n_ctx": team.model.n_ctx,
            "authors": list(team.members),
            "chat_template": team.template is not None,
            "files": {
                member: {"size_bytes": verdict.size_bytes, "sha256": verdict.sha256}
                for member, verdict in team.verdicts.items()
            },
        }
    return {
        "id": name, "object": "model", "created": int(serving.started), "owned_by": "localcollab",
        "localcollab": about,
    }  # fmt: skip


def _embedder_record(serving: Serving, embedder: Embedder) -> dict[str, object]:
    return {
        "id": embedder.name, "object": "model", "created": int(serving.started),
        "owned_by": "localcollab",
        "localcollab": {"kind": "encoder", "n_embd": embedder.n_embd},
    }  # fmt: skip


async def metrics(request: Request) -> Response:
    text = "".join(_lines(serving_of(request)))
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _lines(serving: Serving) -> Iterator[str]:
    counted, loaded = serving.counted, serving.shelf.loaded
    yield from _metric(
        "requests_total", "counter", "HTTP requests by route and status.",
        (({"route": path, "status": str(status)}, n) for (path, status), n in counted.requests.items()),
    )  # fmt: skip
    yield from _metric(
        "tokens_total", "counter", "Tokens written, by author.",
        (({"team": team, "author": author}, n) for (team, author), n in counted.tokens.items()),
    )  # fmt: skip
    for name, values in (
        ("prompt_tokens_total", counted.prompt_tokens),
        ("prompt_cached_tokens_total", counted.cached_tokens),
        ("prompt_seconds_total", counted.seconds_prefill),
        ("predicted_seconds_total", counted.seconds_decode),
    ):
        labelled = (({"team": team}, n) for team, n in values.items())
        yield from _metric(name, "counter", "Since the start.", labelled)
    pools = [(name, served.pool) for name, served in loaded.items()]
    for name, numbers in (
        ("requests_processing", [(team, pool.n_running) for team, pool in pools]),
        ("requests_deferred", [(team, pool.n_queued) for team, pool in pools]),
        ("contexts", [(team, len(pool.seats)) for team, pool in pools]),
    ):
        labelled = (({"team": team}, n) for team, n in numbers)
        yield from _metric(name, "gauge", "Now.", labelled)


def _metric(
    name: str, kind: str, text: str, values: Iterable[tuple[Mapping[str, str], float]]
) -> Iterator[str]:
    yield f"# HELP localcollab_{name} {text}\n# TYPE localcollab_{name} {kind}\n"
    for labels, value in values:
        inner = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"localcollab_{name}{{{inner}}} {value:g}\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
