"""The session behind the shown branch, kept from turn to turn; made again where the branch changed.

Making it renders every turn that stood before, so a long conversation must not pay that in every turn.
"""

from bisect import bisect_left
from dataclasses import replace

from localcollab.chat.template import Message
from localcollab.chat.transcript import Turn, without_reasoning
from localcollab.events import Finished
from localcollab.history.resume import turns_of
from localcollab.teams.open import OpenTeam
from localcollab.teams.session import Session
from localcollab_tui.jobs import Question

_ROOM = 256
"""Tokens that are kept free for an answer, or an eighth of a small context."""
_MANY, _SURELY = 40, 1.25
"""Messages before, and times the context: what is estimated first, and what needs no exact count."""


class KeptSession:
    """Of one team at a time; used by the models' thread alone."""

    def __init__(self) -> None:
        self._team: OpenTeam | None = None
        self._system = ""
        self._turns: tuple[Turn, ...] = ()
        self._session: Session | None = None
        self._prompt: tuple[OpenTeam, Question, list[int]] | None = None

    def let_go(self) -> None:
        """With the team, whose memory it holds."""
        self._team = self._session = self._prompt = None

    def before(self, team: OpenTeam, question: Question) -> Session:
        """The conversation up to `question`. Raises what rendering and encoding raise."""
        turns = _turns(team, question)
        is_same = team is self._team and question.system == self._system and turns == self._turns
        if self._session is None or not is_same:
            self._session = None
            self._session = session_before(team, question)
            self._team, self._system, self._turns = team, question.system, turns
        return self._session

    def said(self, question: Question, finished: Finished) -> None:
        """The session has one turn more."""
        self._turns = (*self._turns, Turn(question.text, finished.text, finished.tokens))

    def sent(self, team: OpenTeam, question: Question, prompt: list[int]) -> None:
        """A question was sent with more than its own words, so `prompt` cannot make it again."""
        self._prompt = (team, question, prompt)

    def prompt(self, team: OpenTeam, question: Question) -> list[int]:
        """What was sent with an earlier question: asked again at every move of the token cursor."""
        if self._prompt is None or self._prompt[0] is not team or self._prompt[1] != question:
            prompt = session_before(team, question).prompt(question.text)
            self._prompt = (team, question, prompt)
        return self._prompt[2]


def session_before(team: OpenTeam, question: Question) -> Session:
    return Session.restored(team, _turns(team, question), system=question.system or None)


def fits(n_prompt: int, team: OpenTeam) -> bool:
    n_ctx = team.model.n_ctx
    return n_prompt + min(_ROOM, n_ctx // 8) <= n_ctx


def n_tokens_of_text(team: OpenTeam, question: Question) -> int:
    """The prompt's, rendered once and tokenized anew: a few off where answers keep their own ids."""
    session = Session(team, system=question.system or None)
    for turn in _turns(team, question):
        answer = Message("assistant", without_reasoning(turn.answer))
        session.messages += [Message("user", turn.question), answer]
    return len(session.prompt(question.text))


def is_far_too_long(team: OpenTeam, question: Question) -> int | None:
    """About how many tokens, where making the session turn by turn would be in vain."""
    if len(question.before) < _MANY:
        return None
    n_tokens = n_tokens_of_text(team, question)
    return n_tokens if n_tokens > _SURELY * team.model.n_ctx else None


def least_drop(team: OpenTeam, question: Question) -> int | None:
    """The fewest oldest turns without which it fits; None: the question alone is too long."""
    drops = range(question.drop + 1, len(turns_of(question.before, question.ids, "")) + 1)
    about = bisect_left(
        drops, True, key=lambda n: fits(n_tokens_of_text(team, replace(question, drop=n)), team)
    )
    for drop in drops[max(0, about - 1) :]:
        shorter = replace(question, drop=drop)
        if fits(len(session_before(team, shorter).prompt(question.text)), team):
            return drop
    return None


def _turns(team: OpenTeam, question: Question) -> tuple[Turn, ...]:
    turns = turns_of(question.before, question.ids, team.model.vocabulary.fingerprint)
    return turns[question.drop :]
