"""The protocol on a socket that somebody else listens at."""

import asyncio
import socket
from typing import Any

import pytest
import uvicorn

from localcollab.server.protocol import CarefulProtocol
from scripted_server import connect_only_to


def test_small_parts_are_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket of `socket.create_server` names no protocol, so asyncio takes it for none of TCP's."""
    config = uvicorn.Config(_nothing, http=CarefulProtocol, ws="none", log_config=None)
    config.load()
    state = uvicorn.Server(config).server_state
    found: list[int] = []

    class Seen(CarefulProtocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            own = transport.get_extra_info("socket")
            found.append(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            connect_only_to(port, monkeypatch)
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Seen(config, state, {}), sock=listening)
            there = await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port))
            while not found:
                await asyncio.sleep(0.001)
            there.close()
            server.close()

    asyncio.run(main())
    assert found[0] != 0


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """No request comes."""
