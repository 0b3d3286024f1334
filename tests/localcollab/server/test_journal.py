"""`serve --history`: conversations of clients, in the history."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcollab.chat.template import Message
from localcollab.history import History, StoredMessage, open_history
from localcollab.server.journal import Journal, Said, said_by
from server_app import EchoModel, FakeSource, client_of, run


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with open_history(tmp_path / "history.sqlite3") as found:
        yield found


def asked(journal: Journal | None, *conversations: list[str], **options: Any) -> list[Any]:
    """Each alternates questions and answers and ends with a question, which is echoed."""

    async def work() -> list[Any]:
        async with client_of(journal=journal) as client:
            return [
                await client.post("/v1/chat/completions", {"messages": messages(each), **options})
                for each in conversations
            ]

    answered: list[Any] = run(work())
    assert [each.status for each in answered] == [200] * len(conversations)
    return answered


def messages(texts: list[str]) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def shown(history: History) -> list[list[str]]:
    """The shown branches, oldest conversation first."""
    found = sorted(history.conversations(), key=lambda each: each.created)
    return [[message.text for message in history.branch(each.id)] for each in found]


def branch(history: History, n: int = 0) -> tuple[StoredMessage, ...]:
    found = sorted(history.conversations(), key=lambda each: each.created)
    return history.branch(found[n].id)


def test_without_it_nothing_is_stored(history: History) -> None:
    asked(None, ["one"])
    assert history.count() == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_goes_on_where_it_was(history: History, stream: bool) -> None:
    asked(Journal(history), ["one"], ["one", "one", "two"], stream=stream)
    assert shown(history) == [["one", "one", "two", "two"]]
    answer = branch(history)[1]
    assert answer.provenance is not None
    assert (answer.provenance.team, answer.status) == ("echo", "complete")
    assert {token.author for token in history.tokens(answer.id)} == {"base"}


def test_the_same_first_question_is_another_conversation(history: History) -> None:
    asked(Journal(history), ["one"], ["one"])
    assert shown(history) == [["one", "one"], ["one", "one"]]


def test_asking_again_is_another_answer_and_another_question_a_branch(history: History) -> None:
    journal = Journal(history)
    asked(journal, ["one"], ["one", "one", "two"], ["one", "one", "two"], ["one", "one", "three"])
    assert shown(history) == [["one", "one", "three", "three"]]
    question = branch(history)[2]
    assert len(question.siblings) == 2
    history.select(question.siblings[0])
    assert shown(history) == [["one", "one", "two", "two"]]
    assert len(branch(history)[3].siblings) == 2


def test_what_the_client_says_was_answered_is_its_own(history: History) -> None:
    asked(Journal(history), ["one"])
    asked(Journal(history), ["one", "other", "two"])  # the server was started again
    assert shown(history) == [["one", "one"], ["one", "other", "two", "two"]]
    answer = branch(history, 1)[1]
    assert [token.author for token in history.tokens(answer.id)] == ["client"]
    assert answer.outcome is not None
    assert answer.outcome.notes == ("as the client sent it",)


def test_several_choices_are_answers_to_one_question(history: History) -> None:
    asked(Journal(history), ["one"], n=2)
    assert shown(history) == [["one", "one"]]
    assert len(branch(history)[1].siblings) == 2


def test_a_conversation_that_was_deleted_begins_anew(history: History) -> None:
    journal = Journal(history)
    asked(journal, ["one"])
    history.delete(history.conversations()[0].id)
    asked(journal, ["one", "one", "two"])
    assert shown(history) == [["one", "one", "two", "two"]]


def test_who_goes_away_leaves_a_stopped_answer(history: History) -> None:
    text = "a" + "b" * 900

    async def work() -> None:
        source = FakeSource(EchoModel)
        async with client_of(source, journal=Journal(history)) as client:
            gone = asyncio.Event()
            model: Any = source.team.model

            def on_chunk(chunk: bytes) -> None:
                if b'"content":"a"' in chunk:
                    model.may_read.clear()
                    gone.set()

            body = {"messages": messages([text]), "stream": True, "max_tokens": -1}
            data = json.dumps(body).encode()
            await client.ask("POST", "/v1/chat/completions", data, {}, gone, on_chunk)
            model.may_read.set()

    run(work())
    question, answer = branch(history)
    assert (question.text, answer.status) == (text, "stopped")
    assert text.startswith(answer.text)


def test_ollamas_and_the_newer_api_keep_too(history: History) -> None:
    async def work() -> None:
        async with client_of(journal=Journal(history)) as client:
            await client.post("/api/generate", {"model": "echo", "prompt": "one", "stream": False})
            await client.post("/v1/responses", {"input": "two"})
            await client.post("/v1/completions", {"prompt": "three"})

    run(work())
    assert shown(history) == [["one", "one"], ["two", "two"]]


def test_messages_become_questions_and_answers() -> None:
    said = said_by([
        Message("system", "Be brief."), Message("assistant", "Hello!"), Message("user", "one"),
        Message("user", "and"), Message("assistant", "yes"), Message("tool", "12"),
    ])  # fmt: skip
    assert said == Said("Be brief.", (("one\n\nand", "yes"),), "12")
    assert said_by([Message("user", "one"), Message("assistant", "yes")]) is None
    assert said_by([Message("user", "")]) is None
