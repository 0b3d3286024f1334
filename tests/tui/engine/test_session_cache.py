"""The session of a long conversation is kept, and rebuilt only where the branch changed."""

from datetime import UTC, datetime

from chat_app import FakeTeams
from localcollab.events import Finished
from localcollab.history.records import Provenance, StoredMessage
from localcollab.teams.session import Session
from localcollab_tui.engine import session_cache
from localcollab_tui.messages import Question

_TEAM = FakeTeams(n_ctx=300).open(None, lambda text: None)
_VOCABULARY = _TEAM.model.vocabulary.fingerprint


def question(text: str, *said: tuple[str, str]) -> Question:
    """`said`: the turns before, questions with their answers."""
    before: list[StoredMessage] = []
    for n, (asked, answered) in enumerate(said):
        provenance = Provenance(vocabulary=_VOCABULARY)
        before.append(_message(2 * n, "user", asked, None))
        before.append(_message(2 * n + 1, "assistant", answered, provenance))
    ids = {m.id: tuple(m.text.encode()) for m in before if m.role == "assistant"}
    return Question(text, tuple(before), ids)


def _message(id_: int, role: str, text: str, provenance: Provenance | None) -> StoredMessage:
    return StoredMessage(
        id_, "c", None, role, "complete", text, datetime.now(UTC), (id_,), provenance  # type: ignore[arg-type]
    )  # fmt: skip


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


def test_the_fewest_turns_are_dropped() -> None:
    turns = [(f"{n}" * 40, f"{n}" * 40) for n in range(5)]
    asked = question("x" * 40, *turns)
    drop = session_cache.least_drop(_TEAM, asked)
    assert drop is not None
    shorter = [Question(asked.text, asked.before, asked.ids, drop=n) for n in (drop - 1, drop)]
    sizes = [len(session_cache.session_before(_TEAM, q).prompt(q.text)) for q in shorter]
    assert [session_cache.fits(size, _TEAM) for size in sizes] == [False, True]


def test_a_question_that_never_fits_has_no_drop() -> None:
    assert session_cache.least_drop(_TEAM, question("x" * 299, ("a", "b"))) is None


def test_far_too_long_is_known_from_the_text_alone() -> None:
    turns = [(f"question {n}", f"answer {n}") for n in range(50)]
    asked = question("x", *turns)
    estimate = session_cache.estimate_if_far_too_long(_TEAM, asked)
    assert estimate == len(session_cache.session_before(_TEAM, asked).prompt("x"))
    assert session_cache.estimate_if_far_too_long(_TEAM, question("x", *turns[:2])) is None
