"""One server on loopback that behaves badly: every fault is one line, and a stop ends every wait."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from localcollab_tui.remote.address import Address, parse_address
from localcollab_tui.remote.connection import Server, ServerFailed, StoppedByUser
from scripted_server import STREAM, Answer, Reply, as_events, as_json, event, serving


def streamed(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    with serving(answer, monkeypatch) as asked:
        server = Server(parse_address(asked.address))
        return list(server.stream("/chat/completions", {"a": 1}, threading.Event()))


def fails(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> ServerFailed:
    with pytest.raises(ServerFailed) as failed:
        streamed(lambda path, body: reply, monkeypatch)
    assert "\n" not in str(failed.value)
    return failed.value


def test_the_events_of_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = Reply(
        [b": keep-alive\n\n", event({"n": 1}), b"event: x\r\ndata:{\"n\": 2}\r\n\r\n",
         b"data: [DONE]\n\n", event({"n": 3})], kind=STREAM,
    )  # fmt: skip
    assert streamed(lambda path, body: reply, monkeypatch) == [{"n": 1}, {"n": 2}]


def test_a_server_that_does_not_stream_gives_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert streamed(lambda path, body: as_json({"n": body["a"]}), monkeypatch) == [{"n": 1}]


def test_the_key_is_sent_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(lambda path, body: as_json([]), monkeypatch) as asked:
        assert Server(parse_address(asked.address), "secret").get("/models") == []
    path, _, headers = asked.requests[0]
    assert (path, headers["Authorization"]) == ("/v1/models", "Bearer secret")


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    error = fails(as_json({}, 307, Location="http://10.0.0.1/"), monkeypatch)
    assert error.status == 307


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"error": {"message": "too\nlong", "code": "c", "param": "p"}}, ": too long"),
        ({"error": "busy"}, ": busy"),
        ({"detail": "no"}, ": no"),
        ({"error": {"message": 3}}, ""),
        (["?"], ""),
        ({"error": {"message": "x" * 9999}}, f": {'x' * 299}…"),
    ],
)
def test_an_error_is_told_in_one_line(
    said: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = fails(as_json(said, 429), monkeypatch)
    assert str(error).endswith(f"/v1 answered 429{told}")


def test_a_missing_key_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--key-file" in str(fails(as_json({"error": {"message": "no key"}}, 401), monkeypatch))


@pytest.mark.parametrize(
    "chunks",
    [[b"data: {\n\n"], [b"data: " + b"[" * 100_000 + b"\n\n"], [b"data: \xff\n\n"],
     [b"data: " + b"x" * 2**21]],
)  # fmt: skip
def test_what_is_not_an_event_ends_the_answer(
    chunks: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(Reply(chunks, kind=STREAM), monkeypatch)


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = iter(lambda: b"[" * 2**20, b"")
    assert "more than" in str(fails(Reply(endless), monkeypatch))


def test_a_bad_chunk_size_ends_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = as_events({"n": 1})
    reply.headers = {"Transfer-Encoding": "chunked"}
    assert streamed(lambda path, body: reply, monkeypatch) == []


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda path, body: as_json([]), monkeypatch) as asked:
        address = parse_address(asked.address)
    with pytest.raises(ServerFailed, match="is the server running"):
        Server(address).get("/models")


def test_a_list_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcollab_tui.remote.connection.SECONDS_TO_LIST", 0.05)
    over = threading.Event()

    def answer(path: str, body: Any) -> Reply:
        over.wait(30)
        return as_json([])

    with serving(answer, monkeypatch) as asked:
        with pytest.raises(ServerFailed, match="timed out"):
            Server(parse_address(asked.address)).get("/models")
        over.set()


def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerFailed, match="cannot be asked"):
        Server(Address(False, "a..b", 80, "/v1")).get("/models")


def test_a_stop_ends_the_wait_and_the_server_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> Iterator[bytes]:
        yield event({"n": 1})
        while True:
            time.sleep(0.01)
            yield b": still here\n\n" * 1000

    stop = threading.Event()
    with serving(lambda path, body: Reply(silent(), kind=STREAM), monkeypatch) as asked:
        events = Server(parse_address(asked.address)).stream("/chat/completions", {}, stop)
        assert next(events) == {"n": 1}
        stop.set()
        with pytest.raises(StoppedByUser):
            next(events)
        assert asked.gone.wait(30)
