"""The session of a long conversation is kept, and rebuilt only where the branch changed."""

from asked_questions import question
from chat_app import FakeTeams
from localcollab.events import Finished
from localcollab.teams.session import Session
from localcollab_tui.engine import session_cache
from localcollab_tui.messages import Question

_TEAM = FakeTeams(n_ctx=300).open(None, lambda text: None)


def answered(session: Session, asked: Question) -> Finished:
    return next(event for event in session.ask(asked.text) if isinstance(event, Finished))


def test_a_conversation_that_goes_on_keeps_its_session() -> None:
    sessions, first = session_cache.SessionCache(), question("one")
    session = sessions.before(_TEAM, first)
    sessions.add_turn(first, answered(session, first))
    second = question("two", ("one", "You said one"))
    assert sessions.before(_TEAM, second) is session
    fresh = session_cache.session_before(_TEAM, second)
    assert session.prompt("two") == fresh.prompt("two")


def test_an_open_session_counts_a_prompt_without_its_earlier_turns() -> None:
    sessions, first = session_cache.SessionCache(), question("one")
    second = question("two", ("one", "You said one"))
    assert not sessions.holds(_TEAM, first)
    session = sessions.before(_TEAM, first)
    assert sessions.holds(_TEAM, first)
    sessions.add_turn(first, answered(session, first))
    assert sessions.holds(_TEAM, second)
    assert not sessions.holds(_TEAM, question("two", ("one", "You said another")))
    sessions.clear()
    assert not sessions.holds(_TEAM, second)


def test_another_branch_another_system_prompt_and_another_team_make_it_again() -> None:
    sessions, first = session_cache.SessionCache(), question("one", ("zero", "You said zero"))
    session = sessions.before(_TEAM, first)
    assert sessions.before(_TEAM, first) is session
    edited = question("one", ("nought", "You said nought"))
    assert sessions.before(_TEAM, edited).prompt("one") != session.prompt("one")
    session = sessions.before(_TEAM, first)
    with_system = Question(first.text, first.before, first.ids, "Be brief.")
    assert sessions.before(_TEAM, with_system) is not session
    session = sessions.before(_TEAM, first)
    other = FakeTeams(n_ctx=300).open(None, lambda text: None)
    assert sessions.before(other, first) is not session
