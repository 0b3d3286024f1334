"""Text of users and models is shown as text: nothing is executed, nothing breaks, nothing is lost."""

import time

import pytest
from textual import events
from textual.pilot import Pilot

from chat_app import FakeTeams, ask, drive, make_app, screen_text, send, texts, until
from localcollab_tui.app import ChatApp

pytestmark = pytest.mark.slow

_ESCAPES = "red \x1b[31mtext\x1b[0m \x1b]52;c;aGk=\x07 \x9b2J \x07bell \u202egnp.exe"
_MARKUP = "[bold red]not bold[/] [@click=app.quit]quit[/] [link=file:///x]y[/link] [$error]z[/]"


def paste(app: ChatApp, text: str) -> None:
    app.chat.composer.post_message(events.Paste(text))


def test_markup_in_questions_and_answers_is_text() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, _MARKUP)
        assert screen_text(app).count("[bold red]not bold[/]") == 2
        await pilot.press("f2")
        await pilot.pause()
        assert "@click=app.quit" in screen_text(app)

    drive(make_app(FakeTeams(lambda q: q)), steps, size=(120, 30))


def test_html_of_a_model_is_shown_and_not_dropped() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "x")
        assert "<b>bold</b>" in screen_text(app)
        assert "<script>alert(1)</script>" in screen_text(app)

    drive(make_app(FakeTeams(lambda _: "<b>bold</b>\n\n<script>alert(1)</script>")), steps)


def test_terminal_escapes_become_visible_symbols() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, _ESCAPES)
        for on in (False, True):
            if on:
                await pilot.press("f2")
            await pilot.pause()
            shown = screen_text(app)
            assert "␛[31mtext" in shown
            assert not any(c in shown for c in "\x1b\x9b\x07\u202e")

    drive(make_app(FakeTeams(lambda _: _ESCAPES)), steps)


def test_pasted_binary_is_shown_as_symbols_and_said() -> None:
    binary = bytes(range(256)).decode("latin-1")

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        paste(app, binary)
        await until(pilot, lambda: "␀␁␂" in app.chat.composer.text)
        assert not any(ord(c) < 32 and c not in "\n\t" for c in app.chat.composer.text)
        await pilot.press("enter")
        await until(pilot, lambda: len(texts(app)) == 2 and app.dialogue.pending is None)

    drive(make_app(FakeTeams(lambda _: "seen")), steps)


def test_line_ends_of_a_paste_are_no_control_characters() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        paste(app, "one\rtwo\r\nthree\x07\r")
        await until(pilot, lambda: "three" in app.chat.composer.text)
        assert app.chat.composer.text == "one\ntwo\nthree␇\n"
        said = [notification.message for notification in app._notifications]
        assert said == ["1 control characters are shown and sent as symbols"]

    drive(make_app(), steps)


def test_a_megabyte_is_pasted_sent_whole_and_refused_with_figures() -> None:
    text = "lorem ipsum " * 87_400

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        started = time.perf_counter()
        paste(app, text)
        await until(pilot, lambda: "[pasted 1: 1,048,800 characters]" in app.chat.composer.text)
        await pilot.press("enter")
        await until(pilot, lambda: "shorten it" in screen_text(app))
        assert time.perf_counter() - started < 60
        await pilot.press("enter")
        await until(pilot, lambda: app.dialogue.pending is None)

    drive(make_app(), steps)


@pytest.mark.parametrize(
    "bomb",
    [
        ">" * 3_000,
        "- " * 2_000,
        "*" * 10_000,
        "[" * 5_000,
        "![" * 3_000,
        "`" * 5_000,
        "| a " * 500 + "|\n" + "|---" * 500 + "|\n" + "| b " * 500 + "|",
        "\n".join("  " * n + "- x" for n in range(200)),
        "- a\n" * 3_000,
        "#" * 2_000,
        "a" * 100_000,
        "<" * 5_000,
        "[a]: " + "b" * 5_000,
    ],
    ids=lambda bomb: bomb[:4].strip() or "nested",
)  # fmt: skip
def test_markdown_bombs_do_not_hold_the_app(bomb: str) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        started = time.process_time()
        await app.chat.log_view.show(_branch(app, bomb))
        await pilot.pause()
        assert time.process_time() - started < 5

    drive(make_app(), steps)


def _branch(app: ChatApp, answer: str):  # type: ignore[no-untyped-def]
    from localcollab.events import Finished
    from localcollab.history import Provenance

    history = app.dialogue.history
    conversation = history.create()
    question = history.add_question(conversation.id, "q")
    begun = history.begin_answer(question.id, Provenance(members={"base": ""}))
    history.finish_answer(begun, Finished("end", answer, (), 1))
    return history.branch(conversation.id)


def test_wide_and_right_to_left_characters_are_kept() -> None:
    text = "漢字かな 한국어 שלום عربى 👩‍👩‍👧‍👦 é"

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, text)
        assert texts(app) == [text, text]
        assert "漢字かな" in screen_text(app).replace("\x00", "")
        await pilot.press("f2", "right", "right", "end")
        await pilot.pause()

    drive(make_app(FakeTeams(lambda q: q)), steps)


def test_slashes_can_be_asked_about() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "/nosuch")
        assert app.dialogue.branch == ()
        await ask(app, pilot, "//etc is what?")
        assert texts(app)[0] == "/etc is what?"

    drive(make_app(), steps)
