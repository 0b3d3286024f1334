"""POST /v1/completions: texts or token ids, continued as they are."""

import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab.events import Finished
from localcollab.server.answers import (
    Heard,
    completion_logprobs,
    provenance,
    timings,
    token_provenance,
    usage,
)
from localcollab.server.asking import ask_of, own_tokens, text_tokens
from localcollab.server.bodies import CompletionBody
from localcollab.server.chat import CLOSED, fingerprint
from localcollab.server.constraints import constrained
from localcollab.server.errors import ApiError
from localcollab.server.serving import Serving, body_of, client_of, serving_of
from localcollab.server.shelf import Served
from localcollab.server.streams import DONE, Chunks, event, unless_gone
from localcollab.server.writing import Ask, AskEvent, Written
from localcollab.teams.opened import OpenTeam

_DEFAULT_MAX_TOKENS = 16
"""OpenAI's."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One request, ready to be answered: an `Ask` for every choice of every prompt."""

    serving: Serving
    served: Served
    body: CompletionBody
    asks: Sequence[Ask]
    client: str
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def named(self) -> dict[str, object]:
        return {
            "id": self.id, "object": "text_completion", "created": self.created,
            "model": self.served.name, "system_fingerprint": fingerprint(self.served),
        }  # fmt: skip

    def answered(self, heard: Heard) -> AsyncGenerator[AskEvent, None]:
        return self.serving.answer(self.served, self.client, heard.ask)


async def completions(request: Request) -> Response:
    body, headers = await body_of(request, CompletionBody)
    _check(body)
    serving = serving_of(request)
    stack = AsyncExitStack()
    try:
        served = await stack.enter_async_context(serving.shelf.lease(body.model))
        stack.enter_context(served.pool.place())
        asks = await serving.in_executor(lambda: _asks(served.team, body, serving))
    except BaseException:
        await stack.aclose()
        raise
    completion = Completion(serving, served, body, asks, client_of(request, body.user))
    if body.stream:
        return Chunks(_stream(completion), stack, headers=headers)
    async with stack:
        answers = await unless_gone(request.receive, _whole(completion))
    return (
        CLOSED if answers is None else JSONResponse(_record(completion, answers), headers=headers)
    )


def _check(body: CompletionBody) -> None:
    """Raises `ApiError` for what cannot be done."""
    if body.suffix:
        raise ApiError(400, "`suffix` is not supported: leave it out", param="suffix")
    if body.best_of not in (None, 1, body.n):
        raise ApiError(400, "`best_of` is not supported: use `n`", param="best_of")
    if body.echo and body.stream:
        raise ApiError(400, "`echo` and `stream` do not go together", param="echo")


def _asks(team: OpenTeam, body: CompletionBody, serving: Serving) -> list[Ask]:
    prompts, most = _prompts(body.prompt), serving.sizes.prompts
    if not 1 <= len(prompts) <= most:
        raise ApiError(400, f"`prompt` holds {len(prompts)}: give 1 to {most}", param="prompt")
    asks = []
    for prompt in prompts:
        tokens = text_tokens(team, prompt) if isinstance(prompt, str) else own_tokens(team, prompt)
        max_tokens = _DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens
        ask = ask_of(team, body, tokens, max_tokens=max_tokens, n_top=body.logprobs or 0)
        ask = constrained(team, ask, body, serving.open_grammar)
        asks += [ask.with_seed(n) for n in range(body.n or 1)]
    return asks


def _prompts(given: str | list[str] | list[int] | list[list[int]]) -> Sequence[str | list[int]]:
    if isinstance(given, str):
        return [given]
    if given and all(isinstance(each, int) for each in given):
        return [[each for each in given if isinstance(each, int)]]
    return [each for each in given if not isinstance(each, int)]


async def _whole(completion: Completion) -> list[Heard]:
    answers = []
    for ask in completion.asks:
        heard = Heard(ask)
        async with aclosing(completion.answered(heard)) as events:
            async for each in events:
                heard.add(each)
        answers.append(heard)
    return answers


def _record(completion: Completion, answers: Sequence[Heard]) -> dict[str, object]:
    per_prompt = completion.body.n or 1
    first = [usage(answers[at : at + per_prompt]) for at in range(0, len(answers), per_prompt)]
    return completion.named() | {
        "choices": [_choice(completion, n, answer) for n, answer in enumerate(answers)],
        "usage": _sum(first),
        "timings": timings(answers[-1]),
        "localcollab": provenance(answers[0]),
    }


def _choice(completion: Completion, n: int, answer: Heard) -> dict[str, object]:
    vocabulary = completion.served.team.model.vocabulary
    before = vocabulary.decode(answer.ask.tokens) if completion.body.echo else ""
    said: dict[str, object] = {
        "index": n, "text": before + answer.text, "finish_reason": answer.finish_reason,
        "logprobs": None,
    }  # fmt: skip
    if completion.body.logprobs is not None:
        said["logprobs"] = completion_logprobs(answer.kept(), vocabulary, len(before))
    return said


def _sum(usages: Sequence[Mapping[str, object]]) -> dict[str, object]:
    keys = ("prompt_tokens", "completion_tokens", "total_tokens")
    cached = [each["prompt_tokens_details"]["cached_tokens"] for each in usages]  # type: ignore[index]
    return {
        **{key: sum(each[key] for each in usages) for key in keys},  # type: ignore[misc]
        "prompt_tokens_details": {"cached_tokens": sum(cached)},
    }


async def _stream(completion: Completion) -> AsyncGenerator[bytes, None]:
    answers: list[Heard] = []
    try:
        for n, ask in enumerate(completion.asks):
            answers.append(Heard(ask))
            async with aclosing(_stream_choice(completion, n, answers[-1])) as choice:
                async for chunk in choice:
                    yield chunk
        options = completion.body.stream_options
        if options and options.include_usage:
            said = {"choices": [], "usage": usage(answers), "timings": timings(answers[-1])}
            yield event(completion.named() | said)
    except ApiError as error:
        yield event(error.record())
    yield DONE


async def _stream_choice(
    completion: Completion, n: int, heard: Heard
) -> AsyncGenerator[bytes, None]:
    vocabulary = completion.served.team.model.vocabulary
    waiting: list[Written] = []
    at = 0
    async with aclosing(completion.answered(heard)) as events:
        async for each in events:
            heard.add(each)
            if isinstance(each, Written):
                waiting.append(each)
                if each.token.text:
                    tokens = [token_provenance(one, vocabulary) for one in waiting]
                    yield _chunk(completion, n, waiting, at, None, {"tokens": tokens})
                    at += len(each.token.text)
                    waiting = []
            elif isinstance(each, Finished):
                end = provenance(heard)
                yield _chunk(completion, n, waiting, at, heard.finish_reason, end)


def _chunk(
    completion: Completion,
    n: int,
    written: Sequence[Written],
    at: int,
    reason: str | None,
    said: Mapping[str, object],
) -> bytes:
    choice: dict[str, object] = {
        "index": n, "text": "".join(each.token.text for each in written), "finish_reason": reason,
        "logprobs": None,
    }  # fmt: skip
    if completion.body.logprobs is not None and written:
        vocabulary = completion.served.team.model.vocabulary
        choice["logprobs"] = completion_logprobs(written, vocabulary, at)
    return event(completion.named() | {"choices": [choice], "localcollab": said})
