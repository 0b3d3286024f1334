"""Which member answers how often, and the candidates. Members write in turn; events are streamed."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from localcollab.blend.events import Answered, Answering, CandidateToken
from localcollab.blend.ranking import Aggregation, Compare, rank
from localcollab.catalog.methods import SAMPLE_TEMPERATURE
from localcollab.chat.transcript import Turn
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.events import Event, Finished, Progress, Token, Unfamiliar, confidence
from localcollab.teams.defaults import own_limits
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import BASE
from localcollab.teams.session import Session

OpenMember = Callable[[str], OpenTeam]
"""By name. Opening one may close another: keep the result only while it is read."""


NO_CONFIDENCE = -100.0
"""Of an empty answer, in nats a token."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A question in its conversation, and how to answer it."""

    question: str
    sampling: Sampling = field(default_factory=Sampling)
    limits: Limits | None = None
    turns: tuple[Turn, ...] = ()
    system: str | None = None
    stop_event: threading.Event | None = None
    parts: tuple[str, str] | None = None
    """The question as instruction and input, if given so; some fusers read them separately."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One candidate to write: by which member, and how it samples."""

    model: str
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Candidate:
    model: str
    answer: Finished
    tokens: tuple[Token, ...]
    unfamiliar: tuple[Unfamiliar, ...] = ()
    seconds: float = 0.0

    @property
    def text(self) -> str:
        return self.answer.text

    @property
    def confidence(self) -> float:
        """Mean log-probability of its tokens; of nothing written the lowest there is."""
        found = confidence(self.tokens)
        return NO_CONFIDENCE if found is None else found


def plan_samples(
    models: Sequence[str], n_samples: int, sampling: Sampling, temperature: float
) -> list[Asked]:
    """The first answer of every member uses `sampling`; further ones use at least `temperature`, each
    with its own seed."""
    warm = replace(sampling, temperature=max(sampling.temperature, temperature))
    return [
        Asked(model, replace(warm, seed=sampling.seed + n) if n else sampling)
        for model in models
        for n in range(n_samples)
    ]


def write_candidates(
    open_member: OpenMember, plan: Sequence[Asked], asking: Asking
) -> Iterator[Answering | CandidateToken | Progress | Answered | Candidate]:
    """Yields each `Candidate` after its events; ends after one that was stopped.

    Samples of one member share what its cache holds of the prompt. Raises what asking raises.
    """
    several = len({asked.model for asked in plan}) > 1
    for n, asked in enumerate(plan, 1):
        yield Answering(n, len(plan), asked.model)
        team = open_member(asked.model)
        events = write_candidate(team, asked, asking, author=asked.model if several else None)
        del team  # the next member may need its memory
        for event in events:
            if isinstance(event, Candidate):
                yield _answered(n, event)
            yield CandidateToken(n, event) if isinstance(event, Token) else event
        if isinstance(event, Candidate) and event.answer.reason == "stopped":
            return


def _answered(n: int, candidate: Candidate) -> Answered:
    answer = candidate.answer
    return Answered(
        n, candidate.model, answer.text, answer.reason, answer.authors, candidate.seconds
    )


def write_candidate(
    team: OpenTeam, asked: Asked, asking: Asking, *, author: str | None = None
) -> Iterator[Progress | Token | Candidate]:
    """Ends with the `Candidate`. `author`: see `signed`."""
    started = time.perf_counter()
    tokens, unfamiliar = list[Token](), list[Unfamiliar]()
    session = Session.restored(team, asking.turns, system=asking.system)
    events = session.ask(
        asking.question,
        asked.sampling,
        own_limits(team, asking.limits or Limits()),
        stop_event=asking.stop_event,
    )
    for event in signed(events, author):
        match event:
            case Token():
                tokens.append(event)
                yield event
            case Progress():
                yield event
            case Unfamiliar():
                unfamiliar.append(event)
            case Finished():
                seconds = time.perf_counter() - started
                yield Candidate(asked.model, event, tuple(tokens), tuple(unfamiliar), seconds)


def best_of_n(
    team: OpenTeam,
    question: str,
    n: int,
    ranker: Compare,
    *,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    temperature: float = SAMPLE_TEMPERATURE,
    aggregation: Aggregation = "max_logits",
) -> Candidate:
    """The best of one answer that uses `sampling` and n - 1 at `temperature`."""
    if n < 1:
        raise BadOption(f"`n` is {n}: give 1 or more")
    asking = Asking(question, sampling or Sampling(), limits)
    plan = plan_samples([team.name], n, asking.sampling, temperature)
    events = write_candidates(lambda _: team, plan, asking)
    candidates = [event for event in events if isinstance(event, Candidate)]
    texts = [candidate.text for candidate in candidates]
    return candidates[rank(question, texts, ranker, aggregation=aggregation).best]


def signed(events: Iterator[Event], author: str | None) -> Iterator[Event]:
    """With authors as paths under `author`, which stands for the base; None: unchanged."""
    for event in events:
        if author and isinstance(event, Token):
            yield replace(event, author=_path(author, event.author))
        elif author and isinstance(event, Finished):
            authors = {_path(author, inner): n for inner, n in event.authors.items()}
            yield replace(event, authors=authors)
        else:
            yield event


def _path(author: str, inner: str) -> str:
    return author if inner == BASE else f"{author}/{inner}"
