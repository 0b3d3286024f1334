"""A team beside each of its members alone, on the same questions.

All answers use greedy decoding. Beside the team: every member alone with the same chat template; for a
deferral team, random deferral at the same rate; and the oracle (right if any member alone is right).
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from localcollab.blend.open import open_blend
from localcollab.catalog import Blend
from localcollab.errors import BadOption
from localcollab.evaluation.blend import BlendEvaluation, evaluate_blend
from localcollab.evaluation.data import read_all
from localcollab.evaluation.parts import EvaluationTask, Group, MapParts, Opened, Part, ask_groups
from localcollab.evaluation.questions import Question, some_of, with_gold
from localcollab.evaluation.request import EvaluationRequest
from localcollab.evaluation.scores import Outcome, score
from localcollab.evaluation.statistics import paired_p_value
from localcollab.llama.machine import peak_rss_bytes
from localcollab.methods.deferral import DeferralTeam
from localcollab.progress import OnProgress
from localcollab.sharding.by_ray import map_by_ray
from localcollab.sharding.work import OnPart, map_here
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan, plan_from_files


def evaluate(request: EvaluationRequest, on_progress: OnProgress) -> "Evaluation | BlendEvaluation":
    """Raises `BadData`, `BadOption`, and what opening and asking raise."""
    plan, seed = request.choice.plan(), request.choice.seed
    questions = read_all(plan, request.data, measure=request.measure, runs_code=request.runs_code)
    if isinstance(plan.method, Blend):
        request.check_blend(plan.name)
        recipe, residence = open_blend(plan, on_progress=on_progress)
        chosen = some_of(with_gold(questions), request.limit, seed)
        return evaluate_blend(plan.name, recipe, residence, chosen, on_progress, seed=seed)
    team = open_team(plan, on_progress=on_progress)
    files = [plan_from_files(path, ()) for path in request.beside]
    alone = [open_team(file, on_progress=on_progress) for file in files]
    chosen = some_of(questions, request.limit, seed)
    map_parts = _on_cluster(plan, files, request.ray) if request.ray else None
    return evaluate_team(team, chosen, on_progress, beside=alone, seed=seed, map_parts=map_parts)


def _on_cluster(plan: TeamPlan, beside: Sequence[TeamPlan], address: str) -> MapParts:
    task = EvaluationTask(plan, tuple(beside))

    def map_parts(parts: Sequence[Part], on_part: OnPart) -> Iterator[tuple[int, list[Outcome]]]:
        return map_by_ray(task, parts, address, on_part, lambda part: len(part.questions))

    return map_parts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results of an evaluation; `record` is its JSON."""

    team_name: str
    team: list[Outcome]
    members: Mapping[str, list[Outcome]]
    random: list[Outcome]
    """Empty if the team does not defer."""
    own_form: Mapping[str, list[Outcome]]
    """Each expert with its own chat template."""
    unknown: list[Outcome]
    """The team on questions without an answer: how often does it suggest to double-check?"""
    beside: Mapping[str, list[Outcome]] = field(default_factory=dict)
    """Models that are not members, alone on the same questions."""

    @property
    def is_one_model(self) -> bool:
        return len(self.members) == 1

    @property
    def best_member(self) -> str:
        return max(self.members, key=lambda name: sum(o.right for o in self.members[name]))

    def record(self) -> dict[str, Any]:
        best, base = self.members[self.best_member], next(iter(self.members))
        anyone = [any(rights) for rights in zip(*map(_rights, self.members.values()), strict=True)]
        return {
            "n": len(self.team),
            "name": self.team_name,
            "team": asdict(score(self.team))
            | {
                "deferral_rate": deferral_rate(self.team, base) if self.random else None,
                "tokens_by_author": dict(_tokens_by_author(self.team)),
                "all_authors_share": _all_authors_share(self.team),
                "flagged": _share(o.flagged for o in self.team),
            },
            "members": {name: asdict(score(outcomes)) for name, outcomes in self.members.items()},
            "beside": {name: asdict(score(outcomes)) for name, outcomes in self.beside.items()},
            "oracle": sum(anyone) / len(anyone),
            "random": asdict(score(self.random)) if self.random else None,
            "best_member": self.best_member,
            "p_value_against_best_member": paired_p_value(_rights(self.team), _rights(best)),
            "own_form": {name: asdict(score(outcomes)) for name, outcomes in self.own_form.items()},
            "unknown": {"n": len(self.unknown), "flagged": _share(o.flagged for o in self.unknown)},
            "peak_rss_bytes": peak_rss_bytes(),
        }


def _tokens_by_author(outcomes: Sequence[Outcome]) -> Counter[str]:
    return sum((Counter(o.authors) for o in outcomes), Counter())


def deferral_rate(outcomes: Sequence[Outcome], base: str) -> float:
    """The share of tokens that experts wrote."""
    authors = _tokens_by_author(outcomes)
    return 1 - authors[base] / max(1, sum(authors.values()))


def _rights(outcomes: Sequence[Outcome]) -> list[bool]:
    return [o.right for o in outcomes]


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0


def _all_authors_share(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """By kind: the share of right answers that every member wrote a part of."""
    n_members = len(set().union(*(o.authors for o in outcomes)))
    groups: dict[str, list[bool]] = {}
    for outcome in outcomes:
        if outcome.right:
            groups.setdefault(outcome.question.kind, []).append(len(outcome.authors) == n_members)
    return {kind: _share(full) for kind, full in sorted(groups.items())}


def evaluate_team(
    team: OpenTeam,
    questions: Sequence[Question],
    on_progress: OnProgress,
    *,
    beside: Sequence[OpenTeam] = (),
    seed: int = 0,
    map_parts: MapParts | None = None,
) -> Evaluation:
    """`beside`: models alone, each with its own chat template. A model alone is its own only member.
    `map_parts`: where they are asked; in this process unless it is given.

    Raises `BadOption` for questions that name no member.
    """
    asked, own_form = with_gold(questions), _own_form(team, questions)
    unknown = [q for q in questions if q.prompt is None and not q.gold and q.expected is None]
    map_parts = map_parts or partial(map_here, Opened(team, beside))
    members = list(team.members) if len(team.members) > 1 else []
    groups = [
        Group(team.name, Part("team"), asked),
        *(Group(f"{name} alone", Part("member", name), asked) for name in members),
        *(Group(f"{name}, own form", Part("own form", name), own_form[name]) for name in own_form),
        Group("unknown names", Part("team"), unknown),
        *(Group(other.name, Part("beside", other.name), asked) for other in beside),
    ]
    found = deque(ask_groups(groups, map_parts, on_progress))
    ours = found.popleft()
    alone = {name: found.popleft() for name in members} or dict.fromkeys(team.members, ours)
    own = {name: found.popleft() for name in own_form}
    flagged = found.popleft()
    others = {other.name: found.popleft() for other in beside}
    by_chance = _by_chance(team, ours, asked, map_parts, on_progress, seed)
    return Evaluation(team.name, ours, alone, by_chance, own, flagged, others)


def _by_chance(
    team: OpenTeam,
    ours: Sequence[Outcome],
    asked: Sequence[Question],
    map_parts: MapParts,
    on_progress: OnProgress,
    seed: int,
) -> list[Outcome]:
    """Random deferral at the rate of the team; empty if it does not defer."""
    if not isinstance(team.model, DeferralTeam):
        return []
    rate = deferral_rate(ours, next(iter(team.members)))
    group = Group("random deferral", Part("random", rate=rate, seed=seed), asked)
    return ask_groups([group], map_parts, on_progress)[0]


def _own_form(team: OpenTeam, questions: Sequence[Question]) -> dict[str, list[Question]]:
    """By member. Raises `BadOption` if the data names one that the team lacks."""
    found: dict[str, list[Question]] = {}
    for question in sorted((q for q in questions if q.prompt is not None), key=lambda q: q.member):
        if question.member not in team.members:
            raise BadOption(
                f"the data names the member {question.member!r}, but {team.name} has only "
                f"{', '.join(team.members)}"
            )
        found.setdefault(question.member, []).append(question)
    return found
