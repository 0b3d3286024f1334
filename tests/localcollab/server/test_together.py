"""`serve --batch`: several conversations of one model, evaluated together."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from localcollab.api.sources import TokenSource
from localcollab.errors import BadOption
from localcollab.llama.options import Options
from localcollab.server.request import ServeRequest
from localcollab.server.shelf import Room
from localcollab.teams.choice import TeamChoice
from server_app import Client, EchoModel, FakeSource, client_of, run

_QUESTIONS = ("Once upon a time", "The dog", "Lily and Tom", "It was a hot day and")


def source_of(name: Path | str, **options: Any) -> Any:
    source: Any = TokenSource(TeamChoice(team=name).plan(), Options(n_ctx=256), **options)
    source.name = "served"
    return source


async def told(client: Client, question: str) -> str:
    body = {"prompt": question, "temperature": 0, "max_tokens": 30}
    text: str = (await client.post("/v1/completions", body)).json["choices"][0]["text"]
    return text


@pytest.mark.weights
def test_answers_are_those_of_conversations_that_take_turns(stories: Path) -> None:
    async def answers(*, together: bool) -> tuple[list[str], Any]:
        room = Room(n_seats=3, together=together)
        async with client_of(source_of(stories), room=room) as client:
            asked = (told(client, question) for question in _QUESTIONS * 2)
            texts = await asyncio.gather(*asked)
            (model,) = (await client.get("/v1/models")).json["data"]
            return list(texts), model["localcollab"]["batch"]

    apart, is_batch = run(answers(together=False))
    assert not is_batch
    assert run(answers(together=True)) == (apart, True)


@pytest.mark.weights
@pytest.mark.parametrize(
    ("options", "why"), [({"available": lambda: 1000}, "MiB are free"), ({}, "more than one model")]
)
def test_what_cannot_be_evaluated_together_takes_turns_and_says_why(
    stories: Path, options: dict[str, Any], why: str
) -> None:
    async def ask() -> tuple[str | None, str]:
        source = source_of(stories if options else "formulary", **options)
        async with client_of(source, room=Room(n_seats=2, together=True)) as client:
            text = await told(client, "What is")
            return client.serving.shelf.loaded["served"].not_together, text

    reason, text = run(ask())
    assert reason is not None
    assert why in reason
    assert text


def test_another_kind_of_source_takes_turns() -> None:
    async def ask() -> str | None:
        async with client_of(FakeSource(EchoModel), room=Room(together=True)) as client:
            await client.chat("x")
            return client.serving.shelf.loaded["echo"].not_together

    assert run(ask()) == "its models are of another kind"


def test_exact_answers_are_evaluated_alone() -> None:
    with pytest.raises(BadOption, match="`batch` and `exact`"):
        ServeRequest(batch=True, exact=True)
