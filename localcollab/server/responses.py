"""POST /v1/responses: the same answers in OpenAI's newer form, for texts."""

import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab.events import Finished
from localcollab.server.answers import Heard, provenance, token_provenance, usage
from localcollab.server.bodies import (
    ChatBody,
    ChatMessage,
    Fields,
    Part,
    ResponseFormat,
    parse_value,
)
from localcollab.server.chat import CLOSED, Chat, begin, whole
from localcollab.server.errors import ApiError
from localcollab.server.serving import body_of
from localcollab.server.streams import Chunks, event, unless_gone
from localcollab.server.writing import Written


class InputItem(Fields):
    type: str | None = None
    role: str | None = None
    content: str | list[Part] | None = None
    id: str | None = None
    status: str | None = None


class TextOptions(Fields):
    format: dict[str, Any] | None = None
    verbosity: str | None = None


class ResponsesBody(Fields):
    model: str | None = None
    input: str | list[InputItem]
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stream: bool | None = None
    text: TextOptions | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    user: str | None = None

    def as_chat(self) -> ChatBody:
        """Raises `ApiError` for what the server does not keep or do."""
        if self.previous_response_id is not None:
            raise ApiError(
                400, "`previous_response_id` is not supported, since nothing is stored: send the "
                "conversation in `input`", param="previous_response_id",
            )  # fmt: skip
        if self.tools:
            raise ApiError(400, "`tools` are supported by /v1/chat/completions only", param="tools")
        messages = (
            [ChatMessage(role="developer", content=self.instructions)] if self.instructions else []
        )
        if isinstance(self.input, str):
            messages.append(ChatMessage(role="user", content=self.input))
        else:
            messages += [_message(item) for item in self.input]
        chat = ChatBody(
            model=self.model, messages=messages, max_tokens=self.max_output_tokens,
            temperature=self.temperature, top_p=self.top_p, seed=self.seed, user=self.user,
        )  # fmt: skip
        form = self.text.format if self.text else None
        return chat if form is None else chat.model_copy(update={"response_format": _form(form)})


def _message(item: InputItem) -> ChatMessage:
    if item.type not in (None, "message"):
        raise ApiError(
            400, f"`input` holds an item of type {item.type!r}: texts only", param="input"
        )
    return parse_value(ChatMessage, {"role": item.role, "content": item.content})


def _form(given: dict[str, Any]) -> ResponseFormat:
    """As chat completions have it: the schema within an object of its own."""
    if given.get("type") != "json_schema":
        return parse_value(ResponseFormat, given)
    inner = {key: value for key, value in given.items() if key != "type"}
    return parse_value(ResponseFormat, {"type": "json_schema", "json_schema": inner})


async def responses(request: Request) -> Response:
    body, headers = await body_of(request, ResponsesBody)
    chat, stack = await begin(request, body.as_chat())
    said = _Said(chat, body)
    if body.stream:
        return Chunks(_stream(said), stack, headers=headers)
    async with stack:
        answers = await unless_gone(request.receive, whole(chat))
    return CLOSED if answers is None else JSONResponse(said.response(answers[0]), headers=headers)


class _Said:
    """The records of one response."""

    def __init__(self, chat: Chat, body: ResponsesBody) -> None:
        self.chat, self._body = chat, body
        self._id, self._item = f"resp_{uuid.uuid4().hex}", f"msg_{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._n = -1

    def response(self, heard: Heard | None = None) -> dict[str, object]:
        """Before the answer, and after it."""
        body, reason = self._body, heard.finish_reason if heard else None
        said: dict[str, object] = {
            "id": self._id, "object": "response", "created_at": self._created,
            "status": "in_progress" if heard is None else
            "incomplete" if reason == "length" else "completed",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if reason == "length" else None,
            "instructions": body.instructions, "max_output_tokens": body.max_output_tokens,
            "model": self.chat.served.name, "output": [] if heard is None else [self.item(heard)],
            "parallel_tool_calls": True, "previous_response_id": None, "store": False,
            "temperature": self.chat.ask.sampling.temperature, "text": {"format": {"type": "text"}},
            "tool_choice": "auto", "tools": [], "top_p": self.chat.ask.sampling.top_p,
            "truncation": "disabled", "usage": None, "metadata": {},
        }  # fmt: skip
        if heard is not None:
            said |= {"usage": _usage(heard), "localcollab": provenance(heard)}
        return said

    def item(self, heard: Heard | None = None) -> dict[str, object]:
        content = [] if heard is None else [self.part(heard.text)]
        status = "in_progress" if heard is None else (
            "incomplete" if heard.finish_reason == "length" else "completed"
        )  # fmt: skip
        return {
            "type": "message", "id": self._item, "status": status, "role": "assistant",
            "content": content,
        }  # fmt: skip

    def part(self, text: str) -> dict[str, object]:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def event(self, kind: str, **fields: object) -> bytes:
        self._n += 1
        return event({"type": kind, "sequence_number": self._n, **fields}, kind)

    def at(self) -> dict[str, object]:
        return {"item_id": self._item, "output_index": 0, "content_index": 0}


def _usage(heard: Heard) -> dict[str, object]:
    old: dict[str, Any] = usage([heard])
    return {
        "input_tokens": old["prompt_tokens"],
        "input_tokens_details": old["prompt_tokens_details"],
        "output_tokens": old["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": old["total_tokens"],
    }


async def _stream(said: _Said) -> AsyncGenerator[bytes, None]:
    yield said.event("response.created", response=said.response())
    yield said.event("response.in_progress", response=said.response())
    yield said.event("response.output_item.added", output_index=0, item=said.item())
    yield said.event("response.content_part.added", **said.at(), part=said.part(""))
    chat, heard = said.chat, Heard(said.chat.ask)
    try:
        async with aclosing(chat.answer(heard.ask)) as events:
            async for each in events:
                heard.add(each)
                if isinstance(each, Written) and each.token.text:
                    yield _delta(said, each)
                elif isinstance(each, Finished):
                    for chunk in _last(said, heard):
                        yield chunk
    except ApiError as error:
        failed = said.response() | {
            "status": "failed", "error": {"code": "server_error", "message": error.message}
        }  # fmt: skip
        yield said.event("response.failed", response=failed)


def _delta(said: _Said, each: Written) -> bytes:
    tokens = [token_provenance(each, said.chat.vocabulary)]
    return said.event(
        "response.output_text.delta", **said.at(), delta=each.token.text, logprobs=[],
        localcollab={"tokens": tokens},
    )  # fmt: skip


def _last(said: _Said, heard: Heard) -> list[bytes]:
    kind = "response.incomplete" if heard.finish_reason == "length" else "response.completed"
    return [
        said.event("response.output_text.done", **said.at(), text=heard.text, logprobs=[]),
        said.event("response.content_part.done", **said.at(), part=said.part(heard.text)),
        said.event("response.output_item.done", output_index=0, item=said.item(heard)),
        said.event(kind, response=said.response(heard)),
    ]
