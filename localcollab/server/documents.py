"""POST /v1/documents/search and /v1/documents/ask, for collections that were named at the start."""

import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab.documents.answer.answer import N_PASSAGES, Library, ask
from localcollab.documents.answer.events import AnswerEvent, Checked, Sources
from localcollab.documents.collection import Collection
from localcollab.errors import LocalcollabError
from localcollab.events import Finished, Token, Unfamiliar
from localcollab.server.bodies import Generating
from localcollab.server.chat import CLOSED
from localcollab.server.errors import ApiError, api_error
from localcollab.server.seats import Seat
from localcollab.server.serving import Serving, body_of, client_of, serving_of
from localcollab.server.shelf import Served
from localcollab.server.streams import DONE, Chunks, event, unless_gone
from localcollab.server.writing import in_thread
from localcollab.teams.defaults import chat_limits, chat_sampling
from localcollab.teams.session import Session

_MOST_PASSAGES = 50


class SearchBody(Generating):
    collection: str | None = None
    query: str
    top_k: int | None = None


class AskBody(Generating):
    collection: str | None = None
    question: str
    strict: bool | None = None
    n_passages: int | None = None


async def list_collections(request: Request) -> Response:
    names = serving_of(request).aids.collections
    return JSONResponse({"object": "list", "data": [{"id": name} for name in names]})


async def search(request: Request) -> Response:
    body, headers = await body_of(request, SearchBody)
    serving = serving_of(request)
    name, collection = _collection(serving, body.collection)
    n = _in_range("top_k", body.top_k, 8)
    hits = await serving.in_executor(lambda: collection.search(body.query, n))
    data = [
        {
            "score": hit.score, "path": _shown(hit.passage.document.path), "page": hit.passage.page,
            "heading": hit.passage.heading, "start": hit.passage.start, "end": hit.passage.end,
            "text": hit.passage.text,
        }
        for hit in hits
    ]  # fmt: skip
    return JSONResponse({"object": "list", "collection": name, "data": data}, headers=headers)


def _collection(serving: Serving, asked: str | None) -> tuple[str, Collection]:
    """Raises `ApiError` 404."""
    known = serving.aids.collections
    name = asked or next(iter(known), "")
    if name not in known:
        there = ", ".join(known) or "none: start the server with --docs NAME"
        raise ApiError(
            404, f"no collection is served as {name!r}: there are {there}", param="collection"
        )
    return name, known[name]


def _in_range(name: str, given: int | None, default: int) -> int:
    n = default if given is None else given
    if not 1 <= n <= _MOST_PASSAGES:
        raise ApiError(400, f"`{name}` is {n}: give 1 to {_MOST_PASSAGES}", param=name)
    return n


def _shown(path: object) -> str:
    """A file's name may hold bytes that are not UTF-8."""
    return str(path).encode("utf-8", "replace").decode()


async def ask_documents(request: Request) -> Response:
    body, headers = await body_of(request, AskBody)
    serving, stack = serving_of(request), AsyncExitStack()
    try:
        served = await stack.enter_async_context(serving.shelf.lease(body.model))
        stack.enter_context(served.pool.place())
        name, collection = _collection(serving, body.collection)
        n = _in_range("n_passages", body.n_passages, N_PASSAGES)
        library = Library(collection, name, None, bool(body.strict), n)
        _check(served, body)
    except BaseException:
        await stack.aclose()
        raise
    events = _answer(serving, served, body, library, client_of(request, body.user))
    if body.stream:
        return Chunks(_stream(events), stack, headers=headers)
    async with stack:
        said = await unless_gone(request.receive, _whole(events))
    return CLOSED if said is None else JSONResponse(said, headers=headers)


def _check(served: Served, body: AskBody) -> None:
    """Raises `ApiError`, `BadOption` before anything is sent."""
    if not body.question.strip():
        raise ApiError(400, "`question` is empty: give one", param="question")
    chat_sampling(served.team, _given(body), from_documents=True)
    chat_limits(served.team, body.max_tokens, body.stops)


async def _answer(
    serving: Serving, served: Served, body: AskBody, library: Library, client: str
) -> AsyncGenerator[AnswerEvent, None]:
    seat = await served.pool.take(client, ())
    assert isinstance(seat, Seat), "a blend was refused"
    events = in_thread(
        lambda stop: _events(seat, served, body, library, stop),
        serving.executor, lambda: served.pool.give_back(seat),
    )  # fmt: skip
    try:
        async with aclosing(events):
            async for each in events:
                yield each
    except LocalcollabError as error:
        raise api_error(error) from error


def _events(
    seat: Seat, served: Served, body: AskBody, library: Library, stop: threading.Event
) -> Iterator[AnswerEvent]:
    sampling = chat_sampling(served.team, _given(body), from_documents=True)
    limits = chat_limits(served.team, body.max_tokens, body.stops)
    seat.begin((), reuse=False)
    session = Session(seat.team, system=seat.team.settings.system)
    # Its reads come in no turn: an expert that quotes is built from the members themselves.
    yield from ask(session, library, body.question, sampling, limits, stop_event=stop)


def _given(body: AskBody) -> dict[str, object]:
    return {
        name: getattr(body, name) for name in ("temperature", "top_p", "min_p", "top_k", "seed")
    }


async def _whole(events: AsyncGenerator[AnswerEvent, None]) -> dict[str, object]:
    said: dict[str, object] = {"object": "documents.answer", "unfamiliar": []}
    unfamiliar: list[dict[str, object]] = []
    async with aclosing(events):
        async for each in events:
            match each:
                case Sources():
                    said["sources"] = _record(each)["passages"]
                case Checked():
                    said |= _record(each)
                case Unfamiliar():
                    unfamiliar.append(asdict(each))
                case Finished():
                    said |= {
                        "answer": each.text, "authors": dict(each.authors),
                        "finish_reason": each.reason,
                    }  # fmt: skip
    return said | {"unfamiliar": unfamiliar}


async def _stream(events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(events):
            async for each in events:
                if isinstance(each, Token | Sources | Checked | Unfamiliar | Finished):
                    yield event(_record(each), type(each).__name__.lower())
    except ApiError as error:
        yield event(error.record(), "error")
    yield DONE


def _record(each: AnswerEvent) -> dict[str, object]:
    record = asdict(each)
    if isinstance(each, Sources):
        for passage in record["passages"]:
            passage["path"] = _shown(passage["path"])
    return record
