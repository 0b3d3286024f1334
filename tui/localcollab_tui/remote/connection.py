"""Requests to one server: JSON, and streams of it that a stop event ends.

Every request has a connection of its own, to this address alone: proxies of the environment are not
asked, and a redirect is an error. What a server sends is limited and never trusted.
"""

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from localcollab.errors import LocalcollabError
from localcollab.terminal.visible_text import visible
from localcollab_tui.remote.address import Address

SECONDS_TO_LIST = 30.0
"""For a list of models, which nobody can stop."""
_SECONDS_TO_CONNECT, _SECONDS_QUIET, _SECONDS_BETWEEN_LOOKS = 10.0, 900.0, 0.05
_MOST_BYTES, _MOST_LINE = 16 * 2**20, 2**20
_MOST_SHOWN = 300
"""Characters of a server's own message."""


class ServerFailed(LocalcollabError):
    """A server that is not there, goes away, refuses, or does not speak OpenAI's API."""

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", parameter: str = ""
    ) -> None:
        """`status` 0: there was no answer. `code`, `parameter`: as the server names them."""
        super().__init__(message)
        self.status, self.code, self.parameter = status, code, parameter


class StoppedByUser(Exception):
    """The stop event was set."""


class Server:
    def __init__(self, address: Address, key: str | None = None) -> None:
        self.address, self._key = address, key

    def get(self, path: str) -> Any:
        """What it answers, as JSON. Raises `ServerFailed`."""
        with self._answered("GET", path, None, None) as response:
            return self._whole(response)

    def stream(self, path: str, body: object, stop_event: threading.Event) -> Iterator[Any]:
        """The JSON of each event; of a server that does not stream, its one answer. One that breaks off
        ends early. Raises `ServerFailed`, `StoppedByUser`."""
        data = json.dumps(body).encode()
        with self._answered("POST", path, data, stop_event) as response:
            if response.headers.get_content_type() == "application/json":
                yield self._whole(response)
                return
            for line in self._lines(response):
                if not line.startswith(b"data:"):
                    continue
                if (text := line[5:].strip()) == b"[DONE]":
                    return
                yield self._parsed(text)
            if stop_event.is_set():  # a socket that is shut down ends like any other
                raise StoppedByUser

    @contextmanager
    def _answered(
        self, method: str, path: str, data: bytes | None, stop_event: threading.Event | None
    ) -> Iterator[HTTPResponse]:
        """A successful answer whose body has not been read."""
        connection = self._connection()
        try:
            connection.connect()
            connection.sock.settimeout(_SECONDS_QUIET if stop_event else SECONDS_TO_LIST)
            with _ended_by(stop_event, connection.sock):
                connection.request(method, self.address.path + path, data, self._headers())
                with connection.getresponse() as response:
                    if response.status != 200:
                        raise self._refusal(response)
                    yield response
        except (OSError, HTTPException, ValueError, ServerFailed) as error:
            # ValueError: http.client's for a header that is none.
            if stop_event is not None and stop_event.is_set():
                raise StoppedByUser from error
            raise error if isinstance(error, ServerFailed) else self._gone(error) from error
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        host, port = self.address.host, self.address.port
        if not self.address.is_encrypted:
            return HTTPConnection(host, port, timeout=_SECONDS_TO_CONNECT)
        context = ssl.create_default_context()
        return HTTPSConnection(host, port, timeout=_SECONDS_TO_CONNECT, context=context)

    def _headers(self) -> dict[str, str]:
        named = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        return named | ({"Authorization": f"Bearer {self._key}"} if self._key else {})

    def _whole(self, response: HTTPResponse) -> Any:
        data = response.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ServerFailed(f"{self.address} sends more than {_MOST_BYTES} bytes at once")
        return self._parsed(data)

    def _lines(self, response: HTTPResponse) -> Iterator[bytes]:
        while line := response.readline(_MOST_LINE + 1):
            if len(line) > _MOST_LINE:
                raise ServerFailed(f"{self.address} sends a line of more than {_MOST_LINE} bytes")
            yield line

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise ServerFailed(
                f"{self.address} sends what is not JSON: give the address of a server with OpenAI's API"
            ) from None

    def _refusal(self, response: HTTPResponse) -> ServerFailed:
        said: object = None
        with suppress(OSError, HTTPException, ValueError, RecursionError):
            said = json.loads(response.read(_MOST_BYTES))
        return refusal(self.address, response.status, said)

    def _gone(self, error: Exception) -> ServerFailed:
        why = (
            (error.strerror if isinstance(error, OSError) else "")
            or str(error)
            or type(error).__name__
        )
        return ServerFailed(
            f"{self.address} cannot be asked ({one_line(why)}): is the server running?"
        )


def refusal(who: object, status: int, said: object) -> ServerFailed:
    """The error that a server tells: OpenAI's object, or a text."""
    error = said.get("error", said.get("detail")) if isinstance(said, Mapping) else None
    fields = error if isinstance(error, Mapping) else {"message": error}
    text, code, kind, parameter = (
        value if isinstance(value := fields.get(name), str) else ""
        for name in ("message", "code", "type", "param")
    )
    answered = f"{who} answered {status}" if status else f"{who} ended the answer"
    hint = {401: "give its key with --key-file", 404: "/team lists what it serves"}.get(status, "")
    message = ": ".join(filter(None, [answered, one_line(text), "" if text else hint]))
    if status == 401 and text:
        message += f": {hint}"
    return ServerFailed(message, status=status, code=code or kind, parameter=parameter)


def one_line(text: str) -> str:
    """Of a server's own words, without what would move a cursor."""
    line = " ".join(visible(text).split())
    return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 1]}…"


@contextmanager
def _ended_by(stop_event: threading.Event | None, sock: socket.socket) -> Iterator[None]:
    """Meanwhile the socket is shut down as soon as the event is set, which wakes whoever reads it."""
    if stop_event is None:
        yield
        return
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_SECONDS_BETWEEN_LOOKS):
            if stop_event.is_set():
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                return

    looking = threading.Thread(target=look, name="stop", daemon=True)
    looking.start()
    try:
        yield
    finally:
        is_over.set()
        looking.join()
