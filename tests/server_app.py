"""The server's application in this process, with scripted models: requests without a socket."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fakes import END, ScriptedModel
from localcollab.catalog.settings import Settings
from localcollab.chat.template import ChatTemplate, Message
from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel, OnChunk, Reading
from localcollab.server.app import build_app
from localcollab.server.guard import Rules
from localcollab.server.journal import Journal
from localcollab.server.serving import Serving, Sizes
from localcollab.server.shelf import Offer, Room, Shelf
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

_ANSWER = b"\x02"
"""Where the template lets an answer begin."""


class RolesTemplate(ChatTemplate):
    """role, content, newline; without a process of its own."""

    def __init__(self) -> None:
        self.source, self.name = "", "fake"

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, object]] = (),
    ) -> str:
        parts = [f"{m.role}: {m.content}\n" for m in messages]
        return "".join(parts) + "\x02" * add_generation_prompt


class EchoModel(ScriptedModel):
    """Answers with what stands in the last line before the answer; reads wait for `may_read`."""

    def __init__(self, *, name: str = "base", n_ctx: int = 2048, p: float = 0.9) -> None:
        super().__init__(b"", name=name, n_ctx=n_ctx, p=p)
        self.may_read = threading.Event()
        self.may_read.set()
        self.is_reading = threading.Event()

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        self.is_reading.set()
        while not self.may_read.wait(0.005):
            if on_chunk:
                on_chunk(0, len(tokens))
        data = bytes(token for token in tokens if token < END)
        at = data.rfind(_ANSWER)
        if at >= 0:
            line = data[:at].rstrip(b"\n").rsplit(b"\n", 1)[-1]
            self.script, self.n_prompt = list(line.partition(b": ")[2]), at + 1
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


class LetterEncoder:
    """How often each letter occurs."""

    name, n_embd = "letters", 26

    def embed(self, text: str) -> np.ndarray:
        counts = np.array([1e-3 + text.count(chr(97 + n)) for n in range(26)], np.float32)
        return counts / np.float32(np.linalg.norm(counts))

    def count(self, text: str) -> int:
        return len(text)


@dataclass
class FakeSource:
    """A team of one scripted model; each seat has a model of its own."""

    make: Callable[[], LanguageModel]
    name: str = "echo"
    template: ChatTemplate | None = field(default_factory=RolesTemplate)
    settings: Settings = field(default_factory=lambda: Settings(sampling={"temperature": 0}))
    n_beside: int = 10
    """How many more seats memory holds."""
    weights_bytes: int = 1000
    conversation_bytes: int = 100
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.opened: list[OpenTeam] = []
        self.team = self._open()

    def _open(self) -> OpenTeam:
        model = self.make()
        team = OpenTeam(
            self.name, model, {model.name: model}, {}, self.template, settings=self.settings
        )
        self.opened.append(team)
        return team

    def open_beside(self, system: str | None) -> "FakeConversation":
        if len(self.opened) > self.n_beside:
            raise BadOption("no memory")
        return FakeConversation(Session(self._open()))

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeConversation:
    session: Session

    def close(self) -> None:
        pass


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """Of server-sent events, without the last `[DONE]`."""
        blocks = self.body.decode().split("\n\n")
        lines = [
            line for block in blocks for line in block.split("\n") if line.startswith("data: ")
        ]
        return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]

    @property
    def error(self) -> Any:
        return self.json["error"]


class Client:
    """Calls the application. `chunks` are told as they come, so that one can go away between two."""

    def __init__(self, app: Any, serving: Serving) -> None:
        self.app, self.serving = app, serving

    async def get(self, path: str, **headers: str) -> Answered:
        return await self.ask("GET", path, b"", headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answered:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", path, data, headers)

    async def chat(self, text: str, **options: Any) -> Answered:
        messages = [{"role": "user", "content": text}]
        return await self.post("/v1/chat/completions", {"messages": messages, **options})

    async def ask(
        self,
        method: str,
        path: str,
        data: bytes,
        headers: Mapping[str, str],
        gone: asyncio.Event | None = None,
        on_chunk: Callable[[bytes], None] = lambda chunk: None,
    ) -> Answered:
        """`gone`: set when the client goes away."""
        path, _, query = path.partition("?")
        named = {"host": "127.0.0.1:8765", **{k.replace("_", "-"): v for k, v in headers.items()}}
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": method,
            "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "scheme": "http", "http_version": "1.1", "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8765),
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in named.items()],
        }  # fmt: skip
        gone = gone or asyncio.Event()
        answered = Answered(0, {}, b"")
        parts = [data]

        async def receive() -> dict[str, Any]:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                answered.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                answered.body += message.get("body", b"")
                on_chunk(message.get("body", b""))

        await self.app(scope, receive, send)
        return answered


@asynccontextmanager
async def client_of(
    *sources: FakeSource,
    room: Room | None = None,
    rules: Rules | None = None,
    sizes: Sizes | None = None,
    exact: bool = False,
    journal: Journal | None = None,
) -> AsyncIterator[Client]:
    """A client of a server of these sources (an echo, if there are none)."""
    offered = sources or (FakeSource(EchoModel),)
    offers = [
        Offer(source.name, lambda source=source: source, {"method": "single"})  # type: ignore[misc]
        for source in offered
    ]
    with ThreadPoolExecutor(16) as executor:
        shelf = Shelf(offers, executor, room or Room())
        serving = Serving(shelf, executor, sizes or Sizes(), exact=exact, journal=journal)
        yield Client(build_app(serving, rules or Rules()), serving)
        await shelf.close()


def run(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        return await work

    return asyncio.run(main())
