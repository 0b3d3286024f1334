"""Conversations as trees of messages: what the app does with them all day."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcollab.errors import BadHistory, BadOption
from localcollab.events import Event, Finished, Retracted, Token, Unfamiliar
from localcollab.history import History, Outcome, Provenance, open_history
from stored_answers import PROVENANCE, add_answer, add_turn, finished, tokens_of

pytestmark = pytest.mark.slow


@pytest.fixture(params=["a file", "incognito"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    path = tmp_path / "history.sqlite3" if request.param == "a file" else None
    with open_history(path) as opened:
        yield opened


def texts(history: History, conversation: str) -> list[str]:
    return [message.text.strip() for message in history.branch(conversation)]


def test_an_answer_is_stored_with_everything_that_is_known_of_it(history: History) -> None:
    conversation = history.create(team="medicine")
    answer = history.message(add_turn(history, conversation.id, "What is it?", "It is a drug"))
    assert (answer.role, answer.status, answer.text) == ("assistant", "complete", "It is a drug ")
    assert answer.provenance == PROVENANCE
    assert answer.outcome == Outcome(
        reason="end", n_prompt=12, n_tokens=4, authors={"pharmacist": 2, "base": 2},
        seconds_prefill=0.5, seconds_decode=2.0, unfamiliar=(Unfamiliar("pharmacist", "Zanthorex"),),
    )  # fmt: skip
    assert answer.outcome.tokens_per_second == 2.0
    assert history.tokens(answer.id) == tuple(tokens_of("It is a drug"))


def test_ids_of_a_stop_string_are_kept_without_a_record(history: History) -> None:
    asked = history.add_question(history.create().id, "Say a")
    answer = history.begin_answer(asked.id, PROVENANCE)
    history.append_tokens(answer, [Token(1, "a", "base", 0.5)])
    history.finish_answer(answer, Finished("stop_string", "a", (1, 2, 3), 4))
    assert history.tokens(answer) == (Token(1, "a", "base", 0.5),)
    assert history.token_ids(answer) == (1, 2, 3)


def test_the_first_question_gives_the_title(history: History) -> None:
    conversation = history.create()
    history.add_question(conversation.id, "  How much\n of it? " + "x" * 99)
    assert history.conversation(conversation.id).title == "How much of it? " + "x" * 43 + "…"


def test_regenerating_makes_a_sibling_that_is_shown(history: History) -> None:
    conversation = history.create()
    first = add_turn(history, conversation.id, "Why?", "Because")
    second = add_answer(history, history.branch(conversation.id)[0].id, "So")
    assert texts(history, conversation.id) == ["Why?", "So"]
    assert history.message(first).siblings == (first, second)


def test_editing_a_question_keeps_the_old_branch(history: History) -> None:
    conversation = history.create()
    add_turn(history, conversation.id, "One?", "Yes one")
    add_turn(history, conversation.id, "Two?", "Yes two")
    old = history.branch(conversation.id)
    edited = history.edit_question(old[2].id, "Three?")
    assert texts(history, conversation.id) == ["One?", "Yes one", "Three?"]
    assert edited.siblings == (old[2].id, edited.id)
    assert [m.text for m in history.select(old[2].id)] == [m.text for m in old]


def test_editing_the_first_question_makes_a_second_root(history: History) -> None:
    conversation = history.create()
    add_turn(history, conversation.id, "One?", "Yes one")
    first = history.branch(conversation.id)[0]
    history.edit_question(first.id, "Other?")
    assert texts(history, conversation.id) == ["Other?"]
    assert len(history.branch(conversation.id)[0].siblings) == 2


def test_switching_back_goes_to_where_the_branch_was_left(history: History) -> None:
    conversation = history.create()
    left = add_turn(history, conversation.id, "One?", "left")
    add_turn(history, conversation.id, "Deep?", "deepest")
    deep_question = history.branch(conversation.id)[2].id
    add_answer(history, deep_question, "newest")
    history.select(history.message(deep_question + 1).id)
    right = add_answer(history, history.branch(conversation.id)[0].id, "right")
    assert texts(history, conversation.id) == ["One?", "right"]
    history.select(left)
    assert texts(history, conversation.id) == ["One?", "left", "Deep?", "deepest"]
    history.select(right)
    assert texts(history, conversation.id) == ["One?", "right"]


def test_the_selected_leaf_is_there_again_after_opening(tmp_path: Path) -> None:
    with open_history(tmp_path / "h") as history:
        conversation = history.create()
        first = add_turn(history, conversation.id, "Why?", "first")
        add_answer(history, history.branch(conversation.id)[0].id, "second")
        history.select(first)
    with open_history(tmp_path / "h") as history:
        assert texts(history, conversation.id) == ["Why?", "first"]


def test_undo_takes_back_the_last_question_and_deletes_nothing(history: History) -> None:
    conversation = history.create()
    add_turn(history, conversation.id, "One?", "Yes one")
    last = add_turn(history, conversation.id, "Two?", "Yes two")
    undone = history.undo(conversation.id)
    assert undone is not None
    assert undone.text == "Two?"
    assert texts(history, conversation.id) == ["One?", "Yes one"]
    history.undo(conversation.id)
    assert texts(history, conversation.id) == []
    assert history.undo(conversation.id) is None
    history.select(last)
    assert texts(history, conversation.id) == ["One?", "Yes one", "Two?", "Yes two"]


def test_clear_begins_anew_in_the_same_conversation(history: History) -> None:
    conversation = history.create()
    add_turn(history, conversation.id, "One?", "Yes one")
    history.clear(conversation.id)
    history.add_question(conversation.id, "Two?")
    assert texts(history, conversation.id) == ["Two?"]
    assert history.conversation(conversation.id).n_messages == 3


def test_a_fork_has_its_own_copy_of_the_branch(history: History) -> None:
    conversation = history.create(title="Drugs", system="Be brief", team="medicine")
    answer = add_turn(history, conversation.id, "One?", "Yes one")
    add_turn(history, conversation.id, "Two?", "Yes two")
    fork = history.fork(answer)
    history.delete(conversation.id)
    assert (fork.title, fork.system, fork.team) == ("Drugs (fork)", "Be brief", "medicine")
    copy = history.branch(fork.id)
    assert [m.text for m in copy] == ["One?", "Yes one "]
    assert copy[1].provenance == PROVENANCE
    assert history.tokens(copy[1].id) == tuple(tokens_of("Yes one"))


def test_a_streaming_answer_is_read_as_far_as_it_was_saved(history: History) -> None:
    asked = history.add_question(history.create().id, "Why?")
    with history.record_answer(asked.id, PROVENANCE) as recorder:
        for token in tokens_of("one two three"):
            recorder.add(token)
        recorder.save()
        streaming = history.message(recorder.message)
        assert (streaming.status, streaming.text) == ("streaming", "one two three ")
        recorder.add(finished(tokens_of("one two three")))
    assert history.message(recorder.message).status == "complete"


def test_leaving_early_keeps_the_partial_answer_as_stopped(history: History) -> None:
    asked = history.add_question(history.create().id, "Why?")
    with history.record_answer(asked.id, PROVENANCE) as recorder:
        recorder.note("old turns were left out")
        for token in tokens_of("one two"):
            recorder.add(token)
    stopped = history.message(recorder.message)
    assert (stopped.status, stopped.text) == ("stopped", "one two ")
    assert stopped.outcome == Outcome(
        reason="stopped", n_tokens=2, authors={"pharmacist": 1, "base": 1},
        notes=("old turns were left out",),
    )  # fmt: skip


def test_an_error_keeps_the_partial_answer_as_failed(history: History) -> None:
    asked = history.add_question(history.create().id, "Why?")
    recorder = history.record_answer(asked.id, PROVENANCE)

    def broken() -> None:
        with recorder:
            recorder.add(Token(1, "o", "base", 0.5))
            raise BadOption("the cable was pulled")

    with pytest.raises(BadOption, match="cable"):
        broken()
    failed = history.message(recorder.message)
    assert (failed.status, failed.text) == ("failed", "o")
    assert failed.outcome is not None
    assert failed.outcome.error == "the cable was pulled"


def test_an_ended_answer_takes_no_more_tokens(history: History) -> None:
    answer = add_turn(history, history.create().id, "Why?", "So")
    with pytest.raises(BadOption, match="complete, not streaming"):
        history.append_tokens(answer, tokens_of("more"))


def test_a_question_needs_an_answer_before_the_next(history: History) -> None:
    conversation = history.create()
    history.add_question(conversation.id, "Why?")
    with pytest.raises(BadOption, match="answer it first, or edit it"):
        history.add_question(conversation.id, "And why?")


def test_pinned_conversations_stand_first_then_the_latest(history: History) -> None:
    old, middle, new = (history.create(title=title).id for title in "abc")
    history.pin(old)
    history.add_question(middle, "Again?")
    assert [c.id for c in history.conversations()] == [old, middle, new]
    assert [c.id for c in history.conversations(limit=1, offset=2)] == [new]
    history.pin(old, False)
    assert [c.id for c in history.conversations()] == [middle, new, old]


def test_conversations_are_renamed_and_get_another_system_prompt(history: History) -> None:
    id_ = history.create(title="a").id
    history.rename(id_, "b")
    history.set_system(id_, "Be brief")
    history.set_team(id_, "law")
    renamed = history.conversation(id_)
    assert (renamed.title, renamed.system, renamed.team) == ("b", "Be brief", "law")


def test_a_conversation_is_found_by_how_its_id_begins(history: History) -> None:
    id_ = history.create().id
    assert history.find(id_[:6]).id == id_
    with pytest.raises(BadOption, match="no conversation 'z'"):
        history.find("z")
    history.create()
    with pytest.raises(BadOption, match="several conversations"):
        history.find("")


@pytest.mark.parametrize("text", ["", "\ud800", "a\udfff"])
def test_a_question_that_is_no_text_is_refused(history: History, text: str) -> None:
    conversation = history.create()
    with pytest.raises(BadOption, match=r"a lone surrogate \(U\+D|is empty"):
        history.add_question(conversation.id, text)
    assert history.conversation(conversation.id).n_messages == 0


def test_options_that_json_cannot_hold_are_refused(history: History) -> None:
    asked = history.add_question(history.create().id, "Why?")
    with pytest.raises(BadOption, match="cannot be stored"):
        history.begin_answer(asked.id, Provenance(options={"file": Path("x")}))
    assert len(history.branch(history.conversations()[0].id)) == 1


def test_a_closed_history_says_so(history: History) -> None:
    history.close()
    history.close()
    with pytest.raises(BadHistory, match="is closed: open it again"):
        history.conversations()


def test_threads_may_stream_and_read_at_once(history: History) -> None:
    conversations = [history.create(title=str(n)).id for n in range(4)]
    errors: list[Exception] = []

    def stream(id_: str) -> None:
        try:
            for n in range(5):
                add_turn(history, id_, f"question {n}", "one two three four five")
        except Exception as error:  # handed to the test
            errors.append(error)

    threads = [threading.Thread(target=stream, args=(id_,)) for id_ in conversations]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        history.conversations()
        history.search("three")
    assert errors == []
    assert [history.conversation(id_).n_messages for id_ in conversations] == [10] * 4


def test_incognito_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with open_history(None) as history:
        assert history.is_incognito
        id_ = history.create().id
        add_turn(history, id_, "Why?", "secret " * 5000)
        assert history.search("secret")
        history.delete(id_)
    assert list(tmp_path.iterdir()) == []


def test_what_is_taken_back_is_no_part_of_the_stored_answer(history: History) -> None:
    asked = history.add_question(history.create().id, "Go on")
    words = tokens_of("once again and again and again but no more")
    kept, taken, more = words[:3], words[3:7], words[7:]
    retracted = Retracted(len(taken), "".join(token.text for token in taken), "repeated itself")
    text = "".join(token.text for token in (*kept, *more))
    ids = tuple(token.id for token in (*kept, *more))
    with history.record_answer(asked.id, PROVENANCE) as recorder:
        events: list[Event] = [*kept, *taken, retracted, *more]
        for event in events:
            recorder.add(event)
        recorder.add(Finished("end", text, ids, 4, {"base": len(ids)}))
    answer = history.message(recorder.message)
    assert answer.text == text
    assert "".join(token.text for token in history.tokens(answer.id)) == text
    assert history.token_ids(answer.id) == ids
    assert answer.outcome is not None
    assert answer.outcome.notes == (retracted.line,)


def test_an_answer_that_stops_after_it_went_back_keeps_what_was_shown(history: History) -> None:
    asked = history.add_question(history.create().id, "Go on")
    words = tokens_of("once again and again and again")
    with history.record_answer(asked.id, PROVENANCE) as recorder:
        for word in words:
            recorder.add(word)
        recorder.add(Retracted(4, "and again and again", "repeated itself"))
    answer = history.message(recorder.message)
    assert (answer.status, answer.text.split()) == ("stopped", ["once", "again"])
