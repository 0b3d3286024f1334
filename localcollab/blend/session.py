"""One conversation with a blend: a question -> candidates, their ranking, and one reply.

Yields the events of the candidates, then those of the reply, which are the same as in any other
conversation. The reply is the best candidate, token by token as it was written, or the fused answer.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from localcollab.blend.candidates import (
    Asking,
    Candidate,
    OpenMember,
    plan_samples,
    write_candidates,
)
from localcollab.blend.events import BlendEvent, Chosen, Ranked
from localcollab.blend.fuser import (
    Fusion,
    InstructFuser,
    OpenFuser,
    is_better,
    plan_fusion,
    write_fusion,
)
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import (
    Aggregation,
    Compare,
    Ranking,
    against_doubted,
    contest_of,
    rank_contest,
)
from localcollab.catalog.methods import SAMPLE_TEMPERATURE, TOP_K
from localcollab.catalog.ranker_names import RankerSpec
from localcollab.chat.transcript import Turn, without_reasoning
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.events import Event, Finished


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a blend answers. Members, the fuser and the ranker's models are names that the session's
    `OpenMember` knows."""

    members: tuple[str, ...]
    ranker: RankerSpec
    n_samples: int = 1
    temperature: float = SAMPLE_TEMPERATURE
    aggregation: Aggregation = "max_logits"
    fuser: str | None = None
    """None: the best candidate is the reply."""
    top_k: int = TOP_K
    verified: bool = False
    """Reject a fused answer that the ranker finds worse than the best candidate."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        if not self.members:
            raise BadOption("the blend has no member: name at least one")
        if self.n_samples < 1:
            raise BadOption(f"n_samples is {self.n_samples}: give 1 or more")
        if self.top_k < 2:
            raise BadOption(f"`top_k` is {self.top_k}: give 2 or more, or no fuser")
        if self.fuser and self.aggregation == "bubble":
            raise BadOption(
                f"bubble finds one best candidate, but the fuser {self.fuser} reads {self.top_k}: use "
                "max_logits or max_wins, or no fuser"
            )


class BlendSession:
    """`turns` is the conversation so far, `system` its system prompt. Every member reads them with its
    own chat template; both may be set between questions."""

    def __init__(
        self,
        recipe: Recipe,
        open_member: OpenMember,
        open_fuser: OpenFuser | None = None,
        *,
        system: str | None = None,
    ) -> None:
        """`open_fuser` None: the fuser is opened like a member."""
        self.recipe = recipe
        self.turns: tuple[Turn, ...] = ()
        self.system = system
        self._open = open_member
        self._open_fuser = open_fuser or (lambda name: InstructFuser(open_member(name)))

    @cached_property
    def _compare(self) -> Compare:
        return open_ranker(self.recipe.ranker, self._open, self.recipe.members)

    def ask(
        self,
        question: str,
        sampling: Sampling | None = None,
        limits: Limits | None = None,
        *,
        stop_event: threading.Event | None = None,
        doubt: Callable[[str], str | None] = lambda text: None,
    ) -> Iterator[BlendEvent]:
        """Yields what `write_candidates` does, `Ranked`, `Chosen`, then the reply as a `Session`
        does. A stopped candidate is the reply. `doubt`: why a candidate is doubted, which then loses to
        all that are not. Raises what asking and ranking raise."""
        recipe = self.recipe
        asking = Asking(
            question, sampling or Sampling(), limits, self.turns, self.system, stop_event
        )
        plan = plan_samples(recipe.members, recipe.n_samples, asking.sampling, recipe.temperature)
        candidates = list[Candidate]()
        for event in write_candidates(self._open, plan, asking):
            if isinstance(event, Candidate):
                candidates.append(event)
            else:
                yield event
        if candidates[-1].answer.reason == "stopped":
            yield Chosen(len(candidates))
            yield from self._heard(question, _replayed(candidates[-1]))
            return
        doubts = {c.text: why for c in candidates if (why := doubt(c.text))}
        ranking = self._rank(question, candidates, doubts)
        whys = tuple(doubts.get(candidate.text) for candidate in candidates)
        yield replace(ranked(ranking, str(recipe.ranker)), doubts=whys if doubts else ())
        chosen, reply = self._choose(asking, candidates, ranking, doubts)
        yield chosen
        yield from self._heard(question, reply)

    def _heard(self, question: str, reply: Iterable[Event]) -> Iterator[Event]:
        """The reply, which joins the conversation when it is finished."""
        for spoken in reply:
            if isinstance(spoken, Finished):
                turn = Turn(question, without_reasoning(spoken.text))
                self.turns = (*self.turns, turn)
            yield spoken

    def _rank(
        self, question: str, candidates: Sequence[Candidate], doubted: Collection[str]
    ) -> Ranking:
        texts, models = [c.text for c in candidates], [c.model for c in candidates]
        contest = contest_of(question, texts, models, [c.confidence for c in candidates])
        compare = against_doubted(self._compare, doubted) if doubted else self._compare
        return rank_contest(contest, compare, self.recipe.aggregation)

    def _choose(
        self,
        asking: Asking,
        candidates: Sequence[Candidate],
        ranking: Ranking,
        doubted: Collection[str],
    ) -> tuple[Chosen, Iterable[Event]]:
        """How the reply was chosen, and its events."""
        best = candidates[ranking.best]
        chosen = Chosen(ranking.best + 1)
        fuser, top = self.recipe.fuser, _top(ranking, self.recipe.top_k, doubted)
        if fuser is None:
            return chosen, _replayed(best)
        if len(top) == 1:
            same = len(ranking.contest.candidates) == 1
            why = "all candidates are the same" if same else "all others are doubted"
            return replace(chosen, why=why), _replayed(best)
        fusion = plan_fusion(self._open_fuser(fuser), asking, top)
        if fusion is None:
            why = f"the context of {fuser} is too short for two candidates"
            return replace(chosen, why=why), _replayed(best)
        fused: Iterable[Event] = self._fused(fuser, fusion, asking)
        if self.recipe.verified:
            fused = list(fused)
            if not self._stands(asking.question, fuser, fused, best):
                why = f"{self.recipe.ranker} finds the fused answer worse"
                return replace(chosen, why=why), _replayed(best)
        why = f"room for {fusion.n_candidates} of {len(top)} candidates"
        return Chosen(None, fuser, why if fusion.n_candidates < len(top) else ""), fused

    def _fused(self, fuser: str, fusion: Fusion, asking: Asking) -> Iterator[Event]:
        return write_fusion(self._open_fuser(fuser), fusion, asking, author=fuser)

    def _stands(self, question: str, fuser: str, fused: Sequence[Event], best: Candidate) -> bool:
        answer = fused[-1]
        assert isinstance(answer, Finished), "every answer ends with Finished"
        texts, authors = (answer.text, best.text), (fuser, best.model)
        return answer.reason == "stopped" or is_better(self._compare, question, texts, authors)


def _top(ranking: Ranking, k: int, doubted: Collection[str]) -> list[str]:
    """Different texts, best first; doubted ones only if there is no other."""
    texts = [ranking.contest.candidates[place] for place in ranking.order]
    return ([text for text in texts if text not in doubted] or texts)[:k]


def _replayed(candidate: Candidate) -> Iterator[Event]:
    yield from candidate.tokens
    yield from candidate.unfamiliar
    yield candidate.answer


def ranked(ranking: Ranking, ranker: str) -> Ranked:
    """For every candidate in the given order; identical ones share a rank."""
    places = list(ranking.contest.places)
    logits = ranking.logits[np.ix_(places, places)]
    rows = tuple(tuple(None if np.isnan(v) else float(v) for v in row) for row in logits)
    return Ranked(ranker, ranking.ranks, rows)
