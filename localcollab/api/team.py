"""A loaded team, and conversations with it. Which models stand behind it is `sources`'."""

import gc
import weakref
from collections.abc import Iterator
from threading import Event as ThreadEvent
from types import TracebackType
from typing import Self, TypeVar, Unpack

from localcollab.api.answers import Answer, AnswerOptions, parse_options, to_answer
from localcollab.api.sources import Conversation, Memory, Source, TokenConversation, TokenSource
from localcollab.blend.events import BlendEvent
from localcollab.chat.template import Message
from localcollab.errors import BadOption
from localcollab.events import Token
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

E = TypeVar("E")


class Team:
    """Models that answer as one, or one model alone. Made by `load`; a context manager.

    A question to the team itself is a conversation of its own; `chat` keeps one going. A team, and
    each chat, is for one thread at a time.
    """

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source
        self._chats: weakref.WeakSet[Chat] = weakref.WeakSet()
        self.name = source.plan.name
        self.members = source.members
        """Names, the base first: the authors of tokens."""

    def generate(
        self,
        question: str,
        *,
        system: str | None = None,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Answer:
        """The whole answer. Raises `BadOption`, `ContextFull`, and what reading raises."""
        return to_answer(self.events(question, system=system, stop_event=stop_event, **options))

    def stream(
        self,
        question: str,
        *,
        system: str | None = None,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Iterator[Token]:
        """The answer's tokens as they are written; stop iterating to end it."""
        found = self.events(question, system=system, stop_event=stop_event, **options)
        return (event for event in found if isinstance(event, Token))

    def events(
        self,
        question: str,
        *,
        system: str | None = None,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Iterator[BlendEvent]:
        """Everything: `Prompted`, `Progress`, `Token`s, `Unfamiliar`, `Finished`; of a blend its
        candidates, too."""
        sampling, limits = parse_options(options)
        conversation = self.source.single(system)
        return conversation.ask(question, sampling, limits, stop_event)

    def chat(self, *, system: str | None = None) -> "Chat":
        """A conversation on contexts of its own, on the same weights; `memory` says what it takes.

        Raises `BadOption` where the free memory does not hold it.
        """
        chat = Chat(self.source.open_beside(system), self.name)
        self._chats.add(chat)
        return chat

    @property
    def memory(self) -> Memory:
        """Raises `BadOption` for a blend."""
        n_open = sum(not chat.is_closed for chat in self._chats)
        source = self.source
        return Memory(source.weights_bytes, source.conversation_bytes, 1 + n_open)

    @property
    def opened(self) -> OpenTeam:
        """What the inner rooms work with: model, members, chat template. Raises `BadOption` for a
        blend."""
        source = self.source
        if isinstance(source, TokenSource):
            return source.team
        raise BadOption(
            f"{self.name} is a blend, which picks among whole answers: use one of its members here"
        )

    @property
    def source(self) -> Source:
        """Raises `BadOption` where the team is closed."""
        if self._source is None:
            raise BadOption(f"the team {self.name} is closed: load it again")
        return self._source

    def session(self) -> Session:
        """A new conversation on the team's own contexts. Raises `BadOption` for a blend."""
        return Session(self.opened)

    def close(self) -> None:
        """Close its chats, and free contexts and weights. Closing twice is nothing."""
        for chat in list(self._chats):
            chat.close()
        if self._source is not None:
            self._source.close()
            self._source = None
            gc.collect()  # teams hold themselves in circles

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Chat:
    """One conversation, on contexts of its own. A context manager; its team closes it, too.

    An answer joins the conversation when it is finished: one that was not read to its end, or that
    failed, leaves it as it was.
    """

    def __init__(self, conversation: Conversation, team: str) -> None:
        self._conversation: Conversation | None = conversation
        self._team = team
        self._is_answering = False

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation so far: records of `role` and `content`."""
        return self._open().messages

    @property
    def is_closed(self) -> bool:
        return self._conversation is None

    def ask(
        self,
        question: str,
        *,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Answer:
        """The whole answer."""
        return to_answer(self.events(question, stop_event=stop_event, **options))

    def stream(
        self,
        question: str,
        *,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Iterator[Token]:
        """The answer's tokens as they are written."""
        found = self.events(question, stop_event=stop_event, **options)
        return (event for event in found if isinstance(event, Token))

    def events(
        self,
        question: str,
        *,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Iterator[BlendEvent]:
        """Everything, as `Team.events`."""
        sampling, limits = parse_options(options)
        conversation = self._open()
        return self.one_answer(conversation.ask(question, sampling, limits, stop_event))

    def one_answer(self, events: Iterator[E]) -> Iterator[E]:
        """Refuses a second answer while one is being read. Raises `BadOption`."""
        if self._is_answering:
            raise BadOption(
                "the chat is in the middle of an answer: read it to its end, or close the iterator"
            )
        self._is_answering = True
        try:
            yield from events
        finally:
            self._is_answering = False

    def session(self) -> Session:
        """For answers from documents. Raises `BadOption` for a blend."""
        conversation = self._open()
        if isinstance(conversation, TokenConversation):
            return conversation.session
        raise BadOption(
            f"{self._team} is a blend, which reads no documents: ask one of its members"
        )

    def close(self) -> None:
        """Free its contexts. Closing twice is nothing."""
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None

    def _open(self) -> Conversation:
        if self._conversation is None:
            raise BadOption(f"this chat with {self._team} is closed: open another one")
        return self._conversation

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
