"""What aider, Continue and Open WebUI send is answered."""

import asyncio
import json
from typing import Any

import pytest

from client_requests import REQUESTS, Sent
from localcollab.server.aids import Aids, by_similarity
from server_app import Answered, EchoModel, FakeSource, LetterEncoder, client_of

LETTERS = LetterEncoder()


def answered(sent: Sent) -> Answered:
    async def main() -> Answered:
        async with client_of(FakeSource(lambda: EchoModel(n_ctx=8192))) as client:
            client.serving.aids = Aids(LETTERS, by_similarity(LETTERS))
            if sent.body is None:
                return await client.get(sent.path)
            return await client.post(sent.path, sent.body, authorization="Bearer any")

    return asyncio.run(main())


def text_of(said: Answered) -> str:
    """Of any API's answer, streamed or not."""
    if said.headers["content-type"].startswith("text/event-stream"):
        deltas = [c["delta"] for event in said.events for c in event["choices"]]
        return "".join(delta.get("content", "") for delta in deltas)
    lines: list[Any] = [json.loads(line) for line in said.body.splitlines()]
    if "choices" in lines[0]:
        return str(lines[0]["choices"][0]["message"]["content"])
    return "".join(
        line.get("response", line.get("message", {}).get("content", "")) for line in lines
    )


@pytest.mark.parametrize("sent", REQUESTS, ids=str)
def test_a_request_is_answered(sent: Sent) -> None:
    said = answered(sent)
    assert said.status == 200, said.body


@pytest.mark.parametrize(
    "sent", [each for each in REQUESTS if each.body and "messages" in each.body], ids=str
)
def test_a_chat_is_answered_with_its_last_message(sent: Sent) -> None:
    assert sent.body is not None
    said = answered(sent)
    last = sent.body["messages"][-1]["content"].splitlines()[-1]
    assert last in text_of(said) or text_of(said) in last


def test_a_model_that_is_to_be_unloaded_is() -> None:
    (sent,) = (each for each in REQUESTS if each.client == "webui unload")

    async def main() -> None:
        async with client_of() as client:
            shelf = client.serving.shelf
            assert (await client.post(sent.path, sent.body)).json["done_reason"] == "unload"
            assert not shelf.loaded, "nothing is loaded for that"
            await client.chat("x")
            assert shelf.loaded
            await client.post(sent.path, sent.body)
            await shelf.unload_unused()
            assert not shelf.loaded

    asyncio.run(main())
