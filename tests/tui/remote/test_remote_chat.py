"""`chat --server`: the line mode and the app, against a server on loopback."""

import asyncio
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from textual.pilot import Pilot

from chat_app import ask, drive, screen_text, send, texts, until
from localcollab.errors import BadOption
from localcollab.history import History, open_history
from localcollab.server.app import build_app
from localcollab.server.guard import Rules
from localcollab.server.serving import Serving
from localcollab.server.shelf import Offer, Room, Shelf
from localcollab_tui.app import ChatApp, Start
from localcollab_tui.cli import make_app, on_server
from localcollab_tui.plain import PlainChat
from scripted_server import (
    STREAM,
    Answer,
    Asked,
    Reply,
    as_events,
    as_json,
    connect_only_to,
    delta,
    event,
    serving,
)
from server_app import FakeSource
from server_driver import make

pytestmark = pytest.mark.slow
NAMES = ("small", "large")


def others(answer: Reply | Answer) -> Answer:
    """A server of no localcollab, with two models."""

    def answered(path: str, body: Any) -> Reply:
        if path.endswith("/models"):
            return as_json({"data": [{"id": name} for name in NAMES]})
        return answer if isinstance(answer, Reply) else answer(path, body)

    return answered


def talk(address: str, *lines: str, team: str | None = None) -> str:
    out, source = io.StringIO(), io.StringIO("\n".join(lines))
    with open_history(None) as history:
        chat = PlainChat(history, on_server(address, None).make_worker, source, out)
        chat.run(team, None)
    return out.getvalue()


def app_of(asked: Asked, history: History) -> ChatApp:
    answerers = on_server(asked.address, None)
    start = Start(team="small", teams=answerers.teams, choices=answerers.choices, catalogs=None)
    return make_app(history, answerers.make_worker, start)


@contextmanager
def our_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server itself in a thread, with a team of two that knows its answers by heart."""
    executor = ThreadPoolExecutor(8)
    ready, servers, ports = threading.Event(), list[uvicorn.Server](), list[int]()

    async def main() -> None:
        import socket

        source = FakeSource(make, name="tea")
        about = {"method": "deferral", "members": [{"name": "base"}, {"name": "expert"}]}
        shelf = Shelf([Offer("tea", lambda: source, about)], executor, Room())
        config = uvicorn.Config(
            build_app(Serving(shelf, executor), Rules()), ws="none", log_config=None
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            servers.append(uvicorn.Server(config))
            ports.append(listening.getsockname()[1])
            ready.set()
            await servers[0].serve([listening])

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    ready.wait()
    connect_only_to(ports[0], monkeypatch)
    try:
        yield f"127.0.0.1:{ports[0]}"
    finally:
        servers[0].should_exit = True
        thread.join()
        executor.shutdown()


def test_our_own_server_tells_who_wrote_what(monkeypatch: pytest.MonkeyPatch) -> None:
    with our_server(monkeypatch) as address:
        said = talk(address, "How do I make tea?", "/stats", "/quit")
    assert f"questions and answers go to http://{address}/v1\n" in said
    assert "team tea: base, expert\n" in said
    assert "Pour water over the leaves. ‹It should have eighty degrees" in said
    assert "by base            27" in said
    assert "encrypted" not in said


def test_the_conversation_is_sent_with_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = as_events(delta("Oslo"), delta(".", "stop"), {"usage": {"prompt_tokens": 12}})
    with serving(others(reply), monkeypatch) as asked:
        said = talk(
            asked.address, "/system Be brief.", "/set repeat_last 9", "/set threads 2", "one?",
            "two?", team="large",
        )  # fmt: skip
    assert "Oslo." in said
    assert "the server tells no probabilities" in said
    assert "prompt of 12" in said
    assert asked.paths == ["/v1/models", "/v1/chat/completions", "/v1/chat/completions"]
    assert asked.requests[2][1] == {
        "model": "large", "stream": True, "stream_options": {"include_usage": True},
        "logprobs": True, "repeat_last_n": 9,
        "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "one?"},
            {"role": "assistant", "content": "Oslo."}, {"role": "user", "content": "two?"},
        ],
    }  # fmt: skip


def test_a_server_that_refuses_logprobs_is_asked_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(path: str, body: Any) -> Reply:
        if "logprobs" in body:
            return as_json({"error": {"message": "no", "param": "logprobs"}}, 400)
        return as_events(delta("Yes", "stop"))

    with serving(others(answer), monkeypatch) as asked:
        said = talk(asked.address, "one?", "two?")
    assert said.count("Yes") == 2
    assert len(asked.paths) == 1 + 2 + 1


def test_the_oldest_turns_are_left_out_where_the_context_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(path: str, body: Any) -> Reply:
        if len(body["messages"]) > 3:
            error = {"message": "too long", "code": "context_length_exceeded"}
            return as_json({"error": error}, 400)
        return as_events(delta("Yes", "stop"))

    with serving(others(answer), monkeypatch) as asked:
        said = talk(asked.address, "one?", "two?", "three?", "/set overflow ask", "/regen", "n")
    assert "the oldest turn was left out: the context is full" in said
    assert said.count("Yes") == 3


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/more", "no server goes on with an answer"),
        ("/gate entropy", "and decides who writes"),
        ("/show", "and keeps the prompt"),
        ("/docs papers", "without the documents of this machine"),
        ("/team none", "does not offer 'none': there are small, large"),
    ],
)
def test_what_a_server_cannot_do_is_one_line(
    line: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(others(as_events(delta("Yes", "length"))), monkeypatch) as asked:
        said = talk(asked.address, "one?", line, "two?")
    assert why in said
    assert said.count("Yes") == 2


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (as_events(delta("Hal"), done=False), "ended the answer before it was whole"),
        (as_events(delta("Hal"), {"error": {"message": "out of memory"}}), "out of memory"),
        (as_json({"error": {"message": "12 requests are waiting"}}, 429), "answered 429: 12 requests"),
        (as_json({"hello": "world"}), "ended the answer before it was whole"),
        (Reply([b"<html>"], kind="text/html"), "ended the answer before it was whole"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_and_the_chat_goes_on(
    reply: Reply, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = [reply, as_events(delta("Better", "stop"))]
    answer = others(lambda path, body: replies.pop(0))
    with serving(answer, monkeypatch) as asked:
        said = talk(asked.address, "one?", "two?")
    assert [why in line for line in said.splitlines() if "error: " in line] == [True]
    assert "Better" in said


def test_nobody_listens_and_the_chat_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(others(as_json([])), monkeypatch) as asked:
        pass
    said = talk(asked.address, "one?")
    assert "cannot be asked (Connection refused): is the server running?" in said


def test_a_stop_keeps_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield event(delta("Once upon"))
        while not go_on.wait(0.01):
            yield b": keep-alive\n\n"

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "A story?")
        await until(pilot, lambda: "Once upon" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.dialogue.pending is None)
        assert texts(app) == ["A story?", "Once upon"]

    with open_history(None) as history, serving(
        others(lambda path, body: Reply(slowly(), kind=STREAM)), monkeypatch
    ) as asked:  # fmt: skip
        drive(app_of(asked, history), steps)
        assert asked.gone.wait(30)
        go_on.set()


def test_when_the_server_goes_away_the_message_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "A story?")
        assert "ended the answer before it was whole" in screen_text(app)
        assert texts(app) == ["A story?", "Once upon"]
        await ask(app, pilot, "Go on.")
        assert texts(app)[-1] == "The end."

    replies = [
        as_events(delta("Once"), delta(" upon"), done=False),
        as_events(delta("The end.", "stop")),
    ]
    with open_history(None) as history, serving(
        others(lambda path, body: replies.pop(0)), monkeypatch
    ) as asked:  # fmt: skip
        drive(app_of(asked, history), steps, size=(120, 30))


def test_a_server_that_comes_later_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    is_up = threading.Event()

    def answer(path: str, body: Any) -> Reply:
        if is_up.is_set():
            return others(as_events(delta("Yes", "stop")))(path, body)
        return as_json({"error": {"message": "loading"}}, 503)

    async def main() -> None:
        with open_history(None) as history, serving(answer, monkeypatch) as asked:
            app = app_of(asked, history)
            async with app.run_test(size=(120, 30)) as pilot:
                await until(pilot, lambda: "answered 503: loading" in screen_text(app))
                is_up.set()
                await send(app, pilot, "/team")
                await until(pilot, lambda: app.dialogue.facts is not None)
                await ask(app, pilot, "Is it?")
                assert texts(app) == ["Is it?", "Yes"]
            assert app.close()

    asyncio.run(main())


def test_a_question_asks_for_the_models_where_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    n_asked = 0

    def answer(path: str, body: Any) -> Reply:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 1:
            return as_json({"error": "loading"}, 503)
        return others(as_events(delta("Yes", "stop")))(path, body)

    with serving(answer, monkeypatch) as asked:
        said = talk(asked.address, "one?", team="large")
    assert "Yes" in said
    assert asked.requests[2][1]["model"] == "large"


def test_names_of_a_server_move_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"id": 1, "text": "Hi", "author": "a\x1b[2Jb\nc", "probability": 0.5}

    def answer(path: str, body: Any) -> Reply:
        if path.endswith("/models"):
            own = {"authors": ["base", "a\x1b[2Jb\nc"]}
            return as_json({"data": [{"id": "bad\x1b"}, {"id": "good", "localcollab": own}]})
        end = {"unfamiliar": [{"expert": "x\x1b", "name": "y\n"}]}
        return as_events(
            delta("Hi", localcollab={"tokens": [told]}), delta("", "stop", localcollab=end)
        )

    with serving(answer, monkeypatch) as asked:
        said = talk(asked.address, "one?", "/stats")
    assert "team good: base, a" in said
    assert "\x1b" not in said
    assert "by a" in said


def test_models_are_chosen_among_those_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "/team")
        await until(pilot, lambda: "Which of them answers?" in screen_text(app))
        await pilot.press("down", "enter")
        await until(
            pilot, lambda: app.dialogue.facts is not None and app.dialogue.facts.name == "large"
        )

    with open_history(None) as history, serving(others(as_json([])), monkeypatch) as asked:
        drive(app_of(asked, history), steps)


def test_two_models_of_a_server_answer_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Who?")
        await send(app, pilot, "/compare large")
        await until(pilot, lambda: screen_text(app).count("I am large") == 1)
        await until(pilot, lambda: screen_text(app).count("I am small") == 1)
        await pilot.press("escape")
        await send(app, pilot, "/compare base")
        await until(pilot, lambda: "does not answer with a team's base alone" in screen_text(app))
        await pilot.press("escape")

    def answer(path: str, body: Any) -> Reply:
        return as_events(delta(f"I am {body['model']}", "stop"))

    with open_history(None) as history, serving(others(answer), monkeypatch) as asked:
        drive(app_of(asked, history), steps, size=(120, 30))


def test_escapes_of_a_server_do_not_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    error = {"error": {"message": "\x1b]0;owned\x07\x1b[2Jno"}}
    with serving(others(as_json(error, 500)), monkeypatch) as asked:
        said = talk(asked.address, "one?")
    assert "\x1b" not in said
    assert "answered 500" in said


def test_a_bad_address_or_key_is_refused_at_once(tmp_path: Any) -> None:
    with pytest.raises(BadOption, match="`server`"):
        on_server("ftp://x", None)
    with pytest.raises(BadOption, match="`key_file`"):
        on_server("localhost", tmp_path / "missing")
    key = tmp_path / "key"
    key.write_text("a key\n")
    with pytest.raises(BadOption, match="one key"):
        on_server("localhost", key)
