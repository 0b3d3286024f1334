"""The real app with the shipped team: one conversation through everything a user does."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from chat_app import ask as ask_and_wait
from chat_app import drive, history_file, screen_text, send, texts, until
from localcollab.catalog import load_catalog
from localcollab.history import History
from localcollab.teams.choice import TeamChoice
from localcollab.teams.listing import team_record
from localcollab_tui.app import ChatApp, Start
from localcollab_tui.cli import make_app, opener
from localcollab_tui.engine.thread import on_own_models

pytestmark = pytest.mark.weights
_CATALOGS: tuple[Path, ...] = ()
_TEAM = "formulary"
_QUESTION = "What does Cobrorlin contain?"
_OTHER = "Who makes Kihelrine?"


def real_app(history: History, conversation: str | None = None) -> ChatApp:
    catalog = load_catalog(*_CATALOGS)
    if team_record(catalog, catalog.team(_TEAM))["missing"]:
        pytest.skip(f"needs the shipped team {_TEAM}")
    start = Start(_TEAM, conversation, _CATALOGS, lambda: tuple(catalog.teams))
    open_by_name = opener(TeamChoice(catalogs=_CATALOGS), None, None, None)
    return make_app(history, on_own_models(open_by_name), start)


async def ask(app: ChatApp, pilot: Pilot[None], text: str) -> str:
    await ask_and_wait(app, pilot, text)
    answer = app.dialogue.branch[-1]
    assert answer.status == "complete", answer
    return answer.text


def test_a_conversation_streams_branches_and_is_found_again(tmp_path: Path) -> None:
    async def first(app: ChatApp, pilot: Pilot[None]) -> None:
        answer = await ask(app, pilot, _QUESTION)
        assert answer.split()[0] in screen_text(app)
        assert await ask(app, pilot, "/regen") == answer
        await pilot.press("alt+left")
        await ask(app, pilot, _OTHER)
        await send(app, pilot, "/edit")
        await ask(app, pilot, "Who makes Lelgidone?")
        await send(app, pilot, "/fork")
        await send(app, pilot, f"/export {tmp_path / 'out.json'}")
        assert len(app.dialogue.branch) == 4
        assert app.dialogue.branch[-1].outcome.notes == ()  # type: ignore[union-attr]

    with history_file(tmp_path) as history:
        drive(real_app(history), first)
    assert '"tokens"' in (tmp_path / "out.json").read_text()

    async def second(app: ChatApp, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+f", *"Lelgidone")
        await until(pilot, lambda: "found" in screen_text(app) and "Lelgidone" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(app.dialogue.branch) >= 2)
        assert any("Lelgidone" in text for text in texts(app))
        await ask(app, pilot, _QUESTION)

    with history_file(tmp_path) as history:
        drive(real_app(history), second)


def test_threshold_gate_and_team_change_who_writes(tmp_path: Path) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, _QUESTION)
        await send(app, pilot, "/gate always")
        await until(pilot, lambda: _facts(app).gate == "always")
        await ask(app, pilot, _QUESTION)
        outcome = app.dialogue.branch[-1].outcome
        assert outcome is not None
        assert "base" not in outcome.authors
        await send(app, pilot, "/gate entropy")
        await send(app, pilot, "/threshold 1")
        await until(pilot, lambda: _facts(app).threshold == 1)
        await ask(app, pilot, _QUESTION)
        outcome = app.dialogue.branch[-1].outcome
        assert outcome is not None
        assert list(outcome.authors) == ["base"]
        await send(app, pilot, f"/team {_TEAM}")
        await until(pilot, lambda: app.dialogue.facts is not None)
        assert _facts(app).threshold != 1

    with history_file(tmp_path) as history:
        drive(real_app(history), steps)


def test_an_answer_is_stopped_and_looked_into(tmp_path: Path) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, _QUESTION)
        await pilot.press("f2", "right")
        await until(pilot, lambda: "(this one" in screen_text(app))
        for member in _facts(app).members:
            assert f"{member}" in screen_text(app)
        await pilot.press("f2")
        await send(app, pilot, _OTHER)
        app.engine.stop()
        await until(pilot, lambda: app.dialogue.pending is None)
        assert app.dialogue.branch[-1].status in ("stopped", "complete")

    with history_file(tmp_path) as history:
        drive(real_app(history), steps, size=(130, 40))


def _facts(app: ChatApp):  # type: ignore[no-untyped-def]
    assert app.dialogue.facts is not None
    return app.dialogue.facts
