"""The body of a request and an open team -> an `Ask`. Raises `ApiError` and what the library raises."""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from localcollab.chat.template import Message
from localcollab.chat.transcript import Transcript, without_reasoning
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.encoding import encode_start
from localcollab.errors import BadOption, ContextFull
from localcollab.server.bodies import ChatBody, ChatMessage, Generating, Part
from localcollab.server.errors import ApiError
from localcollab.server.writing import Ask
from localcollab.teams.defaults import chat_limits, chat_sampling
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import require_room
from localcollab.vocabulary import Vocabulary

_SAME_NAMES = (
    "temperature", "top_p", "top_k", "min_p", "typical_p", "presence_penalty", "frequency_penalty",
    "dry_multiplier", "dry_base", "dry_allowed_length", "xtc_probability", "xtc_threshold",
)  # fmt: skip
UNLIMITED = -1
_TEXT_PARTS = ("text", "input_text", "output_text")


def messages_of(given: Sequence[ChatMessage]) -> list[Message]:
    """Raises `ApiError` for content that is not text."""
    if not given:
        raise ApiError(400, "`messages` is empty: give at least one", param="messages")
    return [_message(n, message) for n, message in enumerate(given)]


def _message(n: int, given: ChatMessage) -> Message:
    content = _text(n, given.content)
    if given.role == "developer":
        return Message("system", content)
    if given.role != "assistant":
        fields = {"name": given.name, "tool_call_id": given.tool_call_id}
        return Message(given.role, content, {k: v for k, v in fields.items() if v is not None})
    calls = [
        {
            "id": call.id, "type": "function",
            "function": {
                "name": call.function.name, "arguments": _arguments(call.function.arguments)
            },
        }
        for call in given.tool_calls or ()
    ]  # fmt: skip
    return Message("assistant", without_reasoning(content), {"tool_calls": calls} if calls else {})


def _text(n: int, content: str | list[Part] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.type not in _TEXT_PARTS or part.text is None:
            raise ApiError(
                400, f"message {n + 1} holds a part of type {part.type!r}: these models read text only",
                param="messages", code="unsupported_content",
            )  # fmt: skip
    return "".join(part.text or "" for part in content)


def _arguments(given: str | Mapping[str, Any]) -> object:
    """As templates write them: an object, where the text is one."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return given


def chat_tokens(
    team: OpenTeam, messages: Sequence[Message], tools: Sequence[Mapping[str, object]] = ()
) -> tuple[int, ...]:
    """The prompt: the same ids as `localcollab run` reads. Raises what rendering and encoding raise."""
    for message in messages:
        require_room(team.model, message.content, "a message")
    system = team.settings.system
    if system and team.template is not None and messages[0].role != "system":
        messages = [Message("system", system), *messages]
    prompt = Transcript(team.template, team.model.vocabulary, tools).prompt(messages)
    for form in team.own_forms:
        form.give(prompt.tokens, messages, tools)
    return _fitting(team, prompt.tokens)


def text_tokens(team: OpenTeam, text: str) -> tuple[int, ...]:
    """A text to continue; names of special tokens in it are those tokens."""
    require_room(team.model, text, "the prompt")
    return _fitting(team, tuple(encode_start(team.model.vocabulary, text)))


def own_tokens(team: OpenTeam, tokens: Sequence[int]) -> tuple[int, ...]:
    """Ids as the client gives them. Raises `BadOption` for unknown ones."""
    require_known(team.model.vocabulary, tokens, "prompt")
    return _fitting(team, tuple(tokens))


def require_known(vocabulary: Vocabulary, tokens: Sequence[int], name: str) -> None:
    """Raises `BadOption` for an id that is no token's."""
    outside = [token for token in tokens if not 0 <= token < vocabulary.n_tokens]
    if outside:
        raise BadOption(
            f"`{name}` holds the token {outside[0]}, and the vocabulary has {vocabulary.n_tokens}: "
            "give the model's own ids"
        )


def _fitting(team: OpenTeam, tokens: tuple[int, ...]) -> tuple[int, ...]:
    if not tokens:
        raise BadOption("`prompt` is empty: give at least one character")
    if len(tokens) >= team.model.n_ctx:
        raise ContextFull(
            f"the prompt has {len(tokens)} tokens and leaves no room for an answer in the context of "
            f"{team.model.n_ctx}: shorten it, or serve the team with a larger `n_ctx`"
        )
    return tokens


def ask_of(
    team: OpenTeam,
    body: Generating,
    tokens: tuple[int, ...],
    *,
    max_tokens: int | None,
    n_top: int = 0,
) -> Ask:
    """`max_tokens` None: the team's own limit; -1: as many as the context holds. Raises `BadOption`."""
    if max_tokens == UNLIMITED:
        limits = Limits(None, body.stops)
    else:
        limits = chat_limits(team, max_tokens, body.stops)
    return Ask(
        tokens, chat_sampling(team, sampling_options(body)), limits, n_top,
        reuse=body.cache_prompt is not False,
    )  # fmt: skip


def sampling_options(body: Generating) -> dict[str, Any]:
    """By the names of `Sampling`; None where nothing was chosen. Raises `BadOption`."""
    given: dict[str, Any] = {name: getattr(body, name) for name in _SAME_NAMES}
    repeat = body.repeat_penalty if body.repeat_penalty is not None else body.repetition_penalty
    given |= {
        "repeat_penalty": repeat, "repeat_last": body.repeat_last_n,
        "dry_last": body.dry_penalty_last_n, "seed": _seed(body.seed),
        "logit_bias": _bias(body.logit_bias),
    }  # fmt: skip
    return given


def _seed(given: int | None) -> int:
    """Without one, every answer is drawn anew; the answer tells which it was."""
    return random.getrandbits(31) if given is None or given == -1 else given


def _bias(given: Mapping[str, float] | None) -> tuple[tuple[int, float], ...] | None:
    if not given:
        return None
    if not all(token.isascii() and token.isdigit() for token in given):
        raise BadOption("`logit_bias` has a key that is not a token id: give ids as strings")
    return tuple((int(token), value) for token, value in given.items())


def max_tokens_of(body: ChatBody) -> int | None:
    """Raises `ApiError` where both names are given and differ."""
    old, new = body.max_tokens, body.max_completion_tokens
    if old is not None and new is not None and old != new:
        raise ApiError(
            400, f"`max_tokens` is {old} and `max_completion_tokens` {new}: give one of them",
            param="max_tokens",
        )  # fmt: skip
    return new if new is not None else old
