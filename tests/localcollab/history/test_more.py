"""An answer that goes on: the same message grows, and keeps what is known of its parts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcollab.errors import BadOption
from localcollab.events import Drafted, Event, Finished, Token, Unfamiliar
from localcollab.history import History, Provenance, open_history

pytestmark = pytest.mark.slow
FIRST = [Token(1, "one ", "base", 0.5), Token(2, "two ", "pharmacist", 0.25, 0.5, unsure=True)]
MORE = [Token(3, "three ", "base", 0.75), Token(4, "four ", "base", 0.5)]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with open_history(tmp_path / "history.sqlite3") as opened:
        yield opened


def end(tokens: list[Token], reason: str = "max_tokens", n_repeated: int = 0) -> Finished:
    authors = {author: sum(t.author == author for t in tokens) for author in ("base", "pharmacist")}
    return Finished(
        reason, "".join(t.text for t in tokens), tuple(t.id for t in tokens), 12,  # type: ignore[arg-type]
        {author: n for author, n in authors.items() if n}, 0.5, 2.0, n_repeated,
        drafted={"lookup": Drafted(4, 3)},
    )  # fmt: skip


def cut_answer(history: History) -> int:
    question = history.add_question(history.create(title="Counting").id, "Count")
    recorder = history.record_answer(question.id, Provenance(team="t", members={"base": "ab"}))
    events: list[Event] = [*FIRST, Unfamiliar("pharmacist", "Zanthorex"), end(FIRST)]
    for event in events:
        recorder.add(event)
    return recorder.message


def go_on(history: History, answer: int, n_kept: int = 2, reason: str = "end") -> None:
    recorder = history.continue_answer(answer, n_kept)
    recorder.note("went on")
    events: list[Event] = [*MORE, end(MORE, reason)]
    for event in events:
        recorder.add(event)


def test_the_same_message_grows(history: History) -> None:
    answer = cut_answer(history)
    go_on(history, answer)
    message = history.message(answer)
    assert (message.text, message.status) == ("one two three four ", "complete")
    assert message.siblings == (answer,)
    assert history.tokens(answer) == (*FIRST, *MORE)
    assert history.token_ids(answer) == (1, 2, 3, 4)
    outcome = message.outcome
    assert outcome is not None
    assert (outcome.reason, outcome.n_prompt, outcome.n_tokens) == ("end", 12, 4)
    assert outcome.authors == {"base": 3, "pharmacist": 1}
    assert (outcome.seconds_prefill, outcome.seconds_decode) == (1.0, 4.0)
    assert outcome.unfamiliar == (Unfamiliar("pharmacist", "Zanthorex"),)
    assert outcome.notes == ("went on",)


def test_while_it_grows_the_whole_text_is_seen_and_a_crash_keeps_it(
    history: History, tmp_path: Path
) -> None:
    answer = cut_answer(history)
    recorder = history.continue_answer(answer, 2)
    recorder.add(MORE[0])
    recorder.save()
    growing = history.message(answer)
    assert (growing.status, growing.text, growing.outcome) == ("streaming", "one two three ", None)
    history.close()
    with open_history(tmp_path / "history.sqlite3") as again:
        left = again.message(answer)
        assert (left.status, left.text) == ("stopped", "one two three ")
        assert left.outcome is not None
        assert (left.outcome.n_tokens, left.outcome.authors) == (3, {"base": 2, "pharmacist": 1})
        assert again.tokens(answer) == (*FIRST, MORE[0])


def test_tokens_that_are_generated_again_are_replaced(history: History) -> None:
    answer = cut_answer(history)
    go_on(history, answer, n_kept=1)
    assert history.message(answer).text == "one three four "
    assert history.tokens(answer) == (FIRST[0], *MORE)
    outcome = history.message(answer).outcome
    assert outcome is not None
    assert outcome.authors == {"base": 3}


def test_of_a_loop_only_the_first_copy_is_added_and_the_rest_is_counted(history: History) -> None:
    answer = cut_answer(history)
    recorder = history.continue_answer(answer, 2)
    events: list[Event] = [*MORE, MORE[1], MORE[1], end(MORE, "repetition", n_repeated=2)]
    for event in events:
        recorder.add(event)
    assert history.tokens(answer) == (*FIRST, *MORE)
    outcome = history.message(answer).outcome
    assert outcome is not None
    assert outcome.notes == ("it repeated itself: 2 tokens were folded away",)


def test_what_grew_is_exported_imported_and_found(history: History) -> None:
    answer = cut_answer(history)
    go_on(history, answer, reason="repetition")
    conversation = history.message(answer).conversation
    copy = history.import_json(history.export_json(conversation))
    imported = history.branch(copy.id)[-1]
    assert imported.outcome is not None
    assert (imported.outcome.proposed, imported.outcome.accepted) == ({"lookup": 8}, {"lookup": 6})
    assert (imported.text, imported.outcome) == (
        "one two three four ",
        history.message(answer).outcome,
    )
    assert history.tokens(imported.id) == (*FIRST, *MORE)
    assert {hit.message for hit in history.search("three")} == {answer, imported.id}
    markdown = history.export_markdown(conversation)
    assert "one ‹two ›¹three four" in markdown
    assert "- *the answer was ended because it repeated itself*" in markdown


def test_an_answer_that_ended_at_a_stop_string_or_failed_does_not_go_on(history: History) -> None:
    question = history.add_question(history.create().id, "Count")
    stopped = history.begin_answer(question.id, Provenance())
    history.append_tokens(stopped, FIRST)
    history.finish_answer(stopped, Finished("stop_string", "one two ", (1, 2, 9), 12))
    with pytest.raises(BadOption, match="the answer ended at a stop string"):
        history.continue_answer(stopped, 2)
    failed = history.begin_answer(question.id, Provenance())
    history.fail_answer(failed, "no")
    with pytest.raises(BadOption, match="is not a finished answer"):
        history.continue_answer(failed, 0)
