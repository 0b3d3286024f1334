"""uvicorn's HTTP/1.1, with what it lacks: a limit of connections, and a time for a request's head."""

import asyncio
import socket
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 256
SECONDS_FOR_HEAD = 10.0
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)
_SAID = (
    b'{"error":{"message":"too many connections","type":"server_error","param":null,"code":null}}'
)


def _send_at_once(transport: Any) -> None:
    """asyncio does so for sockets that it listens at itself. Without, the kernel holds the first token of
    a stream back until the client has acknowledged the head, which takes it up to 40 ms."""
    transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class CarefulProtocol(H11Protocol):
    """Closed where too many are open, or where its next request takes too long to begin."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        _send_at_once(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.write(_FULL % (len(_SAID), _SAID))
            transport.close()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state is h11.IDLE and self.cycle is None:
            self._expect_head()
        elif self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self.conn.trailing_data[0]:
            # A part of the next request's head, after others.
            self._expect_head()

    def _expect_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(SECONDS_FOR_HEAD, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
