"""What stands in the terminal: who wrote what survives pipes, and no escape of a model reaches it."""

import io

import pytest

from localcollab.events import Finished, Token
from localcollab.terminal.painter import Painter, supports_colour
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible


def token(text: str, author: str = "base", *, unsure: bool = False) -> Token:
    return Token(id=0, text=text, author=author, probability=0.9, unsure=unsure)


def painted(*tokens: Token, colour: bool = False, marks: bool = True) -> str:
    out = io.StringIO()
    painter = Painter(out, ["base", "one", "two"], colour=colour, marks=marks)
    for each in tokens:
        painter.write(each)
    painter.close()
    return out.getvalue()


def test_a_run_of_one_expert_stands_in_one_pair_of_brackets() -> None:
    tokens = [token("Take"), token(" two", "one"), token(" pills", "one"), token(" daily", "two")]
    assert painted(*tokens) == "Take ‹two pills›¹ ‹daily›²\n"


def test_a_nested_author_has_its_members_number() -> None:
    assert painted(token("x", "two/anti")) == "‹x›²\n"


def test_without_marks_only_the_text_is_written() -> None:
    assert painted(token("a"), token(" b", "one"), token("\n"), marks=False) == "a b\n"


def test_colour_shows_the_expert_and_the_unsure() -> None:
    text = painted(token("a"), token("b", "one", unsure=True), colour=True, marks=False)
    assert text == "a\x1b[36m\x1b[4mb\x1b[0m\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 🙂\n\tx", "plain é 漢 🙂\n\tx"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("a\rb\x00", "a␍b␀"),
        ("\x9b31m\x7f", "\ufffd31m\ufffd"),
        ("\u202eabc\u2066\u200f\u061c", "\ufffdabc\ufffd\ufffd\ufffd"),
        ("half \udcff", "half \ufffd"),
        ("\u2028line", "\ufffdline"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_control_characters_are_shown_not_obeyed(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert painted(token(text)).startswith(shown)


@pytest.mark.parametrize(
    ("environment", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_no_color_and_dumb_terminals(
    environment: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert supports_colour() == colour


def places(*tokens: Token) -> list[str]:
    painter = Painter(io.StringIO(), ["base"], colour=False, marks=False)
    for each in tokens:
        painter.write(each)
    return painter.unsure_places()


def test_unsure_tokens_are_shown_as_whole_words_once() -> None:
    assert places(token("Take "), token("Vel", unsure=True), token("ora now")) == ["Velora"]
    touching = [token(" 2", unsure=True), token("50", unsure=True), token(" mg", unsure=True)]
    assert places(token("Take"), *touching) == ["250 mg"]
    twice = token("Oslo", unsure=True)
    assert places(twice, token(" y "), twice) == ["Oslo"]
    assert places(token(" ", unsure=True), token("a")) == []


def test_short_words_and_punctuation_are_not_listed() -> None:
    unsure = [token(text, unsure=True) for text in (" it", ":", " of", " 7")]
    assert places(token("Oslo"), unsure[0], token(" has "), *unsure[1:]) == ["of 7"]
    assert places(token("(Bergen", unsure=True), token(").")) == ["Bergen"]


def test_scripts_without_blanks_are_listed_by_what_is_unsure() -> None:
    assert places(token("首都は"), token("京都", unsure=True), token("です。")) == ["京都"]
    assert places(token("เมืองหลวงคือ"), token("เชียง", unsure=True), token("ใหม่")) == ["เชียง"]


def test_a_summary_says_why_it_ended_and_who_wrote() -> None:
    painter = Painter(io.StringIO(), ["base", "one"], colour=False, marks=True)
    painter.write(token("a bond", unsure=True))
    finished = Finished("context", "a b", (1, 2), 5, {"base": 1, "one": 1}, seconds_decode=0.5)
    assert list(painter.summary(finished)) == [
        "the answer was cut: the context is full",
        "tokens: base 1, one¹ 1 (4 a second)",
        "double-check: a bond",
    ]


def test_text_that_the_stream_cannot_write_is_replaced() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    painter = Painter(out, ["base"], colour=False, marks=True)
    painter.write(token("é漢"))
    assert raw.getvalue() == b"??"


def test_progress_is_not_written_to_a_pipe_and_notes_are() -> None:
    out = io.StringIO()
    status = Status(out)
    status.show("reading 5 %")
    status.note("a \x1b[31mnote")
    status.clear()
    assert out.getvalue() == "a ␛[31mnote\n"
