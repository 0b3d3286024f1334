"""A server on loopback in a thread, whose answers a test scripts; and connections to it alone."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

STREAM = "text/event-stream"


@dataclass
class Reply:
    """`chunks` may wait, and raise `ConnectionError` to break off."""

    chunks: Iterable[bytes]
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[str, Any], Reply]
"""(path, body as JSON) -> what is answered."""


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply([json.dumps(value).encode()], status, headers=headers)


def as_events(*values: object, done: bool = True) -> Reply:
    return Reply([*map(event, values), *([b"data: [DONE]\n\n"] if done else [])], kind=STREAM)


def event(value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def delta(text: str, finish: str | None = None, **more: object) -> dict[str, object]:
    """A chunk of a chat completion."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], **more}


@contextmanager
def serving(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> Iterator["Asked"]:
    """Meanwhile a connection to another address fails the test."""
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            asked.requests.append((self.path, body, dict(self.headers)))
            reply = answer(self.path, body)
            if "Transfer-Encoding" in reply.headers:
                self.protocol_version = "HTTP/1.1"
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for chunk in reply.chunks:
                    self.wfile.write(chunk)
                    self.wfile.flush()
            except ConnectionError:
                asked.gone.set()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        asked.address = f"127.0.0.1:{server.server_port}"
        connect_only_to(server.server_port, monkeypatch)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Asked:
    address: str = ""
    requests: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    """A client went away."""

    @property
    def paths(self) -> list[str]:
        return [path for path, _, _ in self.requests]


def connect_only_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = socket.socket.__mro__[1].connect  # type: ignore[attr-defined]  # that of the C class

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        assert address[:2] == ("127.0.0.1", port), f"a connection to {address!r} was tried"
        plain(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
