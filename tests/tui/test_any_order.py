"""Commands and keys in any order, on a scripted engine: the app lives, and nothing stored is lost.

LOCALCOLLAB_CHAT_STEPS=2000 runs that many steps, in another order each time; CI runs a few hundred.
"""

import asyncio
import os
import queue
import tempfile
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from textual.pilot import Pilot

from chat_engine import TEAMS, ScriptedEngine
from localcollab.history import open_history
from localcollab_tui.app import ChatApp, Start

pytestmark = pytest.mark.slow

_N_STEPS = 300
_STEPS_A_RUN = 40
_SECONDS_A_STEP = 60
QUESTIONS = st.sampled_from(
    ["hello", "two", "three\nlines\nhere", "//etc", "[b]x[/b]", "fail", "long", "endless"]
)
COMMANDS = st.sampled_from([
    "/system Be brief.", "/system off", "/system", "/team other", "/team nosuch", "/team", "/docs",
    "/docs off", "/docs notes", "/docs nix", "/docs a b c", "/threshold", "/threshold 0.2",
    "/threshold x", "/gate always", "/gate nosuch", "/gate", "/set temperature 0.5", "/set", "/set x",
    "/show", "/stats", "/sources", "/why", "/copy", "/copy code", "/compare", "/compare other", "/help",
    "/nosuch", "/export", "/clear", "/undo",
])  # fmt: skip
KEYS = st.sampled_from([
    "escape", "enter", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "n",
    "N", "x", "f1", "f2", "f3", "f4", "f8", "ctrl+n", "ctrl+s", "ctrl+f", "ctrl+r", "ctrl+y", "ctrl+j",
    "ctrl+u", "ctrl+home", "ctrl+t", "alt+left", "alt+right", "/", "space", "backspace",
])  # fmt: skip
SIZES = st.sampled_from([(80, 24), (40, 10), (120, 40), (200, 60), (20, 5)])
Step = Callable[[Pilot[None]], Awaitable[None]]
steps_done = 0


class RunningApp:
    """The app in a thread of its own, where it stays between the steps of the test."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._steps: queue.SimpleQueue[tuple[Step, Future[None]] | None] = queue.SimpleQueue()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def do(self, step: Step) -> None:
        done: Future[None] = Future()
        self._steps.put((step, done))
        done.result(_SECONDS_A_STEP)

    def end(self) -> None:
        self._steps.put(None)
        self._thread.join(_SECONDS_A_STEP)
        if self._app.unexpected is None:
            self._ended.result(0)

    def _run(self) -> None:
        try:
            asyncio.run(self._drive())
            self._ended.set_result(None)
        except BaseException as error:
            # A future takes no StopIteration.
            self._ended.set_exception(RuntimeError(repr(error)))

    async def _drive(self) -> None:
        async with self._app.run_test(size=(80, 24)) as pilot:
            while (item := await asyncio.to_thread(self._steps.get)) is not None:
                step, done = item
                work: asyncio.Task[Any] = asyncio.create_task(self._settle(pilot, step))
                died: asyncio.Task[Any] = asyncio.create_task(self._app._exception_event.wait())
                await asyncio.wait({work, died}, return_when=asyncio.FIRST_COMPLETED)
                died.cancel()
                if self._app.unexpected is not None:
                    work.cancel()  # a dead app answers no more
                    done.set_result(None)
                elif error := work.exception():
                    done.set_exception(error)
                else:
                    done.set_result(None)

    async def _settle(self, pilot: Pilot[None], step: Step) -> None:
        """`step`, until its updates are shown and no worker runs."""
        await step(pilot)
        await pilot.pause()
        while self._app.is_running and (
            self._app._is_waiting or any(worker.is_running for worker in self._app.workers)
        ):
            await pilot.pause(0.005)


def is_answering(machine: "ChatMachine") -> bool:
    return machine.app.dialogue.pending is not None


def is_idle_with_a_question(machine: "ChatMachine") -> bool:
    return machine.app.dialogue.pending is None and bool(machine.app.dialogue.branch)


def has_conversations(machine: "ChatMachine") -> bool:
    return bool(machine.stored)


class ChatMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.history = open_history(Path(self._folder.name) / "history.sqlite3")
        self.app = ChatApp(self.history, ScriptedEngine, Start(teams=lambda: TEAMS))
        self.running = RunningApp(self.app)
        self.stored: dict[str, int] = {}
        self.deletes = False
        self.running.do(lambda pilot: pilot.pause(0.1))

    def teardown(self) -> None:
        try:
            self.running.end()
        finally:
            self.history.close()
            self._folder.cleanup()

    def do(self, step: Step) -> None:
        global steps_done
        steps_done += 1
        self.running.do(step)

    @property
    def engine(self) -> ScriptedEngine:
        assert isinstance(self.app.engine, ScriptedEngine)
        return self.app.engine

    async def to_chat(self, pilot: Pilot[None]) -> None:
        for _ in range(5):
            if len(self.app.screen_stack) > 1:
                await pilot.press("escape")

    async def send(self, pilot: Pilot[None], text: str) -> None:
        await self.to_chat(pilot)
        self.app.chat.composer.focus()
        self.app.chat.composer.put(text)
        await pilot.press("enter")

    @rule(text=QUESTIONS)
    def ask(self, text: str) -> None:
        self.do(lambda pilot: self.send(pilot, text))

    @precondition(lambda machine: not is_answering(machine))
    @rule(text=QUESTIONS)
    def ask_and_hear(self, text: str) -> None:
        async def step(pilot: Pilot[None]) -> None:
            await self.send(pilot, text)
            self.engine.advance(100)

        self.do(step)

    @rule()
    def type_and_send(self) -> None:
        """Behind whatever stands in the field."""
        self.do(lambda pilot: pilot.press("a", "b", "enter"))

    @precondition(is_answering)
    @rule(n=st.integers(1, 8))
    def advance(self, n: int) -> None:
        async def step(pilot: Pilot[None]) -> None:
            self.engine.advance(n)

        self.do(step)

    @precondition(is_answering)
    @rule()
    def stop(self) -> None:
        self.do(lambda pilot: pilot.press("escape"))

    @precondition(is_idle_with_a_question)
    @rule()
    def edit(self) -> None:
        self.do(lambda pilot: self.send(pilot, "/edit"))

    @precondition(is_idle_with_a_question)
    @rule(text=st.sampled_from(["/edit other", "/regen", "/fork", "/undo"]))
    def change(self, text: str) -> None:
        self.do(lambda pilot: self.send(pilot, text))

    @rule(command=COMMANDS)
    def command(self, command: str) -> None:
        line = f"/export {self._folder.name}/out.json" if command == "/export" else command
        self.do(lambda pilot: self.send(pilot, line))

    @precondition(is_idle_with_a_question)
    @rule()
    def start_new(self) -> None:
        self.do(lambda pilot: pilot.press("ctrl+n"))

    @precondition(is_idle_with_a_question)
    @rule(key=st.sampled_from(["alt+left", "alt+right"]))
    def switch(self, key: str) -> None:
        self.do(lambda pilot: pilot.press(key))

    @precondition(has_conversations)
    @rule(
        n=st.integers(0, 3), keys=st.sampled_from([("enter",), ("f4",), ("f3", "x", "enter"), ()])
    )
    def sessions(self, n: int, keys: tuple[str, ...]) -> None:
        async def step(pilot: Pilot[None]) -> None:
            await self.to_chat(pilot)
            await pilot.press("ctrl+s", *["down"] * n, *keys)

        self.do(step)

    @precondition(has_conversations)
    @rule(n=st.integers(0, 3))
    def delete(self, n: int) -> None:
        async def step(pilot: Pilot[None]) -> None:
            await self.to_chat(pilot)
            await pilot.press("ctrl+s", *["down"] * n, "f8", "f8", "escape")

        self.deletes = True
        self.do(step)

    @precondition(has_conversations)
    @rule(word=st.sampled_from(["hello", "said", "zzz"]))
    def search(self, word: str) -> None:
        async def step(pilot: Pilot[None]) -> None:
            await self.to_chat(pilot)
            await pilot.press("ctrl+f", *word)
            await pilot.pause(0.12)
            await pilot.press("down", "enter")

        self.do(step)

    @rule(keys=st.lists(KEYS, min_size=1, max_size=4))
    def press(self, keys: list[str]) -> None:
        self.deletes = self.deletes or keys.count("f8") > 0
        self.do(lambda pilot: pilot.press(*keys))

    @rule(size=SIZES)
    def resize(self, size: tuple[int, int]) -> None:
        self.do(lambda pilot: pilot.resize_terminal(*size))

    @invariant()
    def all_is_well(self) -> None:
        if self.app.unexpected is not None:
            raise AssertionError("the app has ended") from self.app.unexpected
        assert self.app.is_running
        self.check_history()
        self.check_screen()

    def check_history(self) -> None:
        """Only F8 deletes."""
        found = {c.id: c.n_messages for c in self.history.conversations(limit=-1)}
        for id_, n_messages in self.stored.items():
            assert found.get(id_, n_messages) >= n_messages
            assert id_ in found or self.deletes
        self.stored, self.deletes = found, False

    def check_screen(self) -> None:
        """What is shown is the stored branch, and what is edited is on it."""
        dialogue = self.app.dialogue
        assert dialogue.editing is None or dialogue.editing.id in [m.id for m in dialogue.branch]
        if dialogue.pending is not None:
            return
        stored = dialogue.conversation and self.history.branch(dialogue.conversation.id)
        assert dialogue.branch == (stored or ())
        shown = [view.message.id for view in self.app.chat.log_view.messages]
        assert shown == [m.id for m in dialogue.branch][len(dialogue.branch) - len(shown) :]
        assert bool(shown) == bool(dialogue.branch)


def test_no_order_of_commands_and_keys_ends_the_app(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = int(os.environ.get("LOCALCOLLAB_CHAT_STEPS", 0))
    n_runs = -(-(wanted or _N_STEPS) // _STEPS_A_RUN)
    run_state_machine_as_test(
        ChatMachine,
        settings=settings(
            max_examples=n_runs, stateful_step_count=_STEPS_A_RUN, deadline=None, database=None,
            derandomize=not wanted, print_blob=True, report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # shrinking would repeat hundreds of runs of seconds
        ),
    )  # fmt: skip
    record_property("steps", steps_done)
    print(f"{steps_done} steps in {n_runs} runs")
