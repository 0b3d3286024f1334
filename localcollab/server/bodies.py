"""What a client may send. Unknown options are refused by name; a list that many clients send without
meaning anything for a local model is ignored, with a warning header."""

import json
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from localcollab.server.errors import ApiError

IGNORED = frozenset({
    "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "prediction", "modalities", "verbosity", "reasoning_effort",
    "reasoning", "truncation", "include", "background", "timings_per_token", "id_slot",
})  # fmt: skip
"""Options about somebody's service, or about kinds of models that are not here."""
MOST_CHOICES, MOST_TOP, MOST_STOPS = 8, 20, 32
_DEEPEST = 200
"""Nested arrays and objects of a body; json's own limit is Python's stack."""

Body = TypeVar("Body", bound="Fields")


class Fields(BaseModel):
    """Of one body. An explicit null is as good as leaving it out."""

    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())

    def ignored(self) -> list[str]:
        """Names that were given and mean nothing here. Raises `ApiError` for unknown ones."""
        given = self.model_extra or {}
        unknown = sorted(name for name in given if name not in IGNORED and given[name] is not None)
        if unknown:
            known = ", ".join(sorted(type(self).model_fields))
            raise ApiError(
                400, f"unknown option `{unknown[0]}`: the options are {known}", param=unknown[0],
                code="unknown_parameter",
            )  # fmt: skip
        return sorted(name for name in given if name in IGNORED and given[name] is not None)


class StreamOptions(Fields):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Generating(Fields):
    """Options of everything that generates, by OpenAI's names and llama.cpp's."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repeat_penalty: float | None = None
    repetition_penalty: float | None = None
    repeat_last_n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    dry_multiplier: float | None = None
    dry_base: float | None = None
    dry_allowed_length: int | None = None
    dry_penalty_last_n: int | None = None
    xtc_probability: float | None = None
    xtc_threshold: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logit_bias: dict[str, float] | None = None
    grammar: str | None = None
    json_schema: dict[str, Any] | bool | None = None
    cache_prompt: bool | None = None
    return_progress: bool | None = None
    user: str | None = None
    keep_alive: int | float | str | None = None

    @field_validator("n")
    @classmethod
    def _check_n(cls, n: int | None) -> int | None:
        return _in_range("n", n, 1, MOST_CHOICES)

    @property
    def stops(self) -> tuple[str, ...]:
        given = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        if len(given) > MOST_STOPS:
            raise ApiError(
                400, f"`stop` holds {len(given)} strings: give at most {MOST_STOPS}", param="stop"
            )
        return given


class FunctionCall(Fields):
    name: str
    arguments: str | dict[str, Any] = "{}"


class ToolCall(Fields):
    id: str | None = None
    type: str | None = None
    index: int | None = None
    function: FunctionCall


class Part(Fields):
    type: str
    text: str | None = None

    def ignored(self) -> list[str]:
        """Whoever reads the parts refuses those that are not text, by their type."""
        return []


class ChatMessage(Fields):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    annotations: list[Any] | None = None


class Function(Fields):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Fields):
    type: Literal["function"]
    function: Function


class ChosenFunction(Fields):
    name: str


class ChosenTool(Fields):
    type: Literal["function"]
    function: ChosenFunction


class ResponseFormat(Fields):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None
    """OpenAI's: {"name": ..., "schema": ..., "strict": ...}."""
    plain: dict[str, Any] | bool | None = Field(None, alias="schema")
    """llama.cpp's, beside the type."""

    @property
    def wanted(self) -> dict[str, Any] | bool | None:
        """The schema, from wherever it was put."""
        return (self.json_schema or {}).get("schema", self.plain)


class ChatBody(Generating):
    messages: list[ChatMessage]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None

    @field_validator("top_logprobs")
    @classmethod
    def _check_top(cls, n: int | None) -> int | None:
        return _in_range("top_logprobs", n, 0, MOST_TOP)


class CompletionBody(Generating):
    prompt: str | list[str] | list[int] | list[list[int]]
    echo: bool | None = None
    logprobs: int | None = None
    best_of: int | None = None
    suffix: str | None = None

    @field_validator("logprobs")
    @classmethod
    def _check_logprobs(cls, n: int | None) -> int | None:
        return _in_range("logprobs", n, 0, MOST_TOP)


class TokenizeBody(Fields):
    model: str | None = None
    content: str
    add_special: bool | None = None
    parse_special: bool | None = None
    with_pieces: bool | None = None


class DetokenizeBody(Fields):
    model: str | None = None
    tokens: list[int]


def parse_value(kind: type[Body], value: object) -> Body:
    """Raises `ApiError` 400."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        _refuse(error)


def parse(kind: type[Body], data: bytes) -> tuple[Body, list[str]]:
    """The body, and the names that were ignored. Raises `ApiError` 400."""
    body = parse_value(kind, read_json(data))
    return body, sorted({name for part in _parts(body) for name in part.ignored()})


def read_json(data: bytes) -> dict[str, Any]:
    """Raises `ApiError` 400 for anything but one object of finite numbers."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
        _require_shallow(value)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the body is not JSON ({_one_line(error)})") from error
    if not isinstance(value, dict):
        raise ApiError(400, "the body is JSON, but not an object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _require_shallow(value: object) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f"nested more than {_DEEPEST} deep")
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]


def _parts(value: object) -> list[Fields]:
    """The body, and every record in it."""
    if isinstance(value, Fields):
        inner = [part for each in dict(value).values() for part in _parts(each)]
        return [value, *inner]
    if isinstance(value, list):
        return [part for each in value for part in _parts(each)]
    return []


def _in_range(name: str, n: int | None, low: int, high: int) -> int | None:
    if n is not None and not low <= n <= high:
        raise ValueError(f"give a number from {low} to {high}")
    return n


def _refuse(error: ValidationError) -> NoReturn:
    """Names the option, says what was wanted, and shows a short value."""
    first: Mapping[str, Any] = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"] if _is_name(part)) or "the body"
    wanted = _one_line(first["msg"]).removeprefix("Value error, ")
    given = "" if first["type"] == "missing" else f" is {_shown(first['input'])}"
    raise ApiError(400, f"`{path}`{given}: {wanted}", param=path) from error


def _is_name(part: object) -> bool:
    """Not the name of a type that a union tried."""
    return isinstance(part, int) or (
        str(part).isidentifier() and str(part) not in ("str", "int", "bool", "float")
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(said: object) -> str:
    return " ".join(str(said).split())[:200]
