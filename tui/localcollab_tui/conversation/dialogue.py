"""One conversation as the app sees it: the shown branch, the pending question, the options.

It knows the history and the jobs; no screen and no model. The app and the line mode both use it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

from localcollab.documents.answer.events import Checked, Sources
from localcollab.errors import BadOption
from localcollab.events import Token
from localcollab.history import Conversation, History, StoredMessage
from localcollab_tui.conversation.recorder import AnswerRecorder, Expected
from localcollab_tui.conversation.unfinished import require_unfinished
from localcollab_tui.messages import Ask, DocsInUse, Job, Options, Question, TeamFacts, Unfinished

Submit = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """The question whose answer has not ended."""

    ticket: int
    question: StoredMessage
    asked: Question
    goes_on: StoredMessage | None = None
    """The answer that grows; None: a new one is written."""


class Dialogue:
    """Raises `BadOption` or `BadHistory` where a call is refused; then nothing has changed."""

    def __init__(self, history: History, recorder: AnswerRecorder, submit: Submit) -> None:
        self.history, self._recorder, self._submit = history, recorder, submit
        self.conversation: Conversation | None = None
        self.branch: tuple[StoredMessage, ...] = ()
        self.options: dict[str, float | int | str] = {}
        self.facts: TeamFacts | None = None
        self.pending: Pending | None = None
        self.docs = DocsInUse(None)
        self.sources: dict[int, tuple[Sources, Checked | None]] = {}
        """By answer; only of answers of this run of the app."""
        self._system: str | None = None
        self._lacks_system = False
        """The conversation was begun before the team, which may have a system prompt, was open."""
        self._editing: StoredMessage | None = None
        self._tickets = count(1)
        self._ids: dict[int, tuple[int, ...]] = {}

    # The shown branch

    @property
    def system(self) -> str:
        """Of a new conversation: what was set, or what models.toml says for the team."""
        if self.conversation is not None:
            return self.conversation.system
        own = self.facts.system if self.facts is not None and self.facts.takes_system else ""
        return own if self._system is None else self._system

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
        """Read the branch again; where only its end is new, as after every turn, only the end."""
        if self.conversation is None:
            return
        try:
            self.conversation = self.history.conversation(self.conversation.id)
        except BadOption:
            self._leave()  # another process deleted it
            raise
        leaf, last = self.conversation.leaf, self.branch[-1] if self.branch else None
        end = None if leaf is None or last is None else self.history.message(leaf)
        if end is not None and last is not None and end.id == last.id:
            self._ids.pop(end.id, None)  # it may have grown
            self.branch = (*self.branch[:-1], end)
        elif end is not None and last is not None and end.parent == last.id:
            self.branch = (*self.branch, end)
        else:
            self.branch = self.history.branch(self.conversation.id)

    def deferrals(self) -> tuple[list[float | None], int]:
        """p_defer along the last answer, and how many of its tokens an expert wrote."""
        answer = self.last_answer
        if answer is None:
            return [], 0
        tokens = self.tokens(answer.id)
        base = next(iter(answer.provenance.members), "base") if answer.provenance else "base"
        known = [token for token in tokens if token.p_defer is not None]
        return [token.p_defer for token in tokens], sum(token.author != base for token in known)

    def keep_sources(self, event: Sources | Checked) -> None:
        """Of the answer that is being written."""
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
        self.require_idle()
        self._system = self.system if keep_system else None
        self._leave()

    def open(self, id_: str, message: int | None = None) -> None:
        """`message`: show the branch that contains it."""
        self.require_idle()
        conversation = self.history.conversation(id_)
        if message is not None:
            self.history.select(message)
        self._leave()
        self.conversation = conversation
        self.refresh()

    def _leave(self) -> None:
        """Everything that belongs to the shown conversation ends with it."""
        self.conversation, self.branch, self._editing = None, (), None
        self._lacks_system = False
        self._ids.clear()

    def delete(self, id_: str) -> None:
        """Any conversation; after the shown one, a new one starts."""
        if self.conversation is None or self.conversation.id != id_:
            self.history.delete(id_)
            return
        self.require_idle()
        self.history.delete(id_)
        self.start_new()

    def set_system(self, text: str) -> None:
        """For all following answers."""
        if text and self.facts and not self.facts.takes_system:
            raise BadOption(
                f"{self.facts.name}: the base has no chat template, so it takes no system prompt: "
                "put it into the question"
            )
        self._system, self._lacks_system = text, False
        if self.conversation is not None:
            self.history.set_system(self.conversation.id, text)
            self.refresh()

    # Asking

    @property
    def editing(self) -> StoredMessage | None:
        """The question that is being edited."""
        return self._editing

    def start_editing(self) -> StoredMessage:
        """The text that is sent next replaces the last question."""
        self._editing = self._require_question()
        return self._editing

    def stop_editing(self) -> None:
        self._editing = None

    def send(self, text: str) -> None:
        """A question at the end of the branch, or another text for the one that is being edited."""
        if self._editing is None:
            self.ask(text)
        else:
            self.edit(self._editing.id, text)

    def ask(self, text: str) -> None:
        """Store the question and ask it."""
        self.require_idle()
        last = self.branch[-1] if self.branch else None
        if self.conversation is None:
            team = self.facts.name if self.facts else ""
            self.conversation = self.history.create(system=self.system, team=team)
            self._lacks_system = self.facts is None and self._system is None
        if last is not None and last.role == "user":
            # The last question got no answer: the new one becomes its sibling.
            question = self.history.edit_question(last.id, text)
        else:
            question = self.history.add_question(self.conversation.id, text)
        self._ask(question)

    def regenerate(self) -> None:
        """Another answer to the last question; the old one stays as a sibling."""
        self.require_idle()
        self._ask(self._require_question())

    def more(self) -> None:
        """Go on with the last answer, which grows."""
        self.require_idle()
        answer = self.last_answer
        if answer is None or answer is not self.branch[-1]:
            raise BadOption("there is no answer to go on with: ask a question first")
        require_unfinished(answer, self.facts)
        asked, ids = self.asked_for(answer)
        self._editing = None
        ticket, question = self.next_ticket(), self.branch[-2]
        self.pending = Pending(ticket, question, asked, answer)
        expected = Expected(question.id, self.job_options(), goes_on=answer.id)
        self._recorder.expect(ticket, expected)
        in_loop = answer.outcome is not None and answer.outcome.reason == "repetition"
        written = Unfinished(answer.text, ids, in_loop)
        self._submit(Ask(ticket, asked, self.job_options(), goes_on=written))

    def edit(self, message: int, text: str) -> None:
        """Another text for a question of the shown branch; the old branch stays."""
        self.require_idle()
        self._place_of(message)
        self._ask(self.history.edit_question(message, text))

    def ask_shorter(self, drop: int) -> None:
        """Ask the pending question again without the oldest turns."""
        pending = self._require_pending()
        self._submit_question(pending.question, drop)

    def withdraw(self) -> str:
        """Take the pending question back; returns its text."""
        text = self._require_pending().question.text
        self.pending = None
        if self.conversation is not None:
            self.history.undo(self.conversation.id)
        self.refresh()
        return text

    def begin(self, facts: TeamFacts) -> None:
        """The pending answer has begun."""
        self.facts = facts
        if self._lacks_system and self.conversation is not None:
            self._lacks_system = False
            if facts.system and facts.takes_system:
                self.history.set_system(self.conversation.id, facts.system)

    def end(self) -> None:
        """The pending answer has ended, for whatever reason."""
        self.pending = None
        self.refresh()

    def undo(self) -> str:
        """Take the last question back and return its text; nothing is deleted."""
        self.require_idle()
        question = self._require_question()
        assert self.conversation is not None
        self.history.undo(self.conversation.id)
        self._editing = None
        self.refresh()
        return question.text

    def fork(self) -> Conversation:
        """Continue in a new conversation that starts with a copy of this branch."""
        self.require_idle()
        if not self.branch:
            raise BadOption("there is nothing to fork yet: ask a question first")
        forked = self.history.fork(self.branch[-1].id)
        self.open(forked.id)
        return forked

    def switch(self, message: int, step: int) -> None:
        """To the previous or next sibling of `message`: another wording, or another answer."""
        self.require_idle()
        siblings = self.history.message(message).siblings
        at = siblings.index(message) + step
        if not 0 <= at < len(siblings):
            raise BadOption("there is no other version in that direction")
        self.history.select(siblings[at])
        self._editing = None
        self.refresh()

    # Questions about answers

    def asked_for(self, answer: StoredMessage) -> tuple[Question, tuple[int, ...]]:
        """The question of an answer of the shown branch, in its place, and the answer's ids."""
        at = self._place_of(answer.id)
        question = self._placed(self.branch[at - 1], self.branch[: at - 1], left_out(answer))
        return question, self.history.token_ids(answer.id)

    def next_ticket(self) -> int:
        return next(self._tickets)

    def job_options(self) -> Options:
        return tuple(self.options.items())

    def _ask(self, question: StoredMessage) -> None:
        self._editing = None
        self.refresh()
        self._submit_question(question)

    def _submit_question(self, question: StoredMessage, drop: int = 0) -> None:
        """Without the turns that the last answer left out, or the `drop` oldest."""
        at = self._place_of(question.id)
        before = self.branch[:at]
        last = next((m for m in reversed(before) if m.role == "assistant"), None)
        out = left_out(last)
        asked = self._placed(question, before, (drop, "") if drop > out[0] else out)
        ticket = self.next_ticket()
        self.pending = Pending(ticket, question, asked)
        docs = self.docs.collection or ""
        expected = Expected(question.id, self.job_options(), docs)
        self._recorder.expect(ticket, expected)
        self._submit(Ask(ticket, asked, self.job_options()))

    def _place_of(self, message: int) -> int:
        """Raises `BadOption` for a message of another conversation or branch."""
        at = next((n for n, m in enumerate(self.branch) if m.id == message), None)
        if at is None:
            raise BadOption("this message is not on the shown branch any more")
        return at

    def _placed(
        self, question: StoredMessage, before: tuple[StoredMessage, ...], out: tuple[int, str]
    ) -> Question:
        answers = [m.id for m in before if m.role == "assistant"]
        ids = {answer: self._ids_of(answer) for answer in answers}
        system = None if self._lacks_system else self.system
        return Question(question.text, before, ids, system, *out, question.conversation)

    def _ids_of(self, answer: int) -> tuple[int, ...]:
        """Cached: 500 turns would be read again in every turn."""
        if answer not in self._ids:
            self._ids[answer] = self.history.token_ids(answer)
        return self._ids[answer]

    def require_idle(self) -> None:
        if self.pending is not None:
            raise BadOption("an answer is being written: Esc stops it")

    def _require_pending(self) -> Pending:
        if self.pending is None:
            raise BadOption("no question is pending")
        return self.pending

    def _require_question(self) -> StoredMessage:
        if self.last_question is None:
            raise BadOption("there is no question yet")
        return self.last_question


def left_out(answer: StoredMessage | None) -> tuple[int, str]:
    """How many of the oldest turns an answer did without, and the summary that it had in their place."""
    options = answer.provenance.options if answer is not None and answer.provenance else {}
    dropped, summary = options.get("dropped", 0), options.get("summary", "")
    return (dropped if isinstance(dropped, int) else 0, str(summary))


def without_default(
    options: Mapping[str, float | int | str], name: str, value: float | int | str | None
) -> dict[str, float | int | str]:
    """`options` with one changed; None removes it."""
    changed = {key: old for key, old in options.items() if key != name}
    return changed if value is None else {**changed, name: value}
