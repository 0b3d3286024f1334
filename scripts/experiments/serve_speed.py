"""How fast is a server for several clients, and how long does its first token take beside `run`'s own?

    python scripts/experiments/serve_speed.py MODEL [--clients 1 2 4 8] [--rounds 3] [--n-ctx 2048]
        [--serve=--batch]

Aggregate speed: all tokens of all clients over the time from the first request to the last answer, the
median of the rounds; clients ask different questions. First token: the second turn of a conversation
whose first turn is cached, asked of the server and of the same model in this process in turn, each a
median; their difference is what the server adds. An option after `--serve=` is added to `localcollab
serve`, and both servers, with it and without, are measured in turn.
"""

import argparse
import asyncio
import json
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from localcollab.events import Token
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.defaults import chat_limits, chat_sampling
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

_PATH = "/v1/chat/completions"
_N_TOKENS = 64
_STORY = (
    "Tell me about the history of bread, of rivers, of clocks and of glass, each in two sentences. "
)


def body(
    messages: Sequence[dict[str, str]], *, stream: bool, max_tokens: int = _N_TOKENS
) -> dict[str, Any]:
    return {
        "messages": messages, "temperature": 0, "seed": 0, "stream": stream, "max_tokens": max_tokens,
    }  # fmt: skip


def said(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


async def aggregate(client: httpx.AsyncClient, n_clients: int, number: int) -> float:
    """Tokens a second of all together."""
    texts = [f"Number {number * 100 + n}: {_STORY}" for n in range(n_clients)]
    began = time.perf_counter()
    answers = await asyncio.gather(
        *(client.post(_PATH, json=body(said(text), stream=False)) for text in texts)
    )
    seconds = time.perf_counter() - began
    n_tokens = sum(each.raise_for_status().json()["usage"]["completion_tokens"] for each in answers)
    return float(n_tokens / seconds)


async def first_by_server(client: httpx.AsyncClient, number: int) -> float:
    """Seconds to the first text of a second turn."""
    question = f"{number}: {_STORY * 4}"
    first = await client.post(_PATH, json=body(said(question), stream=False, max_tokens=8))
    answer = first.raise_for_status().json()["choices"][0]["message"]["content"]
    turns = said(question, answer, "And of salt?")
    began = time.perf_counter()
    async with client.stream("POST", _PATH, json=body(turns, stream=True)) as answered:
        async for line in answered.aiter_lines():
            if line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                if any(choice["delta"].get("content") for choice in choices):
                    break
        return time.perf_counter() - began


def first_by_run(team: OpenTeam, number: int) -> float:
    sampling = chat_sampling(team, {"temperature": 0.0, "seed": 0})
    session = Session(team)
    list(session.ask(f"{number}: {_STORY * 4}", sampling, chat_limits(team, 8)))
    began = time.perf_counter()
    for event in session.ask("And of salt?", sampling, chat_limits(team, _N_TOKENS)):
        if isinstance(event, Token) and event.text:
            break
    return time.perf_counter() - began


@asynccontextmanager
async def serving(
    model: str, n_ctx: int, options: Sequence[str]
) -> AsyncIterator[httpx.AsyncClient]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [
        sys.executable, "-m", "localcollab", "serve", model, "--port", str(port), "--n-ctx", str(n_ctx),
        "--parallel", "8", *options,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command)
    limits = httpx.Limits(max_connections=64)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
            while process.returncode is None:
                try:
                    await client.get("/health")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def main(arguments: argparse.Namespace) -> None:
    kinds = {"localcollab serve": []} | (
        {f"localcollab serve {arguments.serve}": [arguments.serve]} if arguments.serve else {}
    )
    async with AsyncExitStack() as stack:
        servers = {
            name: await stack.enter_async_context(
                serving(arguments.model, arguments.n_ctx, options)
            )
            for name, options in kinds.items()
        }
        for client in servers.values():
            await aggregate(client, max(arguments.clients), 99)  # all contexts are open then
        print("| clients | " + " | ".join(f"tokens/s of {name}" for name in servers) + " |")
        for n_clients in arguments.clients:
            found: dict[str, list[float]] = {name: [] for name in servers}
            for number in range(arguments.rounds):
                for name, client in servers.items():
                    found[name].append(await aggregate(client, n_clients, number))
            medians = [f"{statistics.median(each):.1f}" for each in found.values()]
            print(f"| {n_clients} | {' | '.join(medians)} |", flush=True)
        await _first_tokens(arguments, servers)


async def _first_tokens(
    arguments: argparse.Namespace, servers: dict[str, httpx.AsyncClient]
) -> None:
    is_file = arguments.model.endswith(".gguf")
    plan = TeamChoice(team=Path(arguments.model) if is_file else arguments.model).plan()
    team = open_team(plan, Options(n_ctx=arguments.n_ctx))
    alone: list[float] = []
    through: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(3 * arguments.rounds):
        alone.append(first_by_run(team, number))
        for name, client in servers.items():
            through[name].append(await first_by_server(client, number))
    own = 1000 * statistics.median(alone)
    print(f"first token of run itself: {own:.1f} ms")
    for name, each in through.items():
        seconds = statistics.median(each)
        print(f"first token through {name}: {1000 * seconds - own:+.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="A team, a model or a GGUF file.")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--n-ctx", type=int, default=2048)
    parser.add_argument("--serve", help="One more option of localcollab serve.")
    asyncio.run(main(parser.parse_args()))
