"""An error that nobody expected: the chat goes on where it was, and shows what to report."""

import queue
from collections.abc import Awaitable, Callable

import pytest
import typer
from textual.pilot import Pilot

from chat_app import screen_text, texts, until
from chat_engine import ScriptedEngine
from localcollab.history import History, open_history
from localcollab_tui.app import ChatApp, Start
from localcollab_tui.cli import run_app
from localcollab_tui.crash_report import crash_report
from localcollab_tui.engine.thread import Engine, on_own_models
from localcollab_tui.messages import Load, OpenFailed, Unexpected, Update
from localcollab_tui.screens.text import TextScreen

_SECRET = "Zanzibar"
Steps = Callable[[ChatApp, Pilot[None]], Awaitable[None]]


class Headless(ChatApp):
    """Runs without a terminal, driven by `steps`."""

    def __init__(self, history: History, start: Start, steps: Steps) -> None:
        super().__init__(history, ScriptedEngine, start)
        self._steps = steps

    def run(self, **how: object) -> None:
        async def pilot(pilot: Pilot[None]) -> None:
            await self._steps(self, pilot)

        super().run(headless=True, size=(100, 30), auto_pilot=pilot)  # type: ignore[arg-type]


def _boom() -> None:
    secret = _SECRET
    raise ValueError(f"cannot say {secret}")


async def fails(app: ChatApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: app.dialogue.facts is not None)
    app.chat.composer.put(f"Tell me of {_SECRET}")
    await pilot.press("enter")
    assert isinstance(app.engine, ScriptedEngine)
    app.engine.advance(2)
    app.chat.composer.put("a draft")
    app.chat.call_later(_boom)
    await pilot.pause()


@pytest.mark.slow
def test_the_conversation_goes_on_and_the_page_quotes_nothing_of_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    seen: list[str] = []

    async def goes_on(app: ChatApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        seen.append(screen_text(app))
        await pilot.press("escape")
        assert texts(app)[0] == f"Tell me of {_SECRET}"
        assert app.dialogue.branch[-1].status == "stopped"
        assert app.chat.composer.text == "a draft"
        app.exit()

    with open_history(None) as history:
        runs = iter([fails, goes_on])
        assert run_app(lambda start: Headless(history, start, next(runs)), Start())
    assert next(runs, None) is None
    (page,) = seen
    assert "builtins.ValueError" in page
    assert "test_unexpected_errors.py" in page
    assert _SECRET not in page
    said = capfd.readouterr()
    assert _SECRET not in said.out + said.err


@pytest.mark.slow
def test_an_app_that_fails_again_at_once_ends_with_the_report(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with open_history(None) as history, pytest.raises(typer.Exit) as ended:
        run_app(lambda start: Headless(history, start, fails), Start())
    assert ended.value.exit_code == 1
    said = capfd.readouterr().err
    assert "builtins.ValueError" in said
    assert _SECRET not in said


def test_a_report_has_every_place_and_no_words() -> None:
    try:
        try:
            _boom()
        except ValueError as error:
            raise KeyError(_SECRET) from error
    except KeyError as error:
        lines = crash_report(error).splitlines()
    assert [line for line in lines if line.startswith("builtins.")] == [
        "builtins.ValueError", "builtins.KeyError"
    ]  # fmt: skip
    assert any(line.startswith("test_unexpected_errors.py:") for line in lines)
    assert not any(_SECRET in line or "/" in line.split(":")[0] for line in lines)


def test_a_bug_in_the_models_thread_is_reported_and_the_thread_goes_on() -> None:
    def opens(name: str | None, on_progress: object) -> object:
        raise ZeroDivisionError(_SECRET)

    updates: queue.SimpleQueue[Update] = queue.SimpleQueue()
    engine = Engine(on_own_models(opens), updates.put)  # type: ignore[arg-type]
    engine.start()
    for _ in range(2):
        engine.submit(Load(None))
        assert isinstance(updates.get(timeout=60), OpenFailed)
        update = updates.get(timeout=60)
        assert isinstance(update, Unexpected)
        assert "ZeroDivisionError" in update.report
        assert _SECRET not in update.report
    assert engine.close()
