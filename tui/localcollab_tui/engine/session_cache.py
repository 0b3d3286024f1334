"""The chat session of the shown branch, kept from turn to turn and rebuilt where the branch changed.

Rebuilding renders every earlier turn, which a long conversation must not pay at each question.
"""

from bisect import bisect_left
from dataclasses import replace

from localcollab.chat.template import Message
from localcollab.chat.transcript import Turn, without_reasoning
from localcollab.events import Finished
from localcollab.history.resume import turns_of
from localcollab.teams.open import OpenTeam
from localcollab.teams.session import Session
from localcollab_tui.messages import Question

_ROOM = 256
"""Tokens that stay free for the answer, or an eighth of a small context."""
_MANY, _SURELY = 40, 1.25
"""From this many messages on the size is estimated first; this many times n_ctx needs no exact count."""


class SessionCache:
    """Of one team at a time. Only the models' thread uses it."""

    def __init__(self) -> None:
        self._team: OpenTeam | None = None
        self._system = ""
        self._turns: tuple[Turn, ...] = ()
        self._session: Session | None = None
        self._prompt: tuple[OpenTeam, Question, list[int]] | None = None

    def clear(self) -> None:
        """Before the team closes: the session holds its memory."""
        self._team = self._session = self._prompt = None

    def before(self, team: OpenTeam, question: Question) -> Session:
        """The session up to `question`. Raises what rendering and encoding raise."""
        return self._after(team, question, _turns(team, question))

    def with_answer(self, team: OpenTeam, question: Question, answer: Turn) -> Session:
        """The session after `answer`, which goes on. Raises what rendering and encoding raise."""
        return self._after(team, question, (*_turns(team, question), answer))

    def _after(self, team: OpenTeam, question: Question, turns: tuple[Turn, ...]) -> Session:
        is_same = (
            team is self._team and question.system_sent == self._system and turns == self._turns
        )
        if self._session is None or not is_same:
            self._session = None
            self._session = Session.restored(team, turns, system=question.system_sent or None)
            self._team, self._system, self._turns = team, question.system_sent, turns
        return self._session

    def add_to_answer(self, answer: Turn) -> None:
        """The last answer has become this one."""
        self._turns = (*self._turns[:-1], answer)

    def add_turn(self, question: Question, finished: Finished) -> None:
        """The session has answered `question`."""
        self._turns = (*self._turns, Turn(question.text, finished.text, finished.tokens))

    def keep_prompt(self, team: OpenTeam, question: Question, prompt: list[int]) -> None:
        """The question was sent with passages, so `prompt` cannot render it again."""
        self._prompt = (team, question, prompt)

    def prompt(self, team: OpenTeam, question: Question) -> list[int]:
        """The prompt of an earlier question; the token cursor needs it at every move."""
        if self._prompt is None or self._prompt[0] is not team or self._prompt[1] != question:
            prompt = session_before(team, question).prompt(question.text)
            self._prompt = (team, question, prompt)
        return self._prompt[2]


def session_before(team: OpenTeam, question: Question) -> Session:
    return Session.restored(team, _turns(team, question), system=question.system_sent or None)


def most(team: OpenTeam) -> int:
    """Tokens of the longest prompt that leaves room for an answer."""
    n_ctx = team.model.n_ctx
    return n_ctx - min(_ROOM, n_ctx // 8)


def fits(n_prompt: int, team: OpenTeam) -> bool:
    return n_prompt <= most(team)


def n_tokens_of_text(team: OpenTeam, question: Question) -> int:
    """Size of the prompt, tokenized as one text: a few tokens off, as stored answers keep their ids."""
    session = Session(team, system=question.system_sent or None)
    for turn in _turns(team, question):
        answer = Message("assistant", without_reasoning(turn.answer))
        session.messages += [Message("user", turn.question), answer]
    return len(session.prompt(question.text))


def estimate_if_far_too_long(team: OpenTeam, question: Question) -> int | None:
    """About how many tokens, where they certainly do not fit; else None. Much cheaper than a session."""
    if len(question.before) < _MANY:
        return None
    n_tokens = n_tokens_of_text(team, question)
    return n_tokens if n_tokens > _SURELY * team.model.n_ctx else None


def least_drop(team: OpenTeam, question: Question) -> int | None:
    """How many of the oldest turns to leave out so that it fits; None: the question alone is too long."""
    return _least_drop(team, question, most(team), _n_turns(question))


def drop_with_room(team: OpenTeam, question: Question) -> int | None:
    """As `least_drop`, but so many that the next turns have room, too: a prompt with another beginning is
    read again from there. The newest turn stays where it can."""
    found = _least_drop(team, question, team.model.n_ctx // 2, _n_turns(question) - 1)
    return found or least_drop(team, question)


def _least_drop(team: OpenTeam, question: Question, n_tokens: int, last: int) -> int | None:
    def size_of_text(drop: int) -> int:
        return n_tokens_of_text(team, replace(question, drop=drop))

    drops = range(question.drop + 1, last + 1)
    about = bisect_left(drops, True, key=lambda drop: size_of_text(drop) <= n_tokens)
    for drop in drops[max(0, about - 1) :]:
        shorter = replace(question, drop=drop)
        if len(session_before(team, shorter).prompt(question.text)) <= n_tokens:
            return drop
    return None


def _n_turns(question: Question) -> int:
    return len(turns_of(question.before, question.ids, ""))


def turns_between(team: OpenTeam, question: Question, drop: int) -> tuple[Turn, ...]:
    """The turns before the question that leaving out `drop` turns leaves out newly."""
    return _turns(team, question)[: drop - question.drop]


def _turns(team: OpenTeam, question: Question) -> tuple[Turn, ...]:
    turns = turns_of(question.before, question.ids, team.model.vocabulary.fingerprint)
    return turns[question.drop :]
