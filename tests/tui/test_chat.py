"""The real app, driven by keys, on scripted models."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from chat_app import FakeTeams, ask, drive, history_file, make_app, screen_text, send, texts, until
from localcollab_tui.app import ChatApp
from localcollab_tui.widgets.tokens import TokensView

pytestmark = pytest.mark.slow


def test_an_answer_is_streamed_and_its_figures_stand_under_it() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hello")
        shown = screen_text(app)
        assert "You said Hello" in shown
        assert shown.count("14 tokens") == 1
        assert "expert¹ 14 %" in shown

    drive(make_app(), steps)


def test_escape_stops_and_keeps_what_was_written() -> None:
    # No loop, which would end the answer by itself.
    teams = FakeTeams(lambda _: "word word " + " ".join(map(str, range(700))), pace=0.005)

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "go")
        await until(pilot, lambda: "word word" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.dialogue.pending is None)
        answer = app.dialogue.branch[-1]
        assert answer.status == "stopped"
        assert answer.text.startswith("word word")
        assert "stopped" in screen_text(app)

    drive(make_app(teams), steps)


def test_regenerating_adds_a_sibling_and_alt_left_goes_back() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hi")
        first = app.dialogue.branch[-1].id
        await ask(app, pilot, "/regen")
        assert len(app.dialogue.branch[-1].siblings) == 2
        assert "2 of 2" in screen_text(app)
        await pilot.press("alt+left")
        assert app.dialogue.branch[-1].id == first
        assert "1 of 2" in screen_text(app)

    drive(make_app(), steps)


def test_editing_asks_beside_the_old_question() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "one")
        await send(app, pilot, "/edit")
        assert app.chat.composer.text == "one"
        await ask(app, pilot, "two")
        assert texts(app) == ["two", "You said two"]
        await pilot.press("alt+left")
        assert texts(app) == ["one", "You said one"]

    drive(make_app(), steps)


def test_an_edit_ends_with_its_conversation() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "hello")
        await send(app, pilot, "/edit")
        await pilot.press("ctrl+n")
        assert app.chat.composer.text == ""
        await pilot.press("n", "e", "w", "enter")
        await until(pilot, lambda: texts(app) == ["new", "You said new"])
        assert len(app.dialogue.history.conversations()) == 2

    drive(make_app(), steps)


def test_a_regenerated_answer_replaces_the_old_one_on_the_screen() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "hello")
        await ask(app, pilot, "/regen")
        assert screen_text(app).count("You said hello") == 1

    drive(make_app(), steps)


def test_the_shown_conversation_can_be_deleted() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "hello")
        await pilot.press("ctrl+s", "f8", "f8", "escape")
        await until(pilot, lambda: "Ask a question." in screen_text(app))
        await ask(app, pilot, "again")
        assert texts(app) == ["again", "You said again"]

    drive(make_app(), steps)


def test_a_fork_is_a_new_conversation_with_the_same_beginning() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "one")
        assert app.dialogue.conversation is not None
        before = app.dialogue.conversation.id
        await send(app, pilot, "/fork")
        await ask(app, pilot, "two")
        assert texts(app) == ["one", "You said one", "two", "You said two"]
        assert app.dialogue.conversation.id != before
        assert len(app.dialogue.history.branch(before)) == 2

    drive(make_app(), steps)


def test_undo_takes_the_last_question_back_into_the_field() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "one")
        await ask(app, pilot, "two")
        await send(app, pilot, "/undo")
        assert texts(app) == ["one", "You said one"]
        assert app.chat.composer.text == "two"

    drive(make_app(), steps)


def test_after_a_restart_everything_is_found_again(tmp_path: Path) -> None:
    async def first(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Remember Zanzibar")

    with history_file(tmp_path) as history:
        drive(make_app(history=history), first)

    async def second(app: ChatApp, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+f", *"zanzibar")
        await until(pilot, lambda: "2 found" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(app.dialogue.branch) == 2)
        assert "You said Remember Zanzibar" in screen_text(app)
        assert {token.author for token in app.dialogue.tokens(app.dialogue.branch[-1].id)} == {
            "base", "expert"
        }  # fmt: skip
        await ask(app, pilot, "again")
        assert len(app.dialogue.branch) == 4

    with history_file(tmp_path) as history:
        drive(make_app(history=history), second)


def test_sessions_are_listed_renamed_pinned_deleted_and_opened() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "alpha")
        await pilot.press("ctrl+n")
        assert app.dialogue.branch == ()
        await ask(app, pilot, "beta")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert "alpha" in screen_text(app)
        await pilot.press("down", "f4")
        titles = [c.title for c in app.dialogue.history.conversations()]
        assert titles == ["alpha", "beta"]
        await pilot.press("home", "up", "f3", "ctrl+u", *"gamma", "enter")
        assert {c.title for c in app.dialogue.history.conversations()} >= {"gamma"}
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)

    drive(make_app(), steps)


def test_incognito_writes_nothing(tmp_path: Path) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "secret")
        assert "incognito" in screen_text(app)

    drive(make_app(), steps)
    assert list(tmp_path.iterdir()) == []


def test_provenance_marks_runs_and_the_cursor_tells_about_a_token() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Whom?")
        await pilot.press("f2")
        await until(pilot, lambda: "base: '7'" in screen_text(app))
        shown = screen_text(app)
        assert "‹Y›¹ou said ‹C›¹all ‹7›¹" in shown
        assert "no member was confident" in shown
        assert app.query_one(TokensView).cursor == 14
        assert "base: '7' 0.30" in shown
        assert "expert¹: '7' 0.30" in shown
        await pilot.press("f2")
        assert not app.query(TokensView)
        assert app.chat.composer.has_focus

    # A number that nobody gave it: what the question holds needs no second look.
    drive(make_app(FakeTeams(lambda question: "You said Call 7")), steps, size=(120, 30))


def test_looking_into_a_token_leaves_the_caches_of_the_conversation_alone() -> None:
    """The members are asked on readers of their own: here those count, and the team's do not."""
    teams = FakeTeams()
    app = make_app(teams)
    asked: list[str] = []

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hi")
        await pilot.press("f2")
        await until(pilot, lambda: "(this one" in screen_text(app))
        asked.append("looked")

    drive(app, steps, size=(120, 30))
    assert asked == ["looked"]


def test_the_threshold_moves_with_a_preview_on_the_last_answer() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "ABC")
        app.chat.composer.put("/threshold 0.1")
        await until(pilot, lambda: "would be deferred" in screen_text(app))
        assert "12 of 12 tokens would be deferred (100 %), now 33 %" in screen_text(app)
        await pilot.press("enter")
        await until(
            pilot, lambda: app.dialogue.facts is not None and app.dialogue.facts.threshold == 0.1
        )
        await ask(app, pilot, "abc")
        assert dict(app.dialogue.branch[-1].outcome.authors) == {"expert": 12}  # type: ignore[union-attr]

    drive(make_app(), steps, size=(120, 30))


def test_a_gate_is_previewed_and_set() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "abc")
        app.chat.composer.put("/gate always")
        await until(pilot, lambda: "12 of 12 tokens (100 %)" in screen_text(app))
        await pilot.press("enter")
        await until(
            pilot, lambda: app.dialogue.facts is not None and app.dialogue.facts.gate == "always"
        )

    drive(make_app(), steps, size=(120, 30))
