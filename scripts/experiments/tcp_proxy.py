"""A TCP proxy that delays, and that drops everything once a file is there: `tcp_proxy.py TO MS FILE`.

Prints the port it listens at. Everything that arrives is handed on MS milliseconds later, in order.
"""

import asyncio
import contextlib
import sys
from pathlib import Path


async def hand_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, drops: Path
) -> None:
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

    async def send() -> None:
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not drops.exists():
                writer.write(data)
                await writer.drain()

    sending = asyncio.create_task(send())
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            waiting.put_nowait((loop.time() + seconds, data))
    sending.cancel()
    writer.close()


async def main(port: int, seconds: float, drops: Path) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(
                hand_on(reader, inner_writer, seconds, drops),
                hand_on(inner_reader, writer, seconds, drops),
            )
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) / 1000, Path(sys.argv[3])))
