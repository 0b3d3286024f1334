"""One conversation as the app sees it: the shown branch, what is asked next, and of whom.

Pure: it knows the history and the jobs, no screen and no model. Both the app and the line mode
stand on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

from localcollab.documents.answer.events import Checked, Sources
from localcollab.errors import BadOption
from localcollab.events import Token
from localcollab.history import Conversation, History, StoredMessage
from localcollab_tui.jobs import Ask, DocsUsed, Job, Options, Question, TeamFacts
from localcollab_tui.scribe import Expected, Scribe

Submit = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """The answer that was asked for and has not ended."""

    ticket: int
    question: StoredMessage
    asked: Question


class Dialogue:
    """Raises `BadOption` and `BadHistory` where a call says no; then nothing has changed."""

    def __init__(self, history: History, scribe: Scribe, submit: Submit) -> None:
        self.history, self._scribe, self._submit = history, scribe, submit
        self.conversation: Conversation | None = None
        self.branch: tuple[StoredMessage, ...] = ()
        self.options: dict[str, float | int | str] = {}
        self.facts: TeamFacts | None = None
        self.pending: Pending | None = None
        self.docs = DocsUsed(None)
        self.sources: dict[int, tuple[Sources, Checked | None]] = {}
        """By answer, of those that were written since the start."""
        self._system = ""
        self._dropped = 0
        self._tickets = count(1)
        self._ids: dict[int, tuple[int, ...]] = {}

    # What is shown

    @property
    def system(self) -> str:
        return self.conversation.system if self.conversation else self._system

    @property
    def members(self) -> tuple[str, ...]:
        return self.facts.members if self.facts else ()

    @property
    def last_question(self) -> StoredMessage | None:
        return next((m for m in reversed(self.branch) if m.role == "user"), None)

    @property
    def last_answer(self) -> StoredMessage | None:
        return next((m for m in reversed(self.branch) if m.role == "assistant"), None)

    def tokens(self, message: int) -> tuple[Token, ...]:
        return self.history.tokens(message)

    def refresh(self) -> None:
        """Read the branch again. Where only its end is new, as in every turn, only the end is read."""
        if self.conversation is None:
            return
        self.conversation = self.history.conversation(self.conversation.id)
        leaf, last = self.conversation.leaf, self.branch[-1] if self.branch else None
        end = None if leaf is None or last is None else self.history.message(leaf)
        if end is not None and last is not None and end.id == last.id:
            self.branch = (*self.branch[:-1], end)
        elif end is not None and last is not None and end.parent == last.id:
            self.branch = (*self.branch, end)
        else:
            self.branch = self.history.branch(self.conversation.id)

    def heard(self, event: Sources | Checked) -> None:
        """About the answer that is being written."""
        answer = self.last_answer
        if answer is None:
            return
        if isinstance(event, Sources):
            self.sources[answer.id] = event, None
        elif answer.id in self.sources:
            self.sources[answer.id] = self.sources[answer.id][0], event

    # Conversations

    def start_new(self, *, keep_system: bool = False) -> None:
        """Nothing is stored before the first question."""
        self._require_idle()
        self._system = self.system if keep_system else ""
        self.conversation, self.branch, self._dropped = None, (), 0
        self._ids.clear()

    def open(self, id_: str, message: int | None = None) -> None:
        """`message`: show the branch through it."""
        self._require_idle()
        conversation = self.history.conversation(id_)
        if message is not None:
            self.history.select(message)
        self.conversation, self.branch, self._dropped = conversation, (), 0
        self._ids.clear()
        self.refresh()

    def set_system(self, text: str) -> None:
        """For all answers from now on."""
        if text and self.facts and not self.facts.takes_system:
            raise BadOption(
                f"{self.facts.name}: the base has no chat template, so it takes no system prompt: "
                "put it into the question"
            )
        self._system = text
        if self.conversation is not None:
            self.history.set_system(self.conversation.id, text)
            self.refresh()

    # Asking

    def ask(self, text: str) -> None:
        """Store the question and ask it."""
        self._require_idle()
        if self.conversation is None:
            team = self.facts.name if self.facts else ""
            self.conversation = self.history.create(system=self._system, team=team)
        last = self.branch[-1] if self.branch else None
        if last is not None and last.role == "user":
            # A question that got no answer is taken back: the new one stands beside it.
            question = self.history.edit_question(last.id, text)
        else:
            question = self.history.add_question(self.conversation.id, text)
        self._ask(question)

    def regenerate(self) -> None:
        """One more answer to the last question, beside the old one."""
        self._require_idle()
        self._ask(self._require_question())

    def edit(self, message: int, text: str) -> None:
        """Another text for a question; the old branch stays."""
        self._require_idle()
        self._ask(self.history.edit_question(message, text))

    def ask_shorter(self, drop: int) -> None:
        """The pending question again, without the oldest turns."""
        pending = self._require_pending()
        self._dropped = drop
        self._submit_question(pending.question)

    def withdraw(self) -> str:
        """Take the pending question back; returns its text."""
        text = self._require_pending().question.text
        self.pending = None
        if self.conversation is not None:
            self.history.undo(self.conversation.id)
        self.refresh()
        return text

    def ended(self) -> None:
        """The pending answer has ended, however."""
        self.pending = None
        self.refresh()

    def undo(self) -> str:
        """Back before the last question, whose text is returned; nothing is deleted."""
        self._require_idle()
        question = self._require_question()
        assert self.conversation is not None
        self.history.undo(self.conversation.id)
        self.refresh()
        return question.text

    def fork(self) -> Conversation:
        """Go on in a new conversation that begins with this branch."""
        self._require_idle()
        if not self.branch:
            raise BadOption("there is nothing to fork yet: ask something first")
        forked = self.history.fork(self.branch[-1].id)
        self.open(forked.id)
        return forked

    def switch(self, message: int, step: int) -> None:
        """To the sibling before or after `message`: another wording, or another answer."""
        self._require_idle()
        siblings = self.history.message(message).siblings
        at = siblings.index(message) + step
        if not 0 <= at < len(siblings):
            raise BadOption("there is no other version in that direction")
        self.history.select(siblings[at])
        self.refresh()

    # Questions about answers

    def asked_for(self, answer: StoredMessage) -> tuple[Question, tuple[int, ...]]:
        """The question that led to an answer, in its place, and the answer's ids."""
        at = next(n for n, m in enumerate(self.branch) if m.id == answer.id)
        dropped = int(
            str((answer.provenance.options if answer.provenance else {}).get("dropped", 0))
        )
        question = self._placed(self.branch[at - 1], self.branch[: at - 1], dropped)
        return question, self.history.token_ids(answer.id)

    def next_ticket(self) -> int:
        return next(self._tickets)

    def job_options(self) -> Options:
        return tuple(self.options.items())

    def _ask(self, question: StoredMessage) -> None:
        self.refresh()
        self._submit_question(question)

    def _submit_question(self, question: StoredMessage) -> None:
        at = next(n for n, m in enumerate(self.branch) if m.id == question.id)
        asked = self._placed(question, self.branch[:at], self._dropped)
        ticket = self.next_ticket()
        self.pending = Pending(ticket, question, asked)
        self._scribe.expect(ticket, Expected(question.id, self.job_options(), self._dropped))
        self._submit(Ask(ticket, asked, self.job_options()))

    def _placed(
        self, question: StoredMessage, before: tuple[StoredMessage, ...], dropped: int
    ) -> Question:
        answers = [m.id for m in before if m.role == "assistant"]
        ids = {answer: self._ids_of(answer) for answer in answers}
        return Question(question.text, before, ids, self.system, dropped)

    def _ids_of(self, answer: int) -> tuple[int, ...]:
        """Kept: a conversation of 500 turns would read them all again in every turn."""
        if answer not in self._ids:
            self._ids[answer] = self.history.token_ids(answer)
        return self._ids[answer]

    def _require_idle(self) -> None:
        if self.pending is not None:
            raise BadOption("an answer is being written: Esc stops it")

    def _require_pending(self) -> Pending:
        if self.pending is None:
            raise BadOption("nothing is being asked")
        return self.pending

    def _require_question(self) -> StoredMessage:
        if self.last_question is None:
            raise BadOption("nothing was asked yet")
        return self.last_question


def without_default(
    options: Mapping[str, float | int | str], name: str, value: float | int | str | None
) -> dict[str, float | int | str]:
    """`options` with one changed; None takes it out."""
    changed = {key: old for key, old in options.items() if key != name}
    return changed if value is None else {**changed, name: value}
