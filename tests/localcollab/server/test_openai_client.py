"""The official Python client against the server, in this process."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from localcollab.server.aids import Aids, by_similarity
from server_app import EchoModel, FakeSource, LetterEncoder, client_of
from server_driver import OnePlace

openai = pytest.importorskip("openai")
httpx = pytest.importorskip("httpx")

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
CALL = '<tool_call>{"name": "weather", "arguments": {"place": "Oslo"}}</tool_call>'
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


def asking(work: Callable[[Any], Awaitable[Any]], open_grammar: Any = None) -> Any:
    async def main() -> Any:
        # Small enough for tools that are told in the system message.
        source = FakeSource(lambda: EchoModel(n_ctx=4096))
        async with client_of(source) as ours:
            encoder = LetterEncoder()
            ours.serving.aids = Aids(encoder, by_similarity(encoder))
            ours.serving.open_grammar = open_grammar or ours.serving.open_grammar
            transport = httpx.ASGITransport(app=ours.app)
            async with openai.AsyncOpenAI(
                base_url="http://127.0.0.1:8765/v1",
                api_key="any",
                http_client=httpx.AsyncClient(transport=transport),
                max_retries=0,
            ) as client:
                return await work(client)

    return asyncio.run(main())


def test_models() -> None:
    found = asking(lambda client: client.models.list())
    assert [model.id for model in found.data] == ["echo", "letters"]
    assert asking(lambda client: client.models.retrieve("echo")).owned_by == "localcollab"


def test_chat() -> None:
    said = asking(lambda c: c.chat.completions.create(model="echo", messages=HELLO))
    assert said.choices[0].message.content == "hello"
    assert said.model_extra["localcollab"]["authors"] == {"base": 5}


def test_a_stream() -> None:
    async def work(client: Any) -> tuple[str, Any]:
        stream = await client.chat.completions.create(
            model="echo", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        text, usage = "", None
        async for chunk in stream:
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            usage = chunk.usage or usage
        return text, usage

    text, usage = asking(work)
    assert text == "hello"
    assert (usage.completion_tokens, usage.prompt_tokens_details.cached_tokens) == (5, 0)


def test_the_clients_own_stream_helper_collects_the_same() -> None:
    async def work(client: Any) -> Any:
        async with client.chat.completions.stream(
            model="echo", messages=HELLO, logprobs=True, top_logprobs=1
        ) as stream:
            async for _ in stream:
                pass
            return await stream.get_final_completion()

    said = asking(work)
    assert said.choices[0].message.content == "hello"
    assert len(said.choices[0].logprobs.content) == 5


def test_completions() -> None:
    said = asking(
        lambda c: c.completions.create(model="echo", prompt="user: ab\n\x02", logprobs=1, echo=True)
    )
    assert said.choices[0].text == "user: ab\n\x02ab"
    assert said.choices[0].logprobs.tokens == ["a", "b"]


def test_embeddings_in_both_encodings() -> None:
    said = asking(lambda c: c.embeddings.create(model="letters", input=["abc", "xyz"]))
    plain = asking(
        lambda c: c.embeddings.create(model="letters", input="abc", encoding_format="float")
    )
    assert np.allclose(said.data[0].embedding, plain.data[0].embedding)
    assert said.usage.total_tokens == 6


def test_responses() -> None:
    said = asking(
        lambda c: c.responses.create(model="echo", input="hello", instructions="be brief")
    )
    assert said.output_text == "hello"
    assert (said.status, said.usage.output_tokens) == ("completed", 5)


def test_a_stream_of_a_response() -> None:
    async def work(client: Any) -> tuple[str, Any, list[int]]:
        text, last, numbers = "", None, []
        async for event in await client.responses.create(model="echo", input=HELLO, stream=True):
            numbers.append(event.sequence_number)
            if event.type == "response.output_text.delta":
                text += event.delta
            last = event
        return text, last, numbers

    text, last, numbers = asking(work)
    assert text == "hello"
    assert last.response.output_text == "hello"
    assert numbers == list(range(len(numbers)))


def test_a_response_that_is_cut_is_incomplete() -> None:
    said = asking(lambda c: c.responses.create(model="echo", input="hello", max_output_tokens=2))
    assert (said.status, said.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(stream: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": CALL}]

    async def work(client: Any) -> Any:
        if not stream:
            options = {"model": "echo", "messages": messages, "tools": [WEATHER]}
            return await client.chat.completions.create(**options)
        async with client.chat.completions.stream(
            model="echo", messages=messages, tools=[WEATHER]
        ) as found:
            async for _ in found:
                pass
            return await found.get_final_completion()

    choice = asking(work).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "weather",
        {"place": "Oslo"},
    )
    assert not choice.message.content


def test_an_answer_is_a_record() -> None:
    pydantic = pytest.importorskip("pydantic")
    place = pydantic.create_model("Place", place=(str, ...))
    said = asking(
        lambda c: c.chat.completions.parse(model="echo", messages=HELLO, response_format=place),
        lambda team, grammar: OnePlace(),
    )
    assert said.choices[0].message.parsed == place(place="Oslo")


def test_a_conversation_with_calls_goes_on() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages: list[Any] = [
        {"role": "user", "content": "Oslo?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {"role": "user", "content": "so?"},
    ]
    said = asking(
        lambda c: c.chat.completions.create(model="echo", messages=messages, tools=[WEATHER])
    )
    assert said.choices[0].message.content == "so?"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"model": "gpt-4o"}, "NotFoundError"),
        ({"temperature": -1}, "BadRequestError"),
        ({"extra_body": {"nonsense": 1}}, "BadRequestError"),
    ],
)
def test_errors_are_the_clients_own(options: dict[str, Any], error: str) -> None:
    with pytest.raises(getattr(openai, error)):
        asking(
            lambda c: c.chat.completions.create(**{"model": "echo", "messages": HELLO, **options})
        )
