"""What stands behind a `Team`: models that write token by token, or a blend of whole answers.

Both give conversations: one at a time on the contexts that the team itself has, or one on contexts of
its own, which is counted in memory.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Event as ThreadEvent
from typing import Protocol

from localcollab.blend.events import BlendEvent
from localcollab.blend.residence import Residence
from localcollab.blend.session import BlendSession, Recipe
from localcollab.catalog import Calm
from localcollab.chat.template import Message
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel
from localcollab.llama.context import LlamaModel
from localcollab.llama.forecast import PlannedContext
from localcollab.llama.machine import available_bytes
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.llama.together import SharedContext
from localcollab.models.fit import Fit, bridge_need, forecast_here, judge
from localcollab.progress import OnProgress
from localcollab.storage.parts import real_path
from localcollab.teams.open import Files
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan
from localcollab.teams.session import Session

Method = Callable[[Mapping[str, LanguageModel]], LanguageModel]
"""`method(members by name, the base first)` -> the model that answers: a method of your own."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that a team takes beside the process itself."""

    weights: int
    conversation: int
    """The contexts of one conversation: caches and compute buffers, a bridge included."""
    n_conversations: int
    """The team's own contexts, and one for each open chat."""

    @property
    def total(self) -> int:
        return self.weights + self.n_conversations * self.conversation


class Conversation(Protocol):
    """Messages so far, and the next question."""

    @property
    def messages(self) -> tuple[Message, ...]: ...

    def ask(
        self, question: str, sampling: Sampling, limits: Limits, stop_event: ThreadEvent | None
    ) -> Iterator[BlendEvent]: ...

    def close(self) -> None: ...


class Source(Protocol):
    """What a team was loaded from."""

    @property
    def plan(self) -> TeamPlan: ...
    @property
    def members(self) -> tuple[str, ...]: ...
    @property
    def conversation_bytes(self) -> int: ...
    @property
    def weights_bytes(self) -> int: ...

    def single(self, system: str | None) -> Conversation:
        """A new conversation on the contexts that the team itself has."""
        ...

    def open_beside(self, system: str | None) -> Conversation:
        """A new conversation on contexts of its own. Raises `BadOption` where memory is short."""
        ...

    def close(self) -> None: ...


class TokenSource:
    """Models that write token by token, opened once for the team and once more for every chat."""

    def __init__(
        self,
        plan: TeamPlan,
        options: Options,
        *,
        method: Method | None = None,
        on_progress: OnProgress | None = None,
        available: Callable[[], int | None] = available_bytes,
        prompt_cache: PromptCache | None = None,
    ) -> None:
        """`available`: what is free now, in bytes. Raises what `open_team` raises."""
        if method and isinstance(plan.method, Calm):
            raise BadOption(
                f"{plan.name}: the layers of a composition are joined: leave method out"
            )
        self._plan, self._method, self._options = plan, method, options
        self._available = available
        self._files = Files(options, on_progress, prompt_cache)
        self.team = self._open(self._files)
        opened = self._files.contexts
        self._contexts = tuple(
            PlannedContext(f"{n} {c.name}", real_path(c.weights.path), c.n_ctx)
            for n, c in enumerate(opened)
        )

    @property
    def plan(self) -> TeamPlan:
        return self._plan

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.team.members)

    @property
    def weights_bytes(self) -> int:
        return self._files.weights_bytes

    @property
    def conversation_bytes(self) -> int:
        need = self._need
        return need.needed + need.on_gpu

    def single(self, system: str | None) -> "TokenConversation":
        return TokenConversation(Session(self.team, system=system))

    def open_beside(self, system: str | None) -> "TokenConversation":
        need = replace(self._need, free=self._available())
        if not need.fits:
            raise BadOption(
                f"{self._plan.name}: one more conversation takes "
                f"{self.conversation_bytes / 2**20:.0f} MiB for its contexts of "
                f"{self.team.model.n_ctx} tokens, {(need.free or 0) / 2**20:.0f} MiB are free: close "
                "a chat, or load the team with a smaller n_ctx"
            )
        files = self._files.beside()
        try:
            return TokenConversation(Session(self._open(files), system=system), files)
        except BaseException:
            files.close()
            raise

    def open_together(
        self, n: int, exclusive: Callable[[], AbstractContextManager[None]]
    ) -> "Together":
        """`n` conversations in one context, `exclusive` held while it evaluates; the team's own context
        is closed. Raises `BadOption` for a team, for a model whose cache cannot be cut, and where memory
        is short."""
        context, free = self.team.contexts[0], self._available()
        if len(self.team.contexts) > 1 or not isinstance(context, LlamaModel) or self._method:
            raise BadOption(f"{self._plan.name} is more than one model in this process")
        if self._plan.first.adapter is not None:
            raise BadOption(
                f"{self._plan.name} has an adapter, which belongs to a context of its own"
            )
        n_bytes = n * self.conversation_bytes
        if free is not None and n_bytes > free:
            raise BadOption(
                f"{n} conversations of {self._plan.name} take {n_bytes / 2**20:.0f} MiB, "
                f"{free / 2**20:.0f} MiB are free"
            )
        shared = SharedContext(
            context.weights, self._files.options, n, name=context.name, n_ctx=context.n_ctx,
            exclusive=exclusive,
        )  # fmt: skip
        context.close()  # its weights, its vocabulary and its size are still asked for
        return Together(self.team, shared)

    def close(self) -> None:
        self._files.close()

    def _open(self, files: Files) -> OpenTeam:
        team = files.open(self._plan)
        return replace(team, model=self._method(team.members)) if self._method else team

    @cached_property
    def _need(self) -> Fit:
        """Of one conversation, asked of llama.cpp in a child process. Raises `BadModelFile`."""
        found = forecast_here(self._contexts, self._options, self._available())
        bridges = [
            bridge_need(path.stem, path, self.team.model.n_ctx) for path in self._plan.bridges
        ]
        contexts = (*found.contexts, *bridges)
        return judge(
            self._plan.name, (), contexts, 0, None, found.gpus, self._options
        )  # fmt: skip


class Together:
    """Conversations of one model whose tokens are evaluated together."""

    def __init__(self, team: OpenTeam, shared: SharedContext) -> None:
        self._shared = shared
        self.sequences = shared.sequences
        name = next(iter(team.members))
        self.teams = tuple(
            replace(
                team, model=each, members={name: each}, contexts=(), speculation=None,
                prompt_cache=None,
            )
            for each in shared.sequences
        )  # fmt: skip

    def close(self) -> None:
        self._shared.close()


class TokenConversation:
    """`files`: the contexts that are closed with it; None: they are the team's."""

    def __init__(self, session: Session, files: Files | None = None) -> None:
        self.session, self._files = session, files

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(self.session.messages)

    def ask(
        self, question: str, sampling: Sampling, limits: Limits, stop_event: ThreadEvent | None
    ) -> Iterator[BlendEvent]:
        return self.session.ask(question, sampling, limits, stop_event=stop_event)

    def close(self) -> None:
        if self._files is not None:
            self._files.close()


class BlendSource:
    """A blend. Its members are loaded when they are asked, and serve all of its conversations."""

    def __init__(self, plan: TeamPlan, recipe: Recipe, residence: Residence) -> None:
        self._plan, self.recipe, self.residence = plan, recipe, residence

    @property
    def plan(self) -> TeamPlan:
        return self._plan

    @property
    def members(self) -> tuple[str, ...]:
        return self.recipe.members

    @property
    def weights_bytes(self) -> int:
        raise BadOption(
            f"{self._plan.name} is a blend, whose members are loaded in turn: ask the memory of one of "
            "its members"
        )

    conversation_bytes = weights_bytes

    def single(self, system: str | None) -> "BlendConversation":
        open_fuser = self.residence.open_fuser
        session = BlendSession(self.recipe, self.residence.open, open_fuser, system=system)
        return BlendConversation(session)

    open_beside = single

    def close(self) -> None:
        self.residence.close()


class BlendConversation:
    def __init__(self, session: BlendSession) -> None:
        self._session = session

    @property
    def messages(self) -> tuple[Message, ...]:
        system = self._session.system
        said = [Message("system", system)] if system else []
        for turn in self._session.turns:
            said += [Message("user", turn.question), Message("assistant", turn.answer)]
        return tuple(said)

    def ask(
        self, question: str, sampling: Sampling, limits: Limits, stop_event: ThreadEvent | None
    ) -> Iterator[BlendEvent]:
        return self._session.ask(question, sampling, limits, stop_event=stop_event)

    def close(self) -> None:
        pass
