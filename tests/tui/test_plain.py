"""`localcollab chat --plain`: line by line, nothing moves, nothing is drawn twice."""

import io
from pathlib import Path

import pytest

from chat_app import FakeTeams
from localcollab.history import open_history
from localcollab_tui.engine.thread import on_own_models
from localcollab_tui.plain import PlainChat

pytestmark = pytest.mark.slow


def talk(*lines: str, teams: FakeTeams | None = None) -> str:
    out = io.StringIO()
    with open_history(None) as history:
        make_worker = on_own_models((teams or FakeTeams()).open)
        chat = PlainChat(history, make_worker, io.StringIO("\n".join(lines)), out)
        chat.run(None, None)
    return out.getvalue()


def test_an_answer_comes_with_marks_and_figures() -> None:
    said = talk("Hello", "/quit")
    assert "‹Y›¹ou said ‹H›¹ello" in said
    assert "14 tokens" in said
    assert "\x1b" not in said


def test_the_places_to_double_check_are_lines() -> None:
    said = talk("How many?", teams=FakeTeams(lambda question: "42"))
    assert "double-check: 42 (no member was confident)" in said


def test_commands_change_what_follows() -> None:
    said = talk("/threshold 0.1", "abc", "/set temperature high", "/nosuch", "/stats")
    assert "team fake: base, expert, entropy > 0.1" in said
    assert "‹You said abc›¹" in said
    assert "/set temperature high: must be a number or default" in said
    assert "unknown command /nosuch" in said
    assert "questions          1" in said


def test_why_says_that_nothing_was_taken_back() -> None:
    assert "there is no answer yet" in talk("/why")
    assert "nothing was taken back" in talk("abc", "/why")


def test_a_value_out_of_range_is_refused_at_once_and_changes_nothing() -> None:
    said = talk("/set temperature -1", "abc")
    assert "you: /set temperature -1: give a number from 0 to 100\n" in said
    assert "You said abc" in said.translate({ord(mark): None for mark in "‹›¹"})


def test_a_team_that_does_not_open_leaves_the_one_before() -> None:
    said = talk("/team nosuch", "abc")
    assert "error: no team is named 'nosuch'" in said
    assert said.count("team fake: base, expert, entropy > 0.5") == 2
    assert "‹Y›¹ou said abc" in said


def test_a_question_is_edited_shown_as_sent_and_forked() -> None:
    said = talk("one", "/edit", "/edit two", "/show", "/fork", "/stats")
    assert "the last question: one" in said
    assert "‹Y›¹ou said two" in said
    assert "the prompt as it was sent, 11 tokens:\nuser: two\n" in said
    assert "you are now in 'one (fork)'" in said
    assert "questions          1" in said


def test_a_conversation_is_exported_with_its_marks(tmp_path: Path) -> None:
    assert "there is nothing to export yet" in talk(f"/export {tmp_path / 'a.md'}")
    assert "the file name must end in .md or .json" in talk("Hi", f"/export {tmp_path / 'a.txt'}")
    assert f"written: {tmp_path / 'a.md'}" in talk("Hi", f"/export {tmp_path / 'a.md'}")
    assert "‹Y›¹ou said ‹H›¹i" in (tmp_path / "a.md").read_text()
    assert (tmp_path / "a.md").stat().st_mode & 0o777 == 0o600


def test_a_turn_that_does_not_fit_asks_on_its_own_line() -> None:
    teams = FakeTeams(lambda _: "ok", n_ctx=200)
    said = talk("/set overflow ask", "a" * 60, "b" * 40, "c" * 60, "y", "/quit", teams=teams)
    assert "Leave out the oldest turn? y or n: " in said
    assert "the oldest turn was left out" in said


def test_a_full_context_goes_on_without_its_oldest_turns_and_tells_each_time() -> None:
    teams = FakeTeams(lambda _: "ok", n_ctx=200)
    said = talk("a" * 60, "b" * 40, "c" * 60, "d" * 10, "/quit", teams=teams)
    assert said.count("the oldest turn was left out: the context is full") == 2
    assert said.count("‹o›¹k") + said.count("ok\n") == 4


def test_a_full_context_is_summarized_where_that_was_asked_for() -> None:
    teams = FakeTeams(lambda q: "They said a." if q.startswith("Summarize") else "ok", n_ctx=400)
    said = talk(
        "/set overflow compact", "a" * 120, "b" * 80, "c" * 120, "d", "/show", "/quit", teams=teams
    )
    assert "the context is full: summarizing the oldest" in said
    assert "by fake: They said a." in said
    assert "summarized: the context is full" in said
    assert "system: Summary of the conversation so far: They said a." in said


def test_more_of_an_answer_that_filled_the_context_makes_room_first() -> None:
    teams = FakeTeams(lambda q: "ok" if q.startswith("a") else "0123456789" * 14, n_ctx=200)
    said = talk("a" * 40, "b", "/more", "/stats", teams=teams)
    assert "cut: the context is full: /more makes room" in said
    assert "the oldest turn was left out: the context is full" in said
    assert "tokens written     142" in said


def test_more_of_an_answer_that_fills_the_context_alone_says_what_to_do() -> None:
    said = talk("b", "/more", teams=FakeTeams(lambda _: "0123456789" * 30, n_ctx=200))
    assert "error: the question and its answer fill the context of 200 tokens: ask for the" in said


def test_an_answer_that_was_cut_goes_on_in_the_same_message(tmp_path: Path) -> None:
    said = talk("/set max_tokens 8", "Hello", "/more", "/stats", f"/export {tmp_path / 'a.md'}")
    assert "‹Y›¹ou said\ncut at max_tokens: /more goes on · 8 tokens" in said
    assert "you:  ‹H›¹ello\n/more went on after 8 tokens\n14 tokens" in said
    assert "answers            1" in said
    assert "‹Y›¹ou said ‹H›¹ello" in (tmp_path / "a.md").read_text()


def test_a_loop_is_told_and_goes_on_when_asked() -> None:
    teams = FakeTeams(lambda _: "so " + "on and " * 80)
    said = talk("Hello", "/more", "/stats", teams=teams)
    assert "the answer repeated itself: /more goes on" in said
    assert "tokens were folded away\n" in said
    assert "tokens written     563" in said


def test_why_an_answer_cannot_go_on_is_told() -> None:
    said = talk("/more", "Hello", "/more", "/set max_tokens 3", "Hello", "/team other", "/more")
    assert "there is no answer to go on with: ask a question first" in said
    assert "this answer cannot go on: the model ended it; ask for more in words" in said


def test_stats_tell_what_the_last_answer_was_sampled_with() -> None:
    said = talk("/set temperature 0.5", "Hello", "/stats")
    assert "last answer with   temperature 0.5" in said
    assert "min_p 0.1" in said
    assert "max_tokens 1024" in said
