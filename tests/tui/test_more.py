"""/more in the app: the same answer grows; a loop is folded away."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Collapsible

from chat_app import FakeTeams, ask, drive, make_app, screen_text, send, texts, until
from localcollab.catalog.settings import Settings
from localcollab_tui.app import ChatApp

pytestmark = pytest.mark.slow


def test_the_answer_grows_in_its_place() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "/set max_tokens 8")
        await ask(app, pilot, "Hello")
        assert "cut at max_tokens: /more goes on" in screen_text(app)
        answer = app.dialogue.branch[-1].id
        await ask(app, pilot, "/more")
        assert texts(app) == ["Hello", "You said Hello"]
        assert app.dialogue.branch[-1].id == answer
        assert "You said Hello" in screen_text(app)
        assert "cut at max_tokens" not in screen_text(app)
        assert len(app.chat.log_view.messages) == 2
        await ask(app, pilot, "Bye")
        assert texts(app)[2:] == ["Bye", "You said"]

    drive(make_app(), steps)


def test_a_loop_is_folded_away_and_may_go_on() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hello")
        assert texts(app) == ["Hello", "so on and"]
        assert "the answer repeated itself: /more goes on" in screen_text(app)
        (folded,) = app.screen.query(Collapsible)
        assert folded.collapsed
        assert screen_text(app).count("on and on") == 0
        await ask(app, pilot, "/more")
        assert texts(app)[1] == "so " + "on and " * 80

    drive(make_app(FakeTeams(lambda _: "so " + "on and " * 80)), steps)


def test_an_answer_that_loops_goes_back_and_a_line_says_so() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hello")
        answer = app.dialogue.branch[-1]
        assert answer.outcome is not None
        assert any(note.startswith("taken back") for note in answer.outcome.notes)
        (folded,) = app.screen.query(Collapsible)
        assert folded.collapsed
        assert "taken back, because it repeated itself" in screen_text(app)
        folded.collapsed = False
        await until(pilot, lambda: screen_text(app).count("on and on") > 10)
        await send(app, pilot, "/why")
        await until(pilot, lambda: "second thoughts about this answer" in screen_text(app))
        assert "taken back, because it repeated itself" in screen_text(app)
        await pilot.press("escape")
        assert "".join(token.text for token in app.dialogue.tokens(answer.id)) == answer.text
        assert answer.text.count("on and on") < 10
        await ask(app, pilot, "Again")
        assert len(texts(app)) == 4

    wise = Settings(second_thoughts=True)
    drive(make_app(FakeTeams(lambda _: "so " + "on and " * 80, settings=wise)), steps)


def test_a_stopped_answer_goes_on() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Hello")
        await until(pilot, lambda: "You" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.dialogue.pending is None)
        assert app.dialogue.branch[-1].status == "stopped"
        await ask(app, pilot, "/more")
        assert texts(app) == ["Hello", "You said Hello"]

    drive(make_app(FakeTeams(pace=0.05)), steps)


def test_an_answer_that_the_model_ended_does_not_go_on() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Hello")
        await send(app, pilot, "/more")
        (said,) = app._notifications
        assert said.message == "this answer cannot go on: the model ended it; ask for more in words"
        assert app.dialogue.pending is None

    drive(make_app(), steps)
