"""Server-sent events, and work that ends when its client goes away."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

SECONDS_QUIET = 10.0
"""After so long without an event a comment keeps the connection open."""
_SECONDS_UNREAD = 60.0
"""A client that reads nothing for so long is gone."""
_COMMENT = b": keep-alive\n\n"


def event(record: Mapping[str, object], name: str | None = None) -> bytes:
    """One event. JSON escapes line ends, so no text of a model can begin another one."""
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {to_json(record)}\n\n".encode()


def json_line(record: Mapping[str, object]) -> bytes:
    return f"{to_json(record)}\n".encode()


def to_json(record: object) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


DONE = b"data: [DONE]\n\n"


class Chunks(Response):
    """A body that is written as it comes, and closed as soon as the client is gone.

    `closing` is closed at the end, however it ends. `comments`: whether silence may be broken.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        closing: AsyncExitStack,
        *,
        media_type: str = "text/event-stream",
        comments: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"
        self._chunks, self._closing = chunks, closing
        self._quiet = SECONDS_QUIET if comments else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._closing:
            await unless_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async with aclosing(self._chunks) as chunks:
            async for chunk in _with_comments(chunks, self._quiet):
                async with asyncio.timeout(_SECONDS_UNREAD):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _with_comments(
    chunks: AsyncIterator[bytes], seconds: float | None
) -> AsyncIterator[bytes]:
    while True:
        coming = asyncio.ensure_future(anext(chunks, None))
        try:
            while not (await asyncio.wait({coming}, timeout=seconds))[0]:
                yield _COMMENT
            chunk = await coming
        finally:
            await _ended(coming)
        if chunk is None:
            return
        yield chunk


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`, or None where it was cancelled because the client went away."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await _ended(working)
        await _ended(gone)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _ended(task: "asyncio.Future[Any]") -> None:
    """Cancelled, and through with its cleaning up."""
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
