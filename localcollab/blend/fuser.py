"""The fuser reads the best candidates and writes the final answer, as in LLM-Blender (arXiv:2306.02561).

Here by instruction instead of training; the trained kind is `gen_fuser`'s. What bounds the answer is the
context: as many of the candidates as leave room for an answer of their length are shown.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localcollab.blend.candidates import Asking, signed
from localcollab.blend.ranking import Compare, compare_both_ways, contest_of, rank
from localcollab.catalog.methods import TOP_K
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.encoding import encode_continuation
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Event, Finished
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session, require_room

_LEAST = 2
_REQUEST = """Several answers to one request follow. Write one answer that is better than each of them: \
keep what is right, leave out what is wrong, and add nothing that none of them holds. Write that answer \
only.

Request:
{prompt}

{answers}"""


Reads = str | tuple[int, ...]
"""A request in words, or the ids of a source."""


class Fuser(Protocol):
    """Whoever makes one answer of several."""

    @property
    def n_ctx(self) -> int: ...

    def reads(self, asking: Asking, candidates: Sequence[str]) -> Reads | None:
        """What it would be given; None: it does not fit with an answer as long as the longest."""
        ...

    def write(self, reads: Reads, asking: Asking) -> Iterator[Event]:
        """Its answer, sampled, bounded and stopped as `asking` says."""
        ...


OpenFuser = Callable[[str], Fuser]
"""By name; like `OpenMember`, it may close what was opened before."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """What the fuser reads, of the first `n_candidates` of those it was given."""

    reads: Reads
    n_candidates: int


class InstructFuser:
    """Any member that answers: the candidates stand in a request."""

    def __init__(self, team: OpenTeam) -> None:
        self._team = team

    @property
    def n_ctx(self) -> int:
        return self._team.model.n_ctx

    def reads(self, asking: Asking, candidates: Sequence[str]) -> Reads | None:
        request = fusion_request(asking.question, candidates)
        return request if self._has_room(request, candidates) else None

    def write(self, reads: Reads, asking: Asking) -> Iterator[Event]:
        assert isinstance(reads, str), "it is what this fuser reads"
        return Session(self._team).ask(
            reads, asking.sampling, asking.limits, stop_event=asking.stop_event
        )

    def _has_room(self, request: str, candidates: Sequence[str]) -> bool:
        try:
            require_room(self._team.model, request)
            n_prompt = len(Session(self._team).prompt(request))
        except ContextFull:
            return False
        vocabulary = self._team.model.vocabulary
        n_longest = max(len(encode_continuation(vocabulary, text)) for text in candidates)
        return n_prompt + n_longest < self.n_ctx


def fusion_request(prompt: str, candidates: Sequence[str]) -> str:
    answers = "\n\n".join(f"Answer {n}:\n{text}" for n, text in enumerate(candidates, 1))
    return _REQUEST.format(prompt=prompt, answers=answers)


def plan_fusion(fuser: Fuser, asking: Asking, candidates: Sequence[str]) -> Fusion | None:
    """As many candidates, best first, as fit; None: not even two do."""
    for n in range(len(candidates), _LEAST - 1, -1):
        reads = fuser.reads(asking, candidates[:n])
        if reads is not None:
            return Fusion(reads, n)
    return None


def write_fusion(
    fuser: Fuser, fusion: Fusion, asking: Asking, *, author: str | None = None
) -> Iterator[Event]:
    """The fuser's answer, signed by `author`."""
    yield from signed(fuser.write(fusion.reads, asking), author)


@dataclass(frozen=True, slots=True)
class Fused:
    """A final answer. `n_candidates` 0: it is the best candidate itself, and `why` says why."""

    text: str
    n_candidates: int = 0
    why: str = ""
    authors: Mapping[str, int] = field(default_factory=dict)
    """Tokens by author, of what the fuser wrote."""


def fuse_top(open_fuser: OpenFuser, fuser: str, asking: Asking, top: Sequence[str]) -> Fused:
    """`top`: different answers, best first. Raises what asking raises."""
    if len(top) == 1:
        return Fused(top[0], why="one candidate only")
    fusion = plan_fusion(open_fuser(fuser), asking, top)
    if fusion is None:
        return Fused(top[0], why=f"two candidates do not fit the context of {fuser}")
    events = write_fusion(open_fuser(fuser), fusion, asking, author=fuser)
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


def fuse(
    fuser: OpenTeam | Fuser,
    prompt: str,
    candidates: Sequence[str],
    *,
    given: str = "",
    sampling: Sampling | None = None,
    limits: Limits | None = None,
) -> str:
    """One answer from those given, best first; from as many of them as the fuser's context holds.

    `fuser`: a team, or `T5Fuser(load_encoder_decoder(FILE))`. `given`: the input that the instruction
    `prompt` is about. Raises `ContextFull` where not even two fit, and `BadOption` for less than two.
    """
    if len(candidates) < 2:
        raise BadOption(f"{len(candidates)} candidate to fuse: give two or more")
    if isinstance(fuser, OpenTeam):
        fuser = InstructFuser(fuser)
    question = "\n".join(filter(None, (prompt, given)))
    asking = Asking(question, sampling or Sampling(), limits, parts=(prompt, given))
    fusion = plan_fusion(fuser, asking, candidates)
    if fusion is None:
        raise ContextFull(
            f"the fuser has a context of {fuser.n_ctx} tokens, too short to fuse two of these "
            "candidates: give a larger `n_ctx`, or another fuser"
        )
    events = write_fusion(fuser, fusion, asking)
    return next(event.text for event in events if isinstance(event, Finished))


def rank_and_fuse(
    fuser: OpenTeam | Fuser,
    prompt: str,
    candidates: Sequence[str],
    ranker: Compare,
    *,
    top_k: int = TOP_K,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
) -> str:
    """`fuse` of the `top_k` best; the one candidate where all are the same."""
    ranking = rank(prompt, candidates, ranker)
    top = [ranking.contest.candidates[place] for place in ranking.order[:top_k]]
    return top[0] if len(top) == 1 else fuse(fuser, prompt, top, sampling=sampling, limits=limits)
