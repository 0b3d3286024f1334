"""The fuser: an instruct member reads the best candidates and writes the final answer.

GenFuser's part in LLM-Blender (arXiv:2306.02561), by instruction instead of training. What bounds the
answer is the context: as many of the candidates as leave room for an answer of their length are shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from localcollab.assembly import OpenTeam
from localcollab.blend.candidates import Asking, OpenMember, signed
from localcollab.blend.ranking import Compare, compare_both_ways, contest_of
from localcollab.encoding import encode_continuation
from localcollab.errors import ContextFull
from localcollab.events import Event, Finished
from localcollab.session import Session, require_room

TOP_K = 3
"""Candidates that are fused, as in the paper."""
_LEAST = 2
_REQUEST = """Several answers to one request follow. Write one answer that is better than each of them: \
keep what is right, leave out what is wrong, and add nothing that none of them holds. Write that answer \
only.

Request:
{prompt}

{answers}"""


@dataclass(frozen=True, slots=True)
class Fusion:
    """What the fuser is asked, about the first `n_candidates` of those it was given."""

    request: str
    n_candidates: int


def fusion_request(prompt: str, candidates: Sequence[str]) -> str:
    answers = "\n\n".join(f"Answer {n}:\n{text}" for n, text in enumerate(candidates, 1))
    return _REQUEST.format(prompt=prompt, answers=answers)


def plan_fusion(team: OpenTeam, prompt: str, candidates: Sequence[str]) -> Fusion | None:
    """As many candidates, best first, as fit with an answer as long as their longest; None: not even
    two do."""
    for n in range(len(candidates), _LEAST - 1, -1):
        request = fusion_request(prompt, candidates[:n])
        if _has_room(team, request, candidates[:n]):
            return Fusion(request, n)
    return None


def _has_room(team: OpenTeam, request: str, candidates: Sequence[str]) -> bool:
    try:
        require_room(team.model, request)
        n_prompt = len(Session(team).prompt(request))
    except ContextFull:
        return False
    vocabulary = team.model.vocabulary
    n_longest = max(len(encode_continuation(vocabulary, text)) for text in candidates)
    return n_prompt + n_longest < team.model.n_ctx


def write_fusion(
    team: OpenTeam, fusion: Fusion, asking: Asking, *, author: str | None = None
) -> Iterator[Event]:
    """The fuser's answer, as `Session.ask` yields it, sampled, bounded and stopped as `asking` says."""
    events = Session(team).ask(
        fusion.request, asking.sampling, asking.limits, stop_event=asking.stop_event
    )
    yield from signed(events, author)


@dataclass(frozen=True, slots=True)
class Fused:
    """A final answer. `n_candidates` 0: it is the best candidate itself, and `why` says why."""

    text: str
    n_candidates: int = 0
    why: str = ""
    authors: Mapping[str, int] = field(default_factory=dict)
    """Tokens by author, of what the fuser wrote."""


def fuse_top(open_member: OpenMember, fuser: str, asking: Asking, top: Sequence[str]) -> Fused:
    """`top`: different answers, best first. Raises what asking raises."""
    if len(top) == 1:
        return Fused(top[0], why="one candidate only")
    fusion = plan_fusion(open_member(fuser), asking.question, top)
    if fusion is None:
        return Fused(top[0], why=f"two candidates do not fit the context of {fuser}")
    events = write_fusion(open_member(fuser), fusion, asking, author=fuser)
    answer = next(event for event in events if isinstance(event, Finished))
    n = fusion.n_candidates
    why = f"room for {n} of {len(top)} candidates" if n < len(top) else ""
    return Fused(answer.text, n, why, answer.authors)


def is_better(
    compare: Compare, prompt: str, texts: tuple[str, str], authors: tuple[str, str]
) -> bool:
    """The ranker's verdict, asked in both orders: the first text is no worse than the second."""
    contest = contest_of(prompt, texts, authors)
    if len(contest.candidates) == 1:
        return True
    return bool(compare_both_ways(contest, compare, [(0, 1)])[0] >= 0)
