"""What becomes of a server that too many streams are opened to, and of one that is killed?

    python scripts/experiments/open_streams.py MODEL [--streams 10000] [--rounds 3]

Starts `localcollab serve MODEL --prompt-cache 0.5`, asks one question, then opens all streams at once and
keeps them open, in several rounds. Prints the statuses, the server's memory after each, and whether it
still gives the same answer. Then kills it (SIGKILL) while streams are open, starts it again on the same
cache and asks again. Ends with 1 where a refusal has no Retry-After, a client saw no error, or an answer
is another one.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

_PATH = "/v1/chat/completions"
_LONG = "Once there was a river that ran from the hills to the sea. " * 20
"""More tokens than a state has that is worth keeping."""
_AT_ONCE = 500
"""Connections that are being opened."""
_N_KILLED = 8


@dataclass
class Found:
    statuses: Counter[str] = field(default_factory=Counter)
    n_without_hint: int = 0
    """Refusals without Retry-After."""


def body(*, stream: bool, max_tokens: int) -> dict[str, Any]:
    question = f"{_LONG} Where did the river run?"
    return {
        "messages": [{"role": "user", "content": question}], "seed": 0, "temperature": 0,
        "stream": stream, "max_tokens": max_tokens,
    }  # fmt: skip


async def ask(url: str) -> str:
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        said = await client.post(_PATH, json=body(stream=False, max_tokens=24))
    text: str = said.raise_for_status().json()["choices"][0]["message"]["content"]
    return text


async def open_stream(
    port: int, found: Found, gate: asyncio.Semaphore, opened: asyncio.Event
) -> None:
    """Stays open until `opened`, whatever the answer."""
    data = json.dumps(body(stream=True, max_tokens=8)).encode()
    head = (
        f"POST {_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    writer: asyncio.StreamWriter | None = None
    try:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode() + data)
        answered = await reader.readuntil(b"\r\n\r\n")
        status = answered.split(b" ", 2)[1].decode()
        found.statuses[status] += 1
        if status in ("429", "503") and b"retry-after" not in answered.lower():
            found.n_without_hint += 1
    except (OSError, asyncio.IncompleteReadError) as error:
        found.statuses[type(error).__name__] += 1
    await opened.wait()
    if writer is not None:
        writer.close()


async def storm(port: int, n: int) -> Found:
    found, gate, opened = Found(), asyncio.Semaphore(_AT_ONCE), asyncio.Event()
    streams = [asyncio.ensure_future(open_stream(port, found, gate, opened)) for _ in range(n)]
    while found.statuses.total() < n and not all(each.done() for each in streams):
        await asyncio.sleep(0.2)
        if found.statuses["200"] + _waiting(found, n) >= n:
            break
    opened.set()
    await asyncio.gather(*streams)
    return found


def _waiting(found: Found, n: int) -> int:
    """Streams that wait in the queue have no status yet, and those that were refused all have one."""
    return n - found.statuses.total() if found.statuses.total() > 0.9 * n else 0


async def cut_off(url: str, pid: int) -> int:
    """How many of several clients see that their stream was cut when the server is killed."""

    async def one(begun: asyncio.Event) -> bool:
        text = ""
        try:
            async with (
                httpx.AsyncClient(base_url=url, timeout=600) as client,
                client.stream("POST", _PATH, json=body(stream=True, max_tokens=400)) as said,
            ):
                async for line in said.aiter_lines():
                    begun.set()
                    text += line
        except httpx.HTTPError:
            return True
        return "[DONE]" not in text

    begun = asyncio.Event()
    clients = [asyncio.ensure_future(one(begun)) for _ in range(_N_KILLED)]
    await begun.wait()
    os.kill(pid, signal.SIGKILL)
    return sum(await asyncio.gather(*clients))


def memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@asynccontextmanager
async def serving(model: str, port: int, cache: str) -> AsyncIterator[tuple[str, int]]:
    command = [
        sys.executable, "-m", "localcollab", "serve", model, "--port", str(port), "--n-ctx", "1024",
        "--prompt-cache", "0.5",
    ]  # fmt: skip
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            while process.returncode is None:
                try:
                    await client.get("/health")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
        yield url, process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


async def main(arguments: argparse.Namespace) -> int:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    port, n_without_hint = _free_port(), 0
    with tempfile.TemporaryDirectory() as cache:
        async with serving(arguments.model, port, cache) as (url, pid):
            alone = await ask(url)
            memory = [memory_mib(pid)]
            for n in range(arguments.rounds):
                found = await storm(port, arguments.streams)
                print(f"{arguments.streams} streams, round {n + 1}: {dict(found.statuses)}")
                n_without_hint += found.n_without_hint
                memory.append(memory_mib(pid))
            again = await ask(url)
            n_cut = await cut_off(url, pid)
        async with serving(arguments.model, port, cache) as (url, _):
            restarted = await ask(url)
    print(f"  refusals without Retry-After: {n_without_hint}")
    print(f"  memory in MiB, before and after each: {' '.join(f'{each:.0f}' for each in memory)}")
    print(f"  the same answer afterwards: {again == alone}")
    print(f"killed with {_N_KILLED} streams open: {n_cut} clients saw it")
    print(f"  the same answer after another start: {restarted == alone}")
    is_sound = not n_without_hint and n_cut == _N_KILLED
    return 0 if is_sound and again == alone == restarted else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="A team, a model or a GGUF file.")
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    sys.exit(asyncio.run(main(parser.parse_args())))
