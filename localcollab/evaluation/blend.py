"""A blend beside each writer of its candidates, on the same questions.

Member by member, so that each is loaded once. Shown with the blend: each writer alone (a member, or one
of its samples), other rankers on the same candidates, and the oracle (any candidate is right).
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from localcollab.blend.candidates import Asked, Asking, Candidate, plan_samples, write_candidate
from localcollab.blend.fuser import fuse_top, is_better
from localcollab.blend.rankers import longest, open_ranker, random_choice, vote
from localcollab.blend.ranking import Compare, Contest, Ranking, contest_of, rank_contest
from localcollab.blend.residence import Residence
from localcollab.blend.session import Recipe
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.evaluation.questions import Question
from localcollab.evaluation.scores import Outcome, score, scored
from localcollab.evaluation.statistics import paired_p_value
from localcollab.llama.machine import peak_rss_bytes
from localcollab.progress import Counted, OnProgress


@dataclass(frozen=True, slots=True)
class BlendEvaluation:
    """Outcomes by question; `writers` by name, in the order in which they wrote."""

    name: str
    ranker: str
    blend: list[Outcome]
    writers: Mapping[str, list[Outcome]]
    others: Mapping[str, list[Outcome]]
    """Other rankers on the same candidates."""
    n_fused: int = 0

    @property
    def oracle(self) -> float:
        anyone = [any(o.right for o in row) for row in zip(*self.writers.values(), strict=True)]
        return sum(anyone) / len(anyone)

    @property
    def best_writer(self) -> str:
        return max(self.writers, key=lambda name: sum(o.right for o in self.writers[name]))

    @property
    def p_value(self) -> float:
        """That the blend is as good as its best writer: McNemar's exact test."""
        best = self.writers[self.best_writer]
        return paired_p_value([o.right for o in self.blend], [o.right for o in best])

    def record(self) -> dict[str, Any]:
        return {
            "n": len(self.blend),
            "name": self.name,
            "ranker": self.ranker,
            "blend": asdict(score(self.blend)),
            "writers": {name: asdict(score(found)) for name, found in self.writers.items()},
            "other_rankers": {name: asdict(score(found)) for name, found in self.others.items()},
            "oracle": self.oracle,
            "best_writer": self.best_writer,
            "p_value_against_best_writer": self.p_value,
            "n_fused": self.n_fused,
            "peak_rss_bytes": peak_rss_bytes(),
        }


def evaluate_blend(
    name: str,
    recipe: Recipe,
    residence: Residence,
    questions: Sequence[Question],
    show: OnProgress,
    *,
    seed: int = 0,
) -> BlendEvaluation:
    """Raises `BadOption` without a question that has a gold answer, and what asking raises."""
    asked = [q for q in questions if q.prompt is None and q.gold]
    if not asked:
        raise BadOption("the data holds no question with a gold answer: add some")
    plan = plan_samples(recipe.members, recipe.n_samples, Sampling(seed=seed), recipe.temperature)
    written = [_write(residence, who, asked, show) for who in plan]
    contests = [_contest(q, cs) for q, cs in zip(asked, zip(*written, strict=True), strict=True)]
    show("ranking")
    compare = open_ranker(
        recipe.ranker, residence.open, recipe.members, contests=contests, seed=seed
    )
    started = time.perf_counter()
    rankings = [rank_contest(contest, compare, recipe.aggregation) for contest in contests]
    seconds = (time.perf_counter() - started) / len(asked)
    rows = zip(asked, zip(*written, strict=True), rankings, strict=True)
    picked = [_picked(*row, seconds) for row in rows]
    blend, n_fused = picked, 0
    if recipe.fuser:
        blend, n_fused = _fused(recipe, residence, rankings, picked, compare, show)
    return BlendEvaluation(
        name,
        str(recipe.ranker),
        blend,
        {n: _outcomes(asked, cs) for n, cs in zip(_names(plan), written, strict=True)},
        _others(asked, written, contests, seed),
        n_fused,
    )


def _write(
    residence: Residence, who: Asked, questions: Sequence[Question], show: OnProgress
) -> list[Candidate]:
    found = []
    what = f"{who.model} (seed {who.sampling.seed})"
    for n, question in enumerate(questions):
        show(Counted(what, n, len(questions)))
        team = residence.open(who.model)
        events = write_candidate(team, who, Asking(question.asked, limits=question.limits))
        found += [event for event in events if isinstance(event, Candidate)]
    return found


def _contest(question: Question, candidates: Sequence[Candidate]) -> Contest:
    texts, models = [c.text for c in candidates], [c.model for c in candidates]
    return contest_of(question.asked, texts, models, [c.confidence for c in candidates])


def _names(plan: Sequence[Asked]) -> list[str]:
    """`m`, then `m, sample 2` for what it drew."""
    names, seen = list[str](), dict[str, int]()
    for who in plan:
        seen[who.model] = n = seen.get(who.model, 0) + 1
        names.append(who.model if n == 1 else f"{who.model}, sample {n}")
    return names


def _outcomes(questions: Sequence[Question], candidates: Sequence[Candidate]) -> list[Outcome]:
    return [
        scored(Outcome(question, c.text, c.answer.authors, c.seconds))
        for question, c in zip(questions, candidates, strict=True)
    ]


def _picked(
    question: Question, candidates: Sequence[Candidate], ranking: Ranking, seconds: float
) -> Outcome:
    """All candidates were written for it: their time counts."""
    best = candidates[ranking.best]
    spent = seconds + sum(c.seconds for c in candidates)
    return scored(Outcome(question, best.text, best.answer.authors, spent))


def _others(
    questions: Sequence[Question],
    written: Sequence[Sequence[Candidate]],
    contests: Sequence[Contest],
    seed: int,
) -> dict[str, list[Outcome]]:
    rankers = {"longest": longest(), "vote": vote(), "random": random_choice(seed)}
    rows = list(zip(questions, zip(*written, strict=True), contests, strict=True))
    return {
        name: [_picked(q, cs, rank_contest(contest, compare), 0.0) for q, cs, contest in rows]
        for name, compare in rankers.items()
    }


def _fused(
    recipe: Recipe,
    residence: Residence,
    rankings: Sequence[Ranking],
    picked: Sequence[Outcome],
    compare: Compare,
    show: OnProgress,
) -> tuple[list[Outcome], int]:
    assert recipe.fuser is not None, "the caller has seen that there is one"
    outcomes, n_fused = list(picked), 0
    for n, (ranking, best) in enumerate(zip(rankings, picked, strict=True)):
        show(Counted(f"{recipe.fuser} fuses", n, len(picked)))
        top = [ranking.contest.candidates[place] for place in ranking.order[: recipe.top_k]]
        started = time.perf_counter()
        asking = Asking(best.question.asked, limits=best.question.limits)
        fused = fuse_top(residence.open_fuser, recipe.fuser, asking, top)
        if fused.n_candidates and not (recipe.verified and _is_worse(fused.text, ranking, compare)):
            seconds = best.seconds + time.perf_counter() - started
            outcomes[n] = scored(Outcome(best.question, fused.text, fused.authors, seconds))
            n_fused += 1
    return outcomes, n_fused


def _is_worse(text: str, ranking: Ranking, compare: Compare) -> bool:
    contest = ranking.contest
    best = contest.candidates[ranking.order[0]]
    return not is_better(compare, contest.prompt, (text, best), ("", ""))


def as_json(found: BlendEvaluation) -> str:
    return json.dumps(found.record(), indent=1)


def as_table(found: BlendEvaluation) -> str:
    """For a terminal: one row per way to answer, one column per kind of question."""
    rows = [(f"{found.name} (blend, {found.ranker})", score(found.blend))]
    rows += [(name, score(outcomes)) for name, outcomes in found.writers.items()]
    rows += [(f"picked by {name}", score(outcomes)) for name, outcomes in found.others.items()]
    kinds, width = list(rows[0][1].by_kind), max(len(name) for name, _ in rows)
    lines = [f"{'':{width}}  accuracy  95 % interval  " + "  ".join(kinds)]
    for name, s in rows:
        cells = "  ".join(f"{s.by_kind.get(kind, 0):{len(kind)}.3f}" for kind in kinds)
        low, high = s.interval
        lines.append(f"{name:{width}}  {s.accuracy:8.3f}  {low:.3f} .. {high:.3f}  {cells}")
    lines.append(f"questions: {len(found.blend)}; oracle: {found.oracle:.3f}")
    lines.append(
        f"against the best writer ({found.best_writer}): p = {found.p_value:.2g} (McNemar, exact)"
    )
    return "\n".join([*lines, f"peak memory: {peak_rss_bytes() / 2**20:.0f} MiB"])
