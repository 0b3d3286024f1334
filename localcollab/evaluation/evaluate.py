"""A team beside each of its members alone, on the same questions.

All answers use greedy decoding. Beside the team: every member alone with the same chat template; for a
deferral team, random deferral at the same rate; and the oracle (right if any member alone is right).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from localcollab.blend.open import open_blend
from localcollab.catalog import Blend
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.errors import BadOption
from localcollab.evaluation.asking import ask_alone, ask_team, prompt_of
from localcollab.evaluation.blend import BlendEvaluation, evaluate_blend
from localcollab.evaluation.data import read_all
from localcollab.evaluation.questions import Question, some_of, with_gold
from localcollab.evaluation.request import EvaluationRequest
from localcollab.evaluation.scores import Outcome, score
from localcollab.evaluation.statistics import paired_p_value
from localcollab.events import Finished
from localcollab.language_model import LanguageModel
from localcollab.llama.machine import peak_rss_bytes
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import random_gate
from localcollab.progress import Counted, OnProgress
from localcollab.teams.open import OpenTeam, open_team
from localcollab.teams.plan import plan_from_files


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
    return evaluate_team(team, chosen, on_progress, beside=alone, seed=seed)


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
) -> Evaluation:
    """`beside`: models alone, each with its own chat template. A model alone is its own only member.

    Raises `BadOption` for questions that name no member.
    """
    asked, own_form = with_gold(questions), _own_form_prompts(team, questions)
    unknown = [q for q in questions if q.prompt is None and not q.gold and q.expected is None]
    progress = _Progress(on_progress)
    ours = ask_team(team, asked, progress.start(team.name, len(asked)))
    prompts = [(q, prompt_of(team, q)) for q in asked]
    return Evaluation(
        team.name,
        ours,
        _members_alone(team, ours, prompts, progress),
        _by_chance(team, ours, prompts, progress, seed),
        {
            name: continue_text(
                team.members[name], own, progress.start(f"{name}, own form", len(own))
            )
            for name, own in own_form.items()
        },
        ask_team(team, unknown, progress.start("unknown names", len(unknown))),
        {
            other.name: ask_team(other, asked, progress.start(other.name, len(asked)))
            for other in beside
        },
    )


def _members_alone(
    team: OpenTeam,
    ours: list[Outcome],
    prompts: Sequence[tuple[Question, list[int]]],
    progress: "_Progress",
) -> dict[str, list[Outcome]]:
    if len(team.members) == 1:  # asked already
        return dict.fromkeys(team.members, ours)
    return {
        name: ask_alone(model, prompts, progress.start(f"{name} alone", len(prompts)))
        for name, model in team.members.items()
    }


def _by_chance(
    team: OpenTeam,
    ours: Sequence[Outcome],
    prompts: Sequence[tuple[Question, list[int]]],
    progress: "_Progress",
    seed: int,
) -> list[Outcome]:
    """Random deferral at the rate of the team; empty if it does not defer."""
    model = team.model
    if not isinstance(model, DeferralTeam):
        return []
    rate = deferral_rate(ours, next(iter(team.members)))
    gate = random_gate(rate, len(model.experts), seed=seed)
    return ask_alone(
        model.with_gate(gate), prompts, progress.start("random deferral", len(prompts))
    )


def _own_form_prompts(
    team: OpenTeam, questions: Sequence[Question]
) -> dict[str, list[tuple[Question, list[int]]]]:
    """By member. Raises `BadOption` if the data names one that the team lacks."""
    found: dict[str, list[tuple[Question, list[int]]]] = {}
    for question in sorted((q for q in questions if q.prompt is not None), key=lambda q: q.member):
        if question.member not in team.members:
            raise BadOption(
                f"the data names the member {question.member!r}, but {team.name} has only "
                f"{', '.join(team.members)}"
            )
        encode = team.members[question.member].vocabulary.encode
        tokens = encode(question.prompt or "", bos=True)
        found.setdefault(question.member, []).append((question, tokens))
    return found


def continue_text(
    model: LanguageModel, prompts: Sequence[tuple[Question, list[int]]], tick: Callable[[], None]
) -> list[Outcome]:
    """Right when the continuation begins with the gold text."""
    outcomes = []
    for question, tokens in prompts:
        n_gold = len(model.vocabulary.encode(question.gold))
        started = time.perf_counter()
        limits = Limits(n_gold + 2)
        finished = next(
            e for e in generate(model, tokens, limits=limits) if isinstance(e, Finished)
        )
        begins = finished.text.strip().startswith(question.gold.strip())
        text = question.gold if begins else finished.text
        seconds = time.perf_counter() - started
        outcomes.append(Outcome(question, text, finished.authors, seconds))
        tick()
    return outcomes


class _Progress:
    def __init__(self, show: OnProgress) -> None:
        self._show = show

    def start(self, what: str, total: int) -> Callable[[], None]:
        done = 0
        self._show(Counted(what, 0, total))

        def tick() -> None:
            nonlocal done
            done += 1
            self._show(Counted(what, done, total))

        return tick
