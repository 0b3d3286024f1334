"""Teams, limits and views of the real app, driven by keys, on scripted models."""

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets._toast import Toast

from chat_app import FakeTeams, ask, drive, make_app, screen_text, send, texts, until
from localcollab.errors import BadOption
from localcollab_tui.app import ChatApp
from localcollab_tui.widgets.messages import AnswerView

pytestmark = pytest.mark.slow


def test_another_team_goes_on_with_the_conversation() -> None:
    teams = FakeTeams()

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "one")
        await send(app, pilot, "/team other")
        await until(pilot, lambda: app.dialogue.facts is not None)
        await ask(app, pilot, "two")
        teams_used = [m.provenance.team for m in app.dialogue.branch if m.provenance]
        assert teams_used == ["fake", "other"]

    drive(make_app(teams), steps)


def test_a_team_that_does_not_open_is_said_in_place() -> None:
    app = make_app(team="nosuch")

    async def steps() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "no team is open" in screen_text(app))
            await send(app, pilot, "/team other")
            await until(pilot, lambda: app.dialogue.facts is not None)
            await ask(app, pilot, "two")

    asyncio.run(steps())
    assert app.close()


def test_a_team_that_does_not_open_leaves_the_one_before() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "/team nosuch")
        await until(pilot, lambda: bool(app._notifications))
        assert [said.title for said in app._notifications] == ["cannot open nosuch"]
        await ask(app, pilot, "two")
        assert texts(app) == ["two", "You said two"]
        assert screen_text(app).splitlines()[-1].startswith(" incognito · fake · ")

    drive(make_app(), steps)


def test_what_a_command_refuses_is_said_also_before_anything_was_looked_at() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "/gate nosuch")
        await until(pilot, lambda: bool(app._notifications), seconds=20)
        (said,) = app._notifications
        assert said.message.startswith("/gate is 'nosuch', which is not known")

    drive(make_app(), steps)


def test_the_status_line_of_a_failed_answer_ends_in_its_context() -> None:
    def fail(question: str) -> str:
        raise BadOption("no")

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "one")
        assert screen_text(app).splitlines()[-1].rstrip().endswith("context 0/4096")

    drive(make_app(FakeTeams(fail)), steps)


def test_a_notice_leaves_the_field_in_sight() -> None:
    app = make_app()

    async def steps() -> None:
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await send(app, pilot, "/nosuch")
            await until(pilot, lambda: "unknown command" in screen_text(app), seconds=20)
            notice, field = app.screen.query_one(Toast).region, app.chat.composer.region
            assert notice.bottom <= field.y

    asyncio.run(steps())
    assert app.close()


def test_export_writes_markdown_and_json(tmp_path: Path) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hi")
        await send(app, pilot, f"/export {tmp_path / 'a.md'}")
        await send(app, pilot, f"/export {tmp_path / 'a.json'}")
        await send(app, pilot, f"/export {tmp_path / 'a.txt'}")

    drive(make_app(), steps)
    assert "‹Y›¹ou said" in (tmp_path / "a.md").read_text()
    assert '"author": "expert"' in (tmp_path / "a.json").read_text()
    assert not (tmp_path / "a.txt").exists()


def test_a_turn_that_does_not_fit_asks_and_says_what_was_left_out() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "/set overflow ask")
        await ask(app, pilot, "a" * 60)
        await ask(app, pilot, "b" * 40)
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await send(app, pilot, "c" * 60)
        await until(pilot, lambda: "Leave out the oldest turn" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.dialogue.pending is None)
        assert "left out" in screen_text(app)
        assert app.dialogue.branch[-1].outcome.notes  # type: ignore[union-attr]

    drive(make_app(FakeTeams(lambda q: "ok", n_ctx=200)), steps)


def test_a_question_that_never_fits_comes_back_into_the_field() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "d" * 300)
        await until(pilot, lambda: "shorten it" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.dialogue.pending is None)
        assert app.chat.composer.text == "d" * 300
        assert app.dialogue.branch == ()

    drive(make_app(FakeTeams(n_ctx=200)), steps)


def test_reasoning_is_folded() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "x")
        shown = screen_text(app)
        assert "reasoning" in shown
        assert "hidden thought" not in shown
        assert "the answer" in shown

    drive(make_app(FakeTeams(lambda _: "<think>\nhidden thought\n</think>\nthe answer")), steps)


def test_two_columns_show_the_team_and_its_base_alone() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hi")
        await send(app, pilot, "/compare base")
        await until(pilot, lambda: screen_text(app).count("You said Hi") >= 2)
        await until(pilot, lambda: len(app.screen.query(AnswerView)) == 2)
        assert len(app.dialogue.branch) == 2
        await pilot.press("escape")
        assert len(app.screen_stack) == 1

    drive(make_app(), steps, size=(120, 30))


def test_the_second_turn_reads_only_what_is_new() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "one")
        await ask(app, pilot, "two")
        notes = app.dialogue.branch[-1].outcome.notes  # type: ignore[union-attr]
        assert notes == ()

    drive(make_app(), steps)


def test_keys_that_come_in_one_burst_are_sent_whole() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        for key in [*"burst", "enter"]:
            app.post_message(events.Key(key, key if len(key) == 1 else "\r"))
        await until(pilot, lambda: texts(app) == ["burst", "You said burst"])

    drive(make_app(), steps)


def test_what_is_typed_right_behind_enter_stays_in_the_field() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        composer = app.chat.composer
        for line, typed in (("/set max_tokens 8", "one"), ("two", "three"), ("/nosuch", "four")):
            composer.put(line)
            composer.action_send()
            composer.insert(typed)  # before the app has seen what was sent
            await pilot.pause()
            await until(pilot, lambda: app.dialogue.pending is None)
            assert composer.text == typed
        assert texts(app)[0] == "two"

    drive(make_app(), steps)


def test_a_refused_line_comes_back_to_be_changed() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "/nosuch thing")
        assert app.chat.composer.text == "/nosuch thing"

    drive(make_app(), steps)
