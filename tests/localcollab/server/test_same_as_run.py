"""The text of the server is the text of `localcollab run`, for the same request and seed."""

from pathlib import Path
from typing import Any

import pytest

from localcollab.api.sources import TokenSource
from localcollab.llama.options import Options
from localcollab.server.seats import Source
from localcollab.teams.choice import TeamChoice
from localcollab.teams.defaults import chat_limits, chat_sampling
from localcollab.teams.open import open_team
from localcollab.teams.session import Session
from server_app import client_of, run

pytestmark = pytest.mark.real

_QUESTIONS = ("What is a river?", "Name three colours.", "What is a river?", "Why is the sky blue?")


def test_every_answer_is_that_of_run(smollm2: Path) -> None:
    plan, options = TeamChoice(team=smollm2).plan(), Options(n_ctx=512)
    given: list[dict[str, Any]] = [
        {"temperature": 0.0, "seed": 0}, {"temperature": 0.9, "seed": 4, "top_p": 0.9}
    ]  # fmt: skip
    alone = []
    for question in _QUESTIONS:
        for each in given:
            team = open_team(plan, options)
            session = Session(team)
            events = session.ask(question, chat_sampling(team, each), chat_limits(team, 16))
            alone.append(list(events)[-1].text)  # type: ignore[union-attr]

    async def ask() -> list[str]:
        source = TokenSource(plan, options)
        async with client_of(_named(source)) as client:
            answers = [
                await client.chat(question, max_tokens=16, **each)
                for question in _QUESTIONS
                for each in given
            ]
        return [answer.json["choices"][0]["message"]["content"] for answer in answers]

    assert run(ask()) == alone


def _named(source: Source) -> Any:
    source.name = "smollm2"  # type: ignore[attr-defined]
    return source
