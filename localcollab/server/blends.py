"""A blend behind the chat APIs: its members answer in turn, and the reply is told when it is chosen.

A blend has no distribution over tokens, so whatever needs one is refused by name.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from localcollab.api.sources import BlendSource
from localcollab.blend.events import Answered, Chosen, Ranked
from localcollab.blend.session import BlendSession
from localcollab.chat.template import Message
from localcollab.chat.transcript import Turn
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.events import Finished, Progress, Prompted, Token, Unfamiliar
from localcollab.history import Provenance
from localcollab.server.asking import UNLIMITED, max_tokens_of, messages_of, sampling_options
from localcollab.server.bodies import ChatBody
from localcollab.server.errors import ApiError
from localcollab.server.journal import Said, said_by
from localcollab.server.writing import AskEvent, Detail, Started, Written
from localcollab.teams.defaults import CHAT_MAX_TOKENS, own_options

_NEEDS_TOKENS = (
    "logprobs", "logit_bias", "grammar", "json_schema", "tools", "return_progress", "cache_prompt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BlendAsk:
    """One reply that is wanted of a blend."""

    said: Said
    sampling: Sampling
    limits: Limits

    @property
    def tokens(self) -> tuple[int, ...]:
        """None: every member reads the conversation with a template of its own."""
        return ()

    def with_seed(self, n: int) -> "BlendAsk":
        """For the `n`-th reply to it."""
        return replace(self, sampling=replace(self.sampling, seed=self.sampling.seed + n))


class BlendSeat:
    """The only place of a blend, whose members are loaded once: one reply at a time."""

    def __init__(self, source: BlendSource) -> None:
        self._source = source
        self.cached: list[int] = []
        self.used = 0.0

    def n_shared(self, tokens: Sequence[int]) -> int:
        """Nothing is known of the members' caches."""
        return 0

    def close(self) -> None:
        """Its members are closed with the source."""

    def write(self, ask: BlendAsk, stop_event: threading.Event) -> Iterator[AskEvent]:
        """The members' reads come in no turn. Raises what asking and ranking raise."""
        source, said = self._source, ask.said
        residence = source.residence
        system = said.system or None
        session = BlendSession(source.recipe, residence.open, residence.open_fuser, system=system)
        session.turns = tuple(Turn(question, answer) for question, answer in said.turns)
        yield Started(0, 0)
        events = session.ask(said.question, ask.sampling, ask.limits, stop_event=stop_event)
        for event in events:
            match event:
                case Token():
                    yield Written(event, Detail())
                case Answered() | Ranked() | Chosen() | Unfamiliar() | Finished():
                    yield event
                case Prompted() | Progress():
                    pass  # of one member


def blend_ask(body: ChatBody) -> BlendAsk:
    """Raises `ApiError` for what a blend cannot do, `BadOption`."""
    for name in _NEEDS_TOKENS:
        if getattr(body, name):
            raise ApiError(400, f"a blend picks among whole answers, so it has no `{name}`: leave it "
                           "out, or ask one of its members", param=name)  # fmt: skip
    if body.response_format is not None and body.response_format.type != "text":
        raise ApiError(
            400, "a blend picks among whole answers, which no `response_format` binds: ask one of its "
            "members", param="response_format",
        )  # fmt: skip
    said = said_by(messages_of(body.messages))
    if said is None:
        raise ApiError(400, "`messages` does not end with a question", param="messages")
    sampling = Sampling(**own_options(sampling_options(body)))
    given = max_tokens_of(body)
    if given is not None and given < 1 and given != UNLIMITED:
        raise BadOption(f"`max_tokens` is {given}: give 1 or more, or -1")
    most = None if given == UNLIMITED else given or CHAT_MAX_TOKENS
    return BlendAsk(said, sampling, Limits(most, body.stops))


def question_of(messages: Sequence[Message]) -> str:
    asked = [message.content for message in messages if message.role == "user"]
    return asked[-1] if asked else ""


def blend_provenance(name: str, source: BlendSource, seed: int) -> Provenance:
    """For the history."""
    return Provenance(team=name, members=dict.fromkeys(source.members, ""), seed=seed)
