"""The chat session of the shown branch, kept from turn to turn and rebuilt where the branch changed.

Rebuilding renders every earlier turn, which a long conversation must not pay at each question.
"""

from localcollab.chat.transcript import Turn
from localcollab.events import Finished
from localcollab.history.resume import turns_of
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session
from localcollab_tui.messages import Question


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
        return self._after(team, question, turns_before(team, question))

    def holds(self, team: OpenTeam, question: Question) -> bool:
        """Whether the session up to `question` is open: earlier turns are not tokenized again."""
        return self._is_open(team, question, turns_before(team, question))

    def with_answer(self, team: OpenTeam, question: Question, answer: Turn) -> Session:
        """The session after `answer`, which goes on. Raises what rendering and encoding raise."""
        return self._after(team, question, (*turns_before(team, question), answer))

    def _after(self, team: OpenTeam, question: Question, turns: tuple[Turn, ...]) -> Session:
        if self._session is None or not self._is_open(team, question, turns):
            self._session = None
            self._session = Session.restored(team, turns, system=question.system_sent or None)
            self._team, self._system, self._turns = team, question.system_sent, turns
        return self._session

    def _is_open(self, team: OpenTeam, question: Question, turns: tuple[Turn, ...]) -> bool:
        is_of_it = team is self._team and self._session is not None
        return is_of_it and question.system_sent == self._system and turns == self._turns

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
    return Session.restored(team, turns_before(team, question), system=question.system_sent or None)


def turns_before(team: OpenTeam, question: Question) -> tuple[Turn, ...]:
    """Without the oldest ones, where the question leaves them out."""
    turns = turns_of(question.before, question.ids, team.model.vocabulary.fingerprint)
    return turns[question.drop :]
