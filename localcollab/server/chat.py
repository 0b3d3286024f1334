"""POST /v1/chat/completions."""

import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab.api.sources import BlendSource
from localcollab.chat.template import Message
from localcollab.events import Finished, Progress
from localcollab.history import Provenance, provenance_of
from localcollab.server.answers import (
    Heard,
    chat_logprobs,
    provenance,
    timings,
    token_provenance,
    usage,
)
from localcollab.server.asking import ask_of, chat_tokens, max_tokens_of, messages_of
from localcollab.server.blends import BlendAsk, blend_ask, blend_provenance, question_of
from localcollab.server.bodies import ChatBody
from localcollab.server.constraints import constrained
from localcollab.server.errors import ApiError
from localcollab.server.journal import Keeping
from localcollab.server.serving import Serving, body_of, client_of, serving_of
from localcollab.server.shelf import Served
from localcollab.server.streams import DONE, Chunks, event, unless_gone
from localcollab.server.tools import Tools, ToolText, tools_of
from localcollab.server.writing import Ask, AskEvent, Started, Written
from localcollab.vocabulary import Vocabulary

CLOSED = Response(status_code=499)
"""Nobody reads it: the client is gone."""


@dataclass(frozen=True, slots=True)
class Chat:
    """One request, ready to be answered."""

    serving: Serving
    served: Served
    body: ChatBody
    ask: Ask | BlendAsk
    client: str
    tools: Tools | None = None
    keeping: Keeping | None = None
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def n(self) -> int:
        return self.body.n or 1

    @property
    def vocabulary(self) -> Vocabulary | None:
        """None: a blend's, which it has not."""
        return None if self.served.blend else self.served.team.model.vocabulary

    def answer(self, ask: Ask | BlendAsk) -> AsyncGenerator[AskEvent, None]:
        """One of its answers. Raises `ApiError`."""
        return self.serving.answer(self.served, self.client, ask, self.keeping)

    def named(self, kind: str) -> dict[str, object]:
        """What every record of the answer begins with."""
        return {
            "id": self.id, "object": kind, "created": self.created, "model": self.served.name,
            "system_fingerprint": fingerprint(self.served),
        }  # fmt: skip


def fingerprint(served: Served) -> str:
    if served.blend is not None:
        return f"localcollab-{served.name}"
    return f"localcollab-{served.team.model.vocabulary.fingerprint[:12]}"


async def chat_completions(request: Request) -> Response:
    body, headers = await body_of(request, ChatBody)
    chat, stack = await begin(request, body)
    if body.stream:
        return Chunks(stream(chat), stack, headers=headers)
    async with stack:
        answers = await unless_gone(request.receive, whole(chat))
    return CLOSED if answers is None else JSONResponse(record(chat, answers), headers=headers)


async def begin(request: Request, body: ChatBody) -> tuple[Chat, AsyncExitStack]:
    """A chat with its team leased; close the stack behind it. Raises `ApiError` and what the library
    raises."""
    serving, stack = serving_of(request), AsyncExitStack()
    try:
        served = await stack.enter_async_context(serving.shelf.lease(body.model))
        stack.enter_context(served.pool.place())
        chat = await prepare(serving, served, body, client_of(request, body.user))
    except BaseException:
        await stack.aclose()
        raise
    return chat, stack


async def prepare(serving: Serving, served: Served, body: ChatBody, client: str) -> Chat:
    """Raises `ApiError`, and what rendering and encoding raise."""
    if served.blend is not None:
        return _prepare_blend(serving, served, served.blend, body, client)
    if body.top_logprobs and not body.logprobs:
        raise ApiError(400, "`top_logprobs` needs `logprobs`", param="top_logprobs")

    def work() -> tuple[Ask, Tools | None, Keeping | None]:
        team = served.team
        messages = messages_of(body.messages)
        keeping = _keeping(serving, messages, lambda seed: provenance_of(team, seed=seed))
        tools = tools_of(team, body)
        if tools is not None:
            messages = tools.told(messages)
        tokens = chat_tokens(team, messages, tools.given if tools else ())
        n_top = (body.top_logprobs or 0) if body.logprobs else 0
        ask = ask_of(team, body, tokens, max_tokens=max_tokens_of(body), n_top=n_top)
        question = question_of(messages)
        ask = constrained(team, ask, body, serving.open_grammar, tools, question=question)
        return ask, tools, keeping

    ask, tools, keeping = await serving.in_executor(work)
    return Chat(serving, served, body, ask, client, tools, keeping)


def _prepare_blend(
    serving: Serving, served: Served, source: BlendSource, body: ChatBody, client: str
) -> Chat:
    ask = blend_ask(body)
    keeping = _keeping(
        serving,
        messages_of(body.messages),
        lambda seed: blend_provenance(served.name, source, seed),
    )
    return Chat(serving, served, body, ask, client, None, keeping)


def _keeping(
    serving: Serving, messages: Sequence[Message], provenance: Callable[[int], Provenance]
) -> Keeping | None:
    journal = serving.journal
    return None if journal is None else journal.begin(messages, provenance)


async def whole(chat: Chat) -> list[Heard]:
    """All choices, one after the other: they share the prompt's cache."""
    answers = []
    for n in range(chat.n):
        heard = Heard(chat.ask.with_seed(n))
        events = chat.answer(heard.ask)
        async with aclosing(events):
            async for each in events:
                heard.add(each)
        answers.append(heard)
    return answers


def record(chat: Chat, answers: Sequence[Heard]) -> dict[str, object]:
    """The body of a response that is not streamed."""
    said = chat.named("chat.completion") | {
        "choices": [_choice(chat, n, answer) for n, answer in enumerate(answers)],
        "usage": usage(answers),
        "timings": timings(answers[-1]),
    }
    if len(answers) == 1:
        said["localcollab"] = _provenance(chat, answers[0])
    return said


def _choice(chat: Chat, n: int, answer: Heard) -> dict[str, object]:
    message, reason = _message(chat, answer)
    said: dict[str, object] = {
        "index": n, "message": message, "finish_reason": reason, "logprobs": None
    }  # fmt: skip
    if chat.body.logprobs and chat.vocabulary is not None:
        vocabulary = chat.vocabulary
        said["logprobs"] = chat_logprobs(answer.kept(), vocabulary)
    if chat.n > 1:
        said["localcollab"] = _provenance(chat, answer)
    return said


def _message(chat: Chat, answer: Heard) -> tuple[dict[str, object], str]:
    """The message, and why it ended."""
    message: dict[str, object] = {"role": "assistant", "content": answer.text, "refusal": None}
    if chat.tools is None:
        return message, answer.finish_reason
    content, calls = chat.tools.parse(answer.text)
    if not calls:
        return message, answer.finish_reason
    message |= {"content": content or None, "tool_calls": [call.record() for call in calls]}
    return message, "tool_calls" if answer.finish_reason == "stop" else answer.finish_reason


def _provenance(chat: Chat, answer: Heard) -> dict[str, object]:
    tokens = [token_provenance(each, chat.vocabulary) for each in answer.kept()]
    return {**provenance(answer), "tokens": tokens}


async def stream(chat: Chat) -> AsyncGenerator[bytes, None]:
    """The events of a streamed response. An error after its start is an event of its own."""
    answers: list[Heard] = []
    try:
        for n in range(chat.n):
            answers.append(Heard(chat.ask.with_seed(n)))
            choice = _stream_choice(chat, n, answers[-1])
            async with aclosing(choice):
                async for chunk in choice:
                    yield chunk
        if chat.body.stream_options and chat.body.stream_options.include_usage:
            yield _chunk(chat, [], {"usage": usage(answers), "timings": timings(answers[-1])})
    except ApiError as error:
        yield event(error.record())
    yield DONE


async def _stream_choice(chat: Chat, n: int, heard: Heard) -> AsyncGenerator[bytes, None]:
    first: Mapping[str, object] = {"role": "assistant", "content": ""}
    yield _chunk(chat, [_delta(n, first)])
    text = ToolText(chat.tools)
    started = time.monotonic()
    waiting: list[Written] = []
    events = chat.answer(heard.ask)
    async with aclosing(events):
        async for each in events:
            heard.add(each)
            match each:
                case Progress(done=0):
                    pass  # `Started` has told it
                case Progress() | Started() if chat.body.return_progress:
                    yield _chunk(chat, [_delta(n, {})], _progress(heard, each, started))
                case Written():
                    waiting.append(each)
                    shown = text.add(each.token.text)
                    if shown:
                        yield _written(chat, n, shown, waiting)
                        waiting = []
                case Finished():
                    for chunk in _last(chat, n, heard, text, waiting):
                        yield chunk


def _last(chat: Chat, n: int, heard: Heard, text: ToolText, waiting: list[Written]) -> list[bytes]:
    rest, calls = text.end()
    chunks = [_written(chat, n, rest, waiting)] if rest or (waiting and not calls) else []
    for index, call in enumerate(calls):
        chunks.append(
            _chunk(chat, [_delta(n, {"tool_calls": [{"index": index, **call.record()}]})])
        )
    reason = "tool_calls" if calls and heard.finish_reason == "stop" else heard.finish_reason
    choice = _delta(n, {}) | {"finish_reason": reason}
    end = {"localcollab": provenance(heard), "timings": timings(heard)}
    return [*chunks, _chunk(chat, [choice], end)]


def _written(chat: Chat, n: int, text: str, written: Sequence[Written]) -> bytes:
    vocabulary = chat.vocabulary
    choice = _delta(n, {"content": text})
    if chat.body.logprobs and vocabulary is not None:
        choice["logprobs"] = chat_logprobs(written, vocabulary)
    tokens = [token_provenance(each, vocabulary) for each in written]
    return _chunk(chat, [choice], {"localcollab": {"tokens": tokens}})


def _delta(n: int, delta: Mapping[str, object]) -> dict[str, object]:
    return {"index": n, "delta": dict(delta), "logprobs": None, "finish_reason": None}


def _chunk(
    chat: Chat, choices: Sequence[Mapping[str, Any]], more: Mapping[str, object] | None = None
) -> bytes:
    return event(chat.named("chat.completion.chunk") | {"choices": list(choices), **(more or {})})


def _progress(heard: Heard, at: Started | Progress, started: float) -> dict[str, object]:
    """As llama.cpp's server tells of a long prompt."""
    done = heard.n_cached if isinstance(at, Started) else at.done
    return {
        "prompt_progress": {
            "total": len(heard.ask.tokens),
            "cache": heard.n_cached,
            "processed": max(done, heard.n_cached),
            "time_ms": round(1000 * (time.monotonic() - started)),
        }
    }
