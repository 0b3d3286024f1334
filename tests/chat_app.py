"""The real app on scripted models: a fake team that answers whatever a test wants."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from textual.pilot import Pilot

from fakes import END, N_VOCAB, ScriptedModel
from localcollab.catalog.settings import Settings
from localcollab.chat.template import ChatTemplate, Message
from localcollab.errors import BadCatalog
from localcollab.history import History, open_history
from localcollab.language_model import Float32Array, OnChunk, Reading
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate
from localcollab.progress import OnProgress
from localcollab.teams.opened import OpenTeam
from localcollab_tui.app import ChatApp, Start
from localcollab_tui.engine.thread import Engine, on_own_models
from localcollab_tui.messages import Update

_ANSWER = b"\x02"
"""Where the template lets an answer begin."""
Answers = Callable[[str], str]


def echo(question: str) -> str:
    return f"You said {question}"


class FakeTemplate(ChatTemplate):
    """role, content, newline; the answer begins behind a byte no text holds."""

    def __init__(self) -> None:
        self.source, self.name = "", "fake"

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, object]] = (),
    ) -> str:
        parts = [
            f"\x02{m.content}\n" if m.role == "assistant" else f"{m.role}: {m.content}\n"
            for m in messages
        ]
        return "".join(parts) + "\x02" * add_generation_prompt


class TalkingModel(ScriptedModel):
    """Answers the last question with `answers(question)`; of digits nobody is sure."""

    def __init__(
        self, answers: Answers, *, name: str, pace: float = 0.0, n_ctx: int = 4096
    ) -> None:
        super().__init__(b"", name=name, n_ctx=n_ctx)
        self._answers, self._pace = answers, pace
        self._n_tokens, self._end = 0, b""

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        self._n_tokens, self._end = len(tokens), _end(tokens)
        if self._pace:
            time.sleep(self._pace)
        self.reads.clear()  # nobody counts them here, and 500 turns make many
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)

    def _row(self, n_tokens: int) -> np.ndarray:
        before = self._end[: len(self._end) - (self._n_tokens - n_tokens)]
        prompt, _, written = before.rpartition(_ANSWER)
        question = prompt.rpartition(b"user: ")[2].decode("utf-8", "replace").rstrip("\n")
        script = self._answers(question).encode()
        wanted = script[len(written)] if len(written) < len(script) else END
        p = 0.3 if chr(wanted).isdigit() else 0.9
        row = np.full(N_VOCAB, np.log((1 - p) / (N_VOCAB - 1)))
        row[wanted] = np.log(p)
        return row


def _end(tokens: Sequence[int]) -> bytes:
    """From the last question on, without reading a long conversation at every token."""
    for n in (512, 8192):
        end = bytes(token for token in tokens[-n:] if token < END)
        if b"user: " in end.rpartition(_ANSWER)[0]:
            return end
    return bytes(token for token in tokens if token < END)


def capitals_gate() -> Gate:
    """The expert should write capitals and digits: p_defer 0.8, else 0.2."""

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        wanted = reading.logits.argmax(axis=-1)
        is_theirs = [chr(t).isupper() or chr(t).isdigit() for t in wanted]
        return np.where(is_theirs, 0.8, 0.2).astype(np.float32)[:, None]

    return Gate("entropy", False, defer)


class FakeTeams:
    """Opens teams by name; remembers the models, so that tests can count reads."""

    def __init__(
        self, answers: Answers = echo, *, pace: float = 0.0, n_ctx: int = 4096,
        names: tuple[str, ...] = ("fake", "other"), settings: Settings | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings or Settings()
        self.answers, self.pace, self.n_ctx, self.names = answers, pace, n_ctx, names
        self.opened: list[str] = []

    def open(self, name: str | None, on_progress: OnProgress) -> OpenTeam:
        name = name or self.names[0]
        if name not in self.names:
            raise BadCatalog(f"no team is named {name!r}: localcollab teams lists them")
        on_progress(f"loading {name}")
        self.opened.append(name)
        base = TalkingModel(self.answers, name="base", pace=self.pace, n_ctx=self.n_ctx)
        expert = TalkingModel(self.answers, name="expert", n_ctx=self.n_ctx)
        model = DeferralTeam(name, base, [expert], capitals_gate(), threshold=0.5)
        members = {"base": base, "expert": expert}
        return OpenTeam(name, model, members, {}, FakeTemplate(), settings=self.settings)


def make_app(
    teams: FakeTeams | None = None, history: History | None = None, *,
    team: str | None = None, conversation: str | None = None, choices: tuple[str, ...] = (),
) -> ChatApp:  # fmt: skip
    fake = teams or FakeTeams()

    def make_engine(say: Callable[[Update], None]) -> Engine:
        return Engine(on_own_models(fake.open, lambda model: model), say)

    start = Start(
        team=team, conversation=conversation, teams=lambda: fake.names, choices=lambda: choices
    )
    return ChatApp(history or open_history(None), make_engine, start)


Drive = Callable[[ChatApp, Pilot[None]], Coroutine[Any, Any, None]]


def drive(app: ChatApp, steps: Drive, *, size: tuple[int, int] = (80, 24)) -> None:
    """Run the app without a terminal, wait until the team is open, then `steps`."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.dialogue.facts is not None)
            await steps(app, pilot)
        assert app.close()

    asyncio.run(run())


async def until(pilot: Pilot[None], is_so: Callable[[], bool], seconds: float = 120.0) -> None:
    """Let the app go on until `is_so`."""
    give_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up, "it never happened"
        await pilot.pause(0.02)
    await pilot.pause()


async def send(app: ChatApp, pilot: Pilot[None], text: str) -> None:
    """Type a line (or a command), press Enter."""
    app.chat.composer.put(text)
    await pilot.press("enter")
    await pilot.pause()


async def ask(app: ChatApp, pilot: Pilot[None], text: str) -> None:
    """... and wait for the whole answer."""
    await send(app, pilot, text)
    await until(pilot, lambda: app.dialogue.pending is None)


def screen_text(app: ChatApp) -> str:
    """What a reader sees."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def texts(app: ChatApp) -> list[str]:
    return [message.text for message in app.dialogue.branch]


def history_file(folder: Path) -> History:
    return open_history(folder / "history.sqlite3")
