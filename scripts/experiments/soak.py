"""Many clients at once, some of whom go away, send nonsense or too much: is every answer still right?

    python scripts/experiments/soak.py MODEL [--requests 1000] [--clients 8] [--seed 0] [--batch]

Starts `localcollab serve MODEL --exact` (or `--batch`, whose answers may differ in the last digits),
first asks every question alone, then all of them by several clients in random order: whole and streamed,
cancelled at random moments, with bad bodies and prompts that are too long. Prints how many answers differ
from those given alone, statuses, and the server's memory after each hundred requests.
"""

import argparse
import asyncio
import json
import random
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

_TOPICS = (
    "rivers",
    "bread",
    "the moon",
    "winter",
    "a clock",
    "trains",
    "salt",
    "bees",
    "glass",
    "rain",
)
_PATH = "/v1/chat/completions"
_BAD = (b"{", b"[]", b"\xff\xfe", b'{"messages": 1}', b'{"messages": [], "colour": "red"}')


@dataclass
class Seen:
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    """MiB, after each hundred requests."""
    n_done: int = 0
    seconds_alone: float = 0.0
    """A request's, when nobody else asks: cancels fall within so much."""


def body_of(n: int, *, stream: bool) -> dict[str, Any]:
    question = f"Say something about {_TOPICS[n % len(_TOPICS)]}, number {n}."
    return {
        "messages": [{"role": "user", "content": question}], "seed": n, "stream": stream,
        "temperature": 0.7 if n % 2 else 0, "max_tokens": 8 + n % 25,
    }  # fmt: skip


async def text_of(client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[int, str]:
    if not body["stream"]:
        said = await client.post(_PATH, json=body)
        found = said.json()
        return said.status_code, found["choices"][0]["message"][
            "content"
        ] if said.is_success else ""
    text = ""
    async with client.stream("POST", _PATH, json=body) as answered:
        async for line in answered.aiter_lines():
            if line.startswith("data: {"):
                event = json.loads(line[6:])
                if "error" in event:
                    return 500, event["error"]["message"]
                text += "".join(choice["delta"].get("content", "") for choice in event["choices"])
        return answered.status_code, text


async def one(client: httpx.AsyncClient, alone: list[str], rng: random.Random, seen: Seen) -> None:
    kind = rng.choices(("right", "cancelled", "bad", "long"), (70, 20, 7, 3))[0]
    n = rng.randrange(len(alone))
    if kind == "bad":
        said = await client.post(_PATH, content=rng.choice(_BAD))
        seen.statuses[f"bad {said.status_code}"] += 1
    elif kind == "long":
        body = body_of(n, stream=rng.random() < 0.5)
        body["messages"][0]["content"] = "word " * 20_000
        said = await client.post(_PATH, json=body)
        seen.statuses[f"long {said.status_code}"] += 1
    elif kind == "cancelled":
        try:
            async with asyncio.timeout(rng.uniform(0, seen.seconds_alone)):
                await text_of(client, body_of(n, stream=rng.random() < 0.7))
            seen.statuses["cancelled too late"] += 1
        except TimeoutError:
            seen.statuses["cancelled"] += 1
        except httpx.HTTPError as error:
            seen.statuses[f"cancelled, {type(error).__name__}"] += 1
    else:
        status, text = await text_of(client, body_of(n, stream=rng.random() < 0.5))
        seen.statuses[f"right {status}"] += 1
        if status == 200 and text != alone[n]:
            seen.wrong.append(f"{n}: {text!r} instead of {alone[n]!r}")


async def soak(url: str, pid: int, arguments: argparse.Namespace) -> Seen:
    seen, rng = Seen(), random.Random(arguments.seed)
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
        alone, began = [], time.perf_counter()
        for n in range(arguments.questions):
            alone.append((await text_of(client, body_of(n, stream=False)))[1])
        seen.seconds_alone = (time.perf_counter() - began) / arguments.questions
        left = iter(range(arguments.requests))

        async def work(own: random.Random) -> None:
            for _ in left:
                await one(client, alone, own, seen)
                seen.n_done += 1
                if seen.n_done % 100 == 0:
                    seen.memory.append(memory_mib(pid))
                    line = f"{seen.n_done} requests, {seen.memory[-1]:.0f} MiB"
                    print(f"{line}, {len(seen.wrong)} wrong answers", file=sys.stderr)

        clients = (work(random.Random(rng.random())) for _ in range(arguments.clients))
        await asyncio.gather(*clients)
        waiting = (await client.get("/metrics")).text
        busy = re.findall(r"(requests_(?:processing|deferred))\{.*\} (\d+)", waiting)
        seen.statuses |= Counter({f"left over: {name}": int(value) for name, value in busy})
    return seen


def memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@asynccontextmanager
async def serving(model: str, option: str) -> AsyncIterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [
        sys.executable, "-m", "localcollab", "serve", model, "--port", str(port), "--n-ctx", "1024",
        option,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            while True:
                try:
                    await client.get("/health")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.5)
        yield url, process.pid
    finally:
        process.terminate()
        await process.wait()


async def main(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    option = "--batch" if arguments.batch else "--exact"
    async with serving(arguments.model, option) as (url, pid):
        seen = await soak(url, pid, arguments)
    seconds = time.monotonic() - started
    print(f"{arguments.requests} requests of {arguments.clients} clients in {seconds:.0f} s")
    for name, n in sorted(seen.statuses.items()):
        print(f"  {name}: {n}")
    print(f"  memory in MiB after each hundred: {' '.join(f'{each:.0f}' for each in seen.memory)}")
    print(f"  wrong answers: {len(seen.wrong)}")
    for line in seen.wrong[:5]:
        print(f"    {line}")
    return 1 if seen.wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="A team, a model or a GGUF file.")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", action="store_true")
    sys.exit(asyncio.run(main(parser.parse_args())))
