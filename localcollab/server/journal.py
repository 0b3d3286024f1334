"""`serve --history`: conversations of clients, kept as those of `chat` are.

A client sends its whole conversation with every question, and nothing names it. Its messages do: what
goes on behind a known answer is the same conversation, another question or answer at a known place a
branch of it. What a client says was answered before is kept as the client's.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from localcollab.blend.events import Answered, Chosen, Ranked
from localcollab.blend.format import lines
from localcollab.chat.template import Message
from localcollab.chat.transcript import without_reasoning
from localcollab.errors import LocalcollabError
from localcollab.events import Finished, Token, Unfamiliar
from localcollab.history import History, Provenance, StoredMessage
from localcollab.server.writing import AskEvent, Written

_MOST_PLACES = 20_000
_CLIENT = "client"
"""The author of an answer that a client brings along."""
_BESIDE = "\n\n"


@dataclass(frozen=True, slots=True)
class Said:
    """A conversation as a request tells it."""

    system: str
    turns: tuple[tuple[str, str], ...]
    """Questions and answers before the last question."""
    question: str


def said_by(messages: Sequence[Message]) -> Said | None:
    """Neighbours of one side are one message; results of tools are the client's. None: no question."""
    system = _BESIDE.join(message.content for message in messages if message.role == "system")
    sides: list[tuple[bool, str]] = []
    for message in messages:
        is_answer = message.role == "assistant"
        if message.role == "system" or not message.content or (is_answer and not sides):
            continue
        if sides and sides[-1][0] == is_answer:
            sides[-1] = is_answer, sides[-1][1] + _BESIDE + message.content
        else:
            sides.append((is_answer, message.content))
    if not sides or sides[-1][0]:
        return None
    texts = [text for _, text in sides]
    return Said(system, tuple(zip(texts[:-1:2], texts[1::2], strict=True)), texts[-1])


class Journal:
    """Called from several threads."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._places: OrderedDict[bytes, StoredMessage] = OrderedDict()
        """What has been said, up to a message -> that message."""
        self._nexts: dict[int, int] = {}
        """An answer -> a question behind it."""
        self._lock = threading.Lock()

    def begin(
        self, messages: Sequence[Message], provenance: Callable[[int], Provenance]
    ) -> "Keeping | None":
        """For the answers to one request; `provenance(seed)` of each. None: there is nothing to keep."""
        said = said_by(messages)
        return None if said is None else Keeping(self, said, provenance)

    def question_of(self, team: str, said: Said) -> tuple[StoredMessage, bytes]:
        """Where `said` goes on, and its key. Raises `BadHistory`."""
        with self._lock:
            try:
                return self._placed(team, said)
            except LocalcollabError:
                # Such as a conversation that was deleted meanwhile.
                self._places.clear()
                self._nexts.clear()
                return self._placed(team, said)

    def remember(self, key: bytes, answer_id: int) -> None:
        """The answer to the question of `key`, as far as it was written."""
        answer = self.history.message(answer_id)
        with self._lock:
            self._remember(_key(key, without_reasoning(answer.text).strip()), answer)

    def _placed(self, team: str, said: Said) -> tuple[StoredMessage, bytes]:
        key, at = _key(b"", team, said.system), None
        questions = [*(question for question, _ in said.turns), said.question]
        for n, text in enumerate(questions):
            key = _key(key, text.strip())
            # A question that begins a conversation begins another one each time.
            known = self._places.get(key) if said.turns else None
            question = known or self._add_question(at, text, team, said.system)
            self._remember(key, question)
            if n < len(said.turns):
                at, key = self._answered(key, question, said.turns[n][1])
        return question, key

    def _add_question(
        self, at: StoredMessage | None, text: str, team: str, system: str
    ) -> StoredMessage:
        if at is None:
            conversation = self.history.create(system=system, team=team)
            return self.history.add_question(conversation.id, text)
        beside = self._nexts.get(at.id)
        if beside is not None:
            return self.history.edit_question(beside, text)
        self.history.select(at.id)
        question = self.history.add_question(at.conversation, text)
        self._nexts[at.id] = question.id
        return question

    def _answered(
        self, before: bytes, question: StoredMessage, text: str
    ) -> tuple[StoredMessage, bytes]:
        key = _key(before, without_reasoning(text).strip())
        known = self._places.get(key)
        if known is None:
            recorder = self.history.record_answer(question.id, Provenance())
            recorder.note("as the client sent it")
            recorder.add(Token(0, text, _CLIENT, 1.0))
            recorder.add(Finished("end", text, (0,), 0, {_CLIENT: 1}))
            known = self.history.message(recorder.message)
            self._remember(key, known)
        return known, key

    def _remember(self, key: bytes, message: StoredMessage) -> None:
        self._places[key] = message
        self._places.move_to_end(key)
        while len(self._places) > _MOST_PLACES:
            self._nexts.pop(self._places.popitem(last=False)[1].id, None)


class Keeping:
    """The answers to one request. Used by one thread at a time."""

    def __init__(
        self, journal: Journal, said: Said, provenance: Callable[[int], Provenance]
    ) -> None:
        self._journal, self._said, self._provenance = journal, said, provenance
        self._question: tuple[StoredMessage, bytes] | None = None

    def keep(self, seed: int, events: Iterator[AskEvent]) -> Iterator[AskEvent]:
        """`events`, each of which is stored before it is passed on. Raises `BadHistory`."""
        journal, provenance = self._journal, self._provenance(seed)
        if self._question is None:
            self._question = journal.question_of(provenance.team, self._said)
        question, key = self._question
        recorder = journal.history.record_answer(question.id, provenance)
        try:
            with recorder:
                for event in events:
                    match event:
                        case Written():
                            recorder.add(event.token)
                        case Unfamiliar():
                            recorder.add(event)
                        case Answered() | Ranked() | Chosen():
                            for line in lines(event):
                                recorder.note(line)
                        case Finished():
                            recorder.add(event)
                            # Before the client knows the end, and goes on from it.
                            journal.remember(key, recorder.message)
                    yield event
        finally:
            journal.remember(key, recorder.message)


def _key(before: bytes, *texts: str) -> bytes:
    digest = hashlib.sha256(before)
    for text in texts:
        data = text.encode("utf-8", "replace")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
