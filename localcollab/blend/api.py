"""The words of LLM-Blender as functions: `compare`, `rank`, `best_of_n`, `fuse`, `rank_and_fuse`.

A ranker is any `Compare`: `longest()`, `vote()`, `judge(...)`, `open_ranker(parse_ranker("..."), ...)`.
"""

from collections.abc import Sequence

from localcollab.blend.candidates import (
    Asking,
    Candidate,
    plan_samples,
    write_candidates,
)
from localcollab.blend.fuser import Fuser, InstructFuser, plan_fusion, write_fusion
from localcollab.blend.ranking import (
    Aggregation,
    Compare,
    Ranking,
    compare_both_ways,
    contest_of,
    rank_contest,
)
from localcollab.catalog.methods import SAMPLE_TEMPERATURE, TOP_K
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Finished
from localcollab.teams.open import OpenTeam


def compare(prompt: str, a: str, b: str, ranker: Compare) -> float:
    """The logit that `a` is the better answer, asked in both orders; 0 for equal texts."""
    contest = contest_of(prompt, (a, b))
    return 0.0 if a == b else float(compare_both_ways(contest, ranker, [(0, 1)])[0])


def rank(
    prompt: str,
    candidates: Sequence[str],
    ranker: Compare,
    *,
    authors: Sequence[str] = (),
    aggregation: Aggregation = "max_logits",
) -> Ranking:
    """Raises `BadOption` without a candidate, `RankingFailed`, and what the ranker raises."""
    return rank_contest(contest_of(prompt, candidates, authors), ranker, aggregation)


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
    """The best of one answer as `sampling` says and n - 1 drawn at `temperature`."""
    if n < 1:
        raise BadOption(f"`n` is {n}: give 1 or more")
    asking = Asking(question, sampling or Sampling(), limits)
    plan = plan_samples([team.name], n, asking.sampling, temperature)
    events = write_candidates(lambda _: team, plan, asking)
    candidates = [event for event in events if isinstance(event, Candidate)]
    texts = [candidate.text for candidate in candidates]
    return candidates[rank(question, texts, ranker, aggregation=aggregation).best]


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
