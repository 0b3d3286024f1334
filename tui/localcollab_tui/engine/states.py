"""What a chat's models have read, kept on disk: when, and from which conversation and collection it is.

Without a prompt cache, as in an incognito chat, nothing happens here.
"""

from typing import Protocol

from localcollab.documents.answer.answer import Library
from localcollab.llama.prompt_cache import PromptCache
from localcollab.storage import state_files
from localcollab_tui.messages import Question

MUCH = 1 / 4
"""A state is written whole, so not for every answer."""


class Keeps(Protocol):
    """A team, or a blend."""

    @property
    def prompt_cache(self) -> PromptCache | None: ...
    def keep_states(self, *, least_new: float = 0.0) -> None: ...


class ChatStates:
    """Of one chat. Only the models' thread uses it."""

    def __init__(self) -> None:
        self._conversation = ""

    def begin(self, team: Keeps, question: Question, library: Library | None) -> None:
        """What is read from now on is of this conversation; what was read of another is kept."""
        if team.prompt_cache is None:
            return
        if question.conversation != self._conversation:
            self.keep(team)
        self._conversation = question.conversation
        team.prompt_cache.begin(*_origins(question, library))

    def keep(self, team: Keeps, *, least_new: float = 0.0) -> None:
        """What the contexts hold, should the program end."""
        team.keep_states(least_new=least_new)

    def flush(self, team: Keeps) -> None:
        """Wait until everything is written."""
        if team.prompt_cache is not None:
            team.prompt_cache.flush()


def _origins(question: Question, library: Library | None) -> tuple[str, ...]:
    """Nothing is kept of files that are only attached."""
    own = state_files.conversation(question.conversation)
    if library is None:
        return (own,)
    path = library.collection.path
    return () if path is None else (own, state_files.collection(path))
