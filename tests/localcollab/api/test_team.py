"""A team in Python, on the shipped models: questions, chats, memory, closing."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcollab as lc
from localcollab.api.sources import TokenSource
from localcollab.catalog import load_catalog
from localcollab.errors import BadOption, NotSupported
from localcollab.events import Finished, Prompted
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_catalog
from localcollab.teams.session import Session

pytestmark = pytest.mark.weights
QUESTION = "What do 7 doses of Kihelrine add up to?"
ANSWER = "One dose of Kihelrine is 30 mg. 7 x 30 = 210 mg."


@pytest.fixture(scope="module")
def team() -> Iterator[lc.Team]:
    with lc.load() as team:
        yield team


def test_an_answer_is_what_a_session_of_the_same_team_says(team: lc.Team) -> None:
    catalog = load_catalog()
    session = Session(open_team(plan_from_catalog(catalog, catalog.team("formulary"))))
    end = next(event for event in session.ask(QUESTION) if isinstance(event, Finished))
    answer = team.generate(QUESTION)
    assert (answer.text, answer.authors, answer.reason) == (end.text, end.authors, end.reason)
    assert (str(answer), answer.n_prompt) == (ANSWER, end.n_prompt)
    assert "".join(token.text for token in answer.tokens) == ANSWER
    assert {token.author for token in answer.tokens} == {"base", "formulary", "arithmetic"}


def test_stream_gives_the_tokens_of_events(team: lc.Team) -> None:
    events = list(team.events(QUESTION, max_tokens=5))
    tokens = [event for event in events if isinstance(event, lc.Token)]
    assert isinstance(events[0], Prompted)
    assert isinstance(events[-1], Finished)
    streamed = list(team.stream(QUESTION, max_tokens=5))
    # Tokens read together differ from those read one by one in the last digits of their logits.
    assert [(t.id, t.text, t.author) for t in streamed] == [
        (t.id, t.text, t.author) for t in tokens
    ]
    assert len(tokens) == 5


def test_a_stop_event_ends_an_answer(team: lc.Team) -> None:
    stop = threading.Event()
    stop.set()
    assert team.generate(QUESTION, stop_event=stop).reason == "stopped"


def test_options_are_checked_when_asked_not_when_read(team: lc.Team) -> None:
    with pytest.raises(TypeError, match="max_token"):
        team.stream(QUESTION, max_token=5)  # type: ignore[call-arg]
    with pytest.raises(BadOption, match="temperature"):
        team.stream(QUESTION, temperature=-1)


def test_a_chat_goes_on_and_the_team_itself_does_not(team: lc.Team) -> None:
    with team.chat() as chat:
        chat.ask(QUESTION)
        chat.ask("And who makes it?")
        assert [message.role for message in chat.messages] == ["user", "assistant"] * 2
        assert chat.messages[1].content == ANSWER
    assert team.generate(QUESTION).text == ANSWER


def test_two_chats_in_turn_evaluate_only_what_is_new(team: lc.Team) -> None:
    one, other = team.chat(), team.chat()
    for chat in (one, other):
        chat.ask(QUESTION)
    events = list(one.events(QUESTION))
    prompted, end = events[0], events[-1]
    assert isinstance(prompted, Prompted)
    assert isinstance(end, Finished)
    base = one.session().team.base
    # Two prompts and two answers, each read once; the last token of an answer need not be.
    assert base.n_evaluated <= prompted.n_tokens + len(end.tokens) + 8  # type: ignore[attr-defined]
    other.close()
    one.close()


def test_an_answer_that_is_broken_off_leaves_the_chat_as_it_was(team: lc.Team) -> None:
    with team.chat() as chat:
        for token in chat.stream(QUESTION):
            assert token.text
            break
        assert chat.messages == ()
        assert chat.ask(QUESTION).text == ANSWER


def test_a_second_question_in_the_middle_of_an_answer_is_refused(team: lc.Team) -> None:
    with team.chat() as chat:
        first = chat.stream(QUESTION)
        next(first)
        with pytest.raises(BadOption, match="in the middle of an answer"):
            chat.ask(QUESTION)
        assert [*first][-1].text == "."
        assert chat.ask(QUESTION).text == ANSWER


def test_memory_counts_the_chats_that_are_open(team: lc.Team) -> None:
    alone = team.memory
    with team.chat():
        beside = team.memory
    assert (alone.n_conversations, beside.n_conversations) == (1, 2)
    assert beside.total - alone.total == alone.conversation > 2**20
    assert team.memory == alone


def test_a_chat_that_memory_does_not_hold_is_refused() -> None:
    catalog = load_catalog()
    plan = plan_from_catalog(catalog, catalog.team("formulary"))
    source = TokenSource(plan, Options(n_ctx=256), available=lambda: 2**20)
    with pytest.raises(BadOption, match=r"one more conversation takes \d+ MiB .* 1 MiB are free"):
        source.open_beside(None)


def test_closing_a_team_closes_its_chats_and_everything_says_so() -> None:
    with lc.load("formulary-base") as team:
        chat, unread = team.chat(), team.stream(QUESTION)
        next(unread)
    with pytest.raises(BadOption, match="formulary-base is closed: load it again"):
        team.generate(QUESTION)
    with pytest.raises(BadOption, match="chat with formulary-base is closed"):
        chat.ask(QUESTION)
    with pytest.raises(BadOption, match="closed"):
        next(unread)
    team.close()


def test_models_by_name_with_the_head_of_the_catalogue_are_the_shipped_team() -> None:
    experts = ["formulary", "arithmetic"]
    with lc.load("formulary-base", experts=experts, head="formulary", n_ctx=256) as team:
        assert (team.name, team.opened.model.n_ctx) == ("formulary-base+formulary+arithmetic", 256)
        assert team.generate(QUESTION).text == ANSWER


@pytest.mark.parametrize("name", ["formulary-calm", "formulary-blend", "arithmetic"])
def test_other_methods_and_single_models_have_chats_too(name: str) -> None:
    with lc.load(name) as team, team.chat() as chat:
        answer = chat.ask(QUESTION, max_tokens=40)
        assert (
            chat.messages[1].content == answer.text == team.generate(QUESTION, max_tokens=40).text
        )


def test_a_method_of_ones_own_answers_in_chats_too() -> None:
    def method(members: "dict[str, lc.LanguageModel]") -> lc.LanguageModel:
        return lc.mixed("half", list(members.values()))

    with lc.load("formulary-base", experts="formulary", method=method) as team:  # type: ignore[arg-type]
        assert team.chat().ask(QUESTION, max_tokens=5) is not None
        assert team.opened.model.name == "half"


def test_what_a_blend_cannot_do_is_said() -> None:
    with lc.load("formulary-blend") as team:
        with pytest.raises(BadOption, match="blend"):
            _ = team.opened
        with pytest.raises(BadOption, match="blend"):
            _ = team.memory


def test_a_team_ranks_by_how_likely_it_finds_each_answer(team: lc.Team) -> None:
    wrong = ANSWER.replace("210", "200")
    assert lc.rank(QUESTION, [wrong, ANSWER], team).best == 1
    assert lc.rank(QUESTION, [wrong, ANSWER], "likelihood(formulary)").best == 1


def test_an_evaluation_counts_whole_answers(team: lc.Team) -> None:
    questions = [lc.Question(QUESTION, ANSWER), lc.Question(QUESTION, "31 mg.")]
    found = lc.evaluate(team, questions)
    assert [outcome.right for outcome in found.team] == [True, False]  # type: ignore[union-attr]


def test_documents_are_asked_by_a_team_or_a_chat(team: lc.Team, tmp_path: Path) -> None:
    (tmp_path / "Kihelrine.md").write_text("# Kihelrine\n\nOne dose of Kihelrine is 30 mg.\n")
    with lc.open_collection(tmp_path / "c.sqlite3", create=True) as collection:
        assert collection.add(tmp_path / "Kihelrine.md").added == 1
        answer = collection.ask("How much is one dose of Kihelrine?", team)
        assert (answer.is_supported, answer.sources[0].number) == (True, 1)
        with team.chat() as chat:
            assert collection.ask("How much is one dose of Kihelrine?", chat).text == answer.text
            assert chat.messages[1].content == answer.text
        with pytest.raises(NotSupported):
            collection.ask("xyzzy plugh", team, strict=True)
