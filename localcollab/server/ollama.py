"""Ollama's API, as far as its clients need it: /api/tags, ps, version, show, chat, generate, embed."""

import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab import __version__
from localcollab.events import Finished
from localcollab.server.answers import Heard, chat_logprobs, provenance, token_provenance
from localcollab.server.bodies import (
    ChatBody,
    ChatMessage,
    Fields,
    FunctionCall,
    ResponseFormat,
    Tool,
    ToolCall,
    parse_value,
)
from localcollab.server.chat import CLOSED, Chat, begin, whole
from localcollab.server.embeddings import embedded, embedder_of
from localcollab.server.errors import ApiError
from localcollab.server.serving import Serving, body_of, serving_of
from localcollab.server.streams import Chunks, json_line, unless_gone
from localcollab.server.tools import ToolText
from localcollab.server.writing import Written

_NS = 1_000_000_000
_OPTIONS = {
    "temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p",
    "typical_p": "typical_p", "seed": "seed", "stop": "stop", "num_predict": "max_tokens",
    "repeat_penalty": "repeat_penalty", "repeat_last_n": "repeat_last_n",
    "presence_penalty": "presence_penalty", "frequency_penalty": "frequency_penalty",
}  # fmt: skip
"""Ollama's name -> ours."""
_OF_THE_SERVER = frozenset({
    "num_ctx", "num_thread", "num_gpu", "num_batch", "num_keep", "main_gpu", "low_vram", "f16_kv",
    "use_mmap", "use_mlock", "numa", "vocab_only", "mirostat", "mirostat_tau", "mirostat_eta",
    "penalize_newline", "tfs_z", "draft_num_predict", "logits_all", "embedding_only",
})  # fmt: skip
"""Said when the server is started, or unknown here: ignored with the warning header."""


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|ns|h|m|s)")
_DURATIONS = re.compile(rf"[+-]?(?:{_DURATION.pattern})+")


class OllamaCall(Fields):
    name: str
    arguments: dict[str, Any] | None = None
    index: int | None = None


class OllamaToolCall(Fields):
    id: str | None = None
    index: int | None = None
    function: OllamaCall


class OllamaMessage(Fields):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[OllamaToolCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class OllamaBody(Fields):
    model: str
    stream: bool | None = None
    format: str | dict[str, Any] | None = None
    options: dict[str, Any] | None = None
    keep_alive: int | float | str | None = None
    think: bool | str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None

    def chat(self, messages: list[ChatMessage], tools: list[Tool] | None = None) -> ChatBody:
        """Raises `ApiError` for an option that is unknown."""
        given = {key: value for key, value in (self.options or {}).items() if value is not None}
        unknown = sorted(given.keys() - _OPTIONS.keys() - _OF_THE_SERVER)
        if unknown:
            raise ApiError(400, f"unknown option {unknown[0]!r}", param=unknown[0])
        options = {_OPTIONS[key]: value for key, value in given.items() if key in _OPTIONS}
        if options.get("max_tokens", 1) < 0:
            options["max_tokens"] = -1
        options |= {"logprobs": self.logprobs, "top_logprobs": self.top_logprobs}
        body = parse_value(ChatBody, {"model": self.model, "messages": [], **options})
        form = _form(self.format)
        return body.model_copy(
            update={"messages": messages, "tools": tools, "response_format": form}
        )


class OllamaChatBody(OllamaBody):
    messages: list[OllamaMessage]
    tools: list[Tool] | None = None
    system: str | None = None
    """As Open WebUI gives it, beside the messages."""


class GenerateBody(OllamaBody):
    prompt: str | None = None
    system: str | None = None
    images: list[str] | None = None
    raw: bool | None = None


class EmbedBody(Fields):
    model: str
    input: str | list[str] | None = None
    prompt: str | None = None
    truncate: bool | None = None
    options: dict[str, Any] | None = None
    keep_alive: int | float | str | None = None


class ShowBody(Fields):
    model: str | None = None
    name: str | None = None
    verbose: bool | None = None


def _form(given: str | dict[str, Any] | None) -> ResponseFormat | None:
    if given is None or given == "":
        return None
    if given == "json":
        return parse_value(ResponseFormat, {"type": "json_object"})
    return parse_value(ResponseFormat, {"type": "json_schema", "json_schema": {"schema": given}})


def _message(given: OllamaMessage) -> ChatMessage:
    if given.images:
        raise ApiError(400, "these models read text only: leave `images` out", param="images")
    calls = [
        ToolCall(
            function=FunctionCall(name=each.function.name, arguments=each.function.arguments or {})
        )
        for each in given.tool_calls or ()
    ]
    return ChatMessage(role=given.role, content=given.content, tool_calls=calls or None)


async def version(request: Request) -> Response:
    return JSONResponse({"version": __version__})


async def tags(request: Request) -> Response:
    serving = serving_of(request)
    names = list(serving.shelf.offers)
    if serving.aids.embedder is not None:
        names.append(serving.aids.embedder.name)
    return JSONResponse({"models": [_model(serving, name) for name in names]})


async def ps(request: Request) -> Response:
    serving = serving_of(request)
    return JSONResponse({"models": [_model(serving, name) for name in serving.shelf.loaded]})


def _model(serving: Serving, name: str) -> dict[str, object]:
    served = serving.shelf.loaded.get(name)
    verdicts = served.team.verdicts if served is not None and served.blend is None else {}
    size = sum(verdict.size_bytes for verdict in verdicts.values())
    return {
        "name": f"{name}:latest", "model": f"{name}:latest", "modified_at": _now(), "size": size,
        "digest": "", "details": _details(serving, name),
    }  # fmt: skip


def _details(serving: Serving, name: str) -> dict[str, object]:
    offer = serving.shelf.offers.get(name)
    family = str(offer.about.get("method", "")) if offer else "encoder"
    return {
        "parent_model": "", "format": "gguf", "family": family, "families": [family],
        "parameter_size": "", "quantization_level": "",
    }  # fmt: skip


async def show(request: Request) -> Response:
    body, headers = await body_of(request, ShowBody)
    serving = serving_of(request)
    async with serving.shelf.lease(body.model or body.name) as served:
        template = served.team.template
        capabilities = ["completion"] + (["tools"] if template is not None else [])
        said = {
            "modelfile": "", "parameters": "", "template": template.source if template else "",
            "details": _details(serving, served.name), "capabilities": capabilities,
            "model_info": {
                "general.architecture": "localcollab",
                "localcollab.context_length": served.team.model.n_ctx,
                "localcollab.embedding_length": served.team.model.n_embd,
            },
        }  # fmt: skip
    return JSONResponse(said, headers=headers)


async def chat(request: Request) -> Response:
    body, headers = await body_of(request, OllamaChatBody)
    if not body.messages:
        return await _only_load(request, body, {"message": {"role": "assistant", "content": ""}})
    system = [ChatMessage(role="system", content=body.system)] if body.system else []
    asked = body.chat([*system, *(_message(each) for each in body.messages)], body.tools)
    return await _answered(request, body, asked, headers, _in_message)


async def generate(request: Request) -> Response:
    body, headers = await body_of(request, GenerateBody)
    if body.images:
        raise ApiError(400, "these models read text only: leave `images` out", param="images")
    if body.raw:
        raise ApiError(400, "`raw` is not supported: use /v1/completions", param="raw")
    if not body.prompt:
        return await _only_load(request, body, {"response": ""})
    messages = [ChatMessage(role="system", content=body.system)] if body.system else []
    messages.append(ChatMessage(role="user", content=body.prompt))
    return await _answered(request, body, body.chat(messages), headers, _in_response)


_Put = Callable[[str, list[dict[str, object]]], dict[str, object]]


def _in_message(text: str, calls: list[dict[str, object]]) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": text}
    return {"message": message | ({"tool_calls": calls} if calls else {})}


def _in_response(text: str, calls: list[dict[str, object]]) -> dict[str, object]:
    return {"response": text}


async def _only_load(request: Request, body: OllamaBody, empty: Mapping[str, object]) -> Response:
    """Without a prompt a model is loaded, or with a `keep_alive` of 0 unloaded as soon as it is idle."""
    shelf, seconds = serving_of(request).shelf, None
    name = shelf.name_of(body.model)
    if body.keep_alive is not None:
        seconds = seconds_of(body.keep_alive)
    is_over = body.keep_alive is not None and seconds == 0
    if not is_over or name in shelf.loaded:
        async with shelf.lease(name) as served:
            served.keep_alive = served.keep_alive if body.keep_alive is None else seconds
    ended = {"done": True, "done_reason": "unload" if is_over else "load"}
    return JSONResponse(_begin(name) | dict(empty) | ended)


async def _answered(
    request: Request, body: OllamaBody, asked: ChatBody, headers: dict[str, str], put: _Put
) -> Response:
    ignored = sorted((body.options or {}).keys() & _OF_THE_SERVER)
    if ignored:
        headers = {"warning": f'299 localcollab "ignored: {", ".join(ignored)}"'}
    started = time.monotonic()
    found, stack = await begin(request, asked)
    if body.keep_alive is not None:
        found.served.keep_alive = seconds_of(body.keep_alive)
    if body.stream is not False:
        return Chunks(
            _stream(found, put, started), stack, media_type="application/x-ndjson", comments=False,
            headers=headers,
        )  # fmt: skip
    async with stack:
        answers = await unless_gone(request.receive, whole(found))
    if answers is None:
        return CLOSED
    text, calls = answers[0].text, list[dict[str, object]]()
    if found.tools is not None:
        text, made = found.tools.parse(text)
        calls = [_call(each.record()) for each in made]
    said = _begin(found.served.name) | put(text, calls) | _end(answers[0], started)
    return JSONResponse(said | _logprobs(found, answers[0].kept()), headers=headers)


def seconds_of(given: int | float | str) -> float | None:
    """Ollama's durations: "5m", "1h30m", "500ms", seconds; below 0: for ever. Raises `ApiError`."""
    text = str(given).strip()
    parts = _DURATION.findall(text) if _DURATIONS.fullmatch(text) else []
    try:
        seconds = (
            sum(float(value) * _UNITS[unit] for value, unit in parts) if parts else float(text)
        )
    except ValueError as error:
        raise ApiError(
            400, f"`keep_alive` is {given!r}: give one as 5m", param="keep_alive"
        ) from error
    return None if text.startswith("-") and seconds else seconds


async def _stream(chat: Chat, put: _Put, started: float) -> AsyncGenerator[bytes, None]:
    heard, text = Heard(chat.ask), ToolText(chat.tools)
    vocabulary = chat.vocabulary
    waiting: list[Written] = []
    try:
        async with aclosing(chat.answer(heard.ask)) as events:
            async for each in events:
                heard.add(each)
                if isinstance(each, Written):
                    waiting.append(each)
                    if shown := text.add(each.token.text):
                        tokens = [token_provenance(one, vocabulary) for one in waiting]
                        said = _begin(chat.served.name) | put(shown, []) | {"done": False}
                        said |= _logprobs(chat, waiting)
                        waiting = []
                        yield json_line(said | {"localcollab": {"tokens": tokens}})
                elif isinstance(each, Finished):
                    rest, calls = text.end()
                    made = [_call(call.record()) for call in calls]
                    if rest or made:
                        yield json_line(
                            _begin(chat.served.name) | put(rest, made) | {"done": False}
                        )
                    yield json_line(_begin(chat.served.name) | put("", []) | _end(heard, started))
    except ApiError as error:
        yield json_line({"error": error.message})


def _logprobs(chat: Chat, written: Sequence[Written]) -> dict[str, object]:
    if not chat.body.logprobs or chat.vocabulary is None:
        return {}
    return {"logprobs": chat_logprobs(written, chat.vocabulary)["content"]}


def _call(record: Mapping[str, Any]) -> dict[str, object]:
    """With its arguments as an object."""
    function = record["function"]
    return {"function": {"name": function["name"], "arguments": json.loads(function["arguments"])}}


def _begin(model: str) -> dict[str, object]:
    return {"model": model, "created_at": _now()}


def _end(heard: Heard, started: float) -> dict[str, object]:
    end = heard.end
    return {
        "done": True,
        "done_reason": heard.finish_reason,
        "total_duration": int((time.monotonic() - started) * _NS),
        "load_duration": 0,
        "prompt_eval_count": end.n_prompt,
        "prompt_eval_duration": int(end.seconds_prefill * _NS),
        "eval_count": heard.n_written,
        "eval_duration": int(end.seconds_decode * _NS),
        "localcollab": provenance(heard),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


async def embed(request: Request) -> Response:
    """/api/embed, and the older /api/embeddings with one `prompt`."""
    body, headers = await body_of(request, EmbedBody)
    serving = serving_of(request)
    embedder = embedder_of(serving, body.model)
    is_old = body.prompt is not None
    given = body.prompt if body.prompt is not None else body.input
    texts = [given] if isinstance(given, str) else list(given or ())
    started = time.monotonic()
    vectors, n_tokens = await embedded(serving, embedder, texts, "prompt" if is_old else "input")
    lists = [[float(value) for value in vector] for vector in vectors]
    if is_old:
        return JSONResponse({"embedding": lists[0]}, headers=headers)
    said = {
        "model": embedder.name, "embeddings": lists, "prompt_eval_count": n_tokens,
        "total_duration": int((time.monotonic() - started) * _NS), "load_duration": 0,
    }  # fmt: skip
    return JSONResponse(said, headers=headers)
