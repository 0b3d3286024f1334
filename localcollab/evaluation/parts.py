"""An evaluation in parts: who is asked which questions.

A part begins with empty caches and depends on nothing that was asked before, so it has the same outcomes
in this process and on any machine of a cluster.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.evaluation.asking import ask_alone, ask_team, prompt_of
from localcollab.evaluation.questions import Question
from localcollab.evaluation.scores import Outcome
from localcollab.events import Finished
from localcollab.language_model import LanguageModel
from localcollab.llama.machine import physical_cores
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import random_gate
from localcollab.progress import Counted, OnProgress
from localcollab.sharding.work import OnPart, Work
from localcollab.storage.parts import size_on_disk
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan

Role = Literal["team", "member", "random", "own form", "beside"]
MapParts = Callable[["Sequence[Part]", OnPart], Iterator[tuple[int, list[Outcome]]]]
_SIZE = 25
"""Questions of a part."""
_BESIDE_WEIGHTS = 2 * 2**30
"""Bytes of an opened team without its weights."""


@dataclass(frozen=True, slots=True)
class Part:
    """Who is asked what. `name` of a member, or of a model beside the team."""

    role: Role
    name: str = ""
    questions: tuple[Question, ...] = ()
    rate: float = 0.0
    """Of random deferral."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that one answers, as they are shown: `who` without questions."""

    label: str
    who: Part
    questions: Sequence[Question]


class Opened:
    """An open team, and models beside it: asks a part."""

    def __init__(self, team: OpenTeam, beside: Sequence[OpenTeam] = ()) -> None:
        self._team, self._beside = team, {each.name: each for each in beside}

    def __call__(self, part: Part, on_part: OnPart) -> list[Outcome]:
        """Raises what asking raises."""
        team = self._beside[part.name] if part.role == "beside" else self._team
        for context in team.contexts:
            context.forget()

        def tick() -> None:
            on_part(1)

        if part.role in ("team", "beside"):
            return ask_team(team, part.questions, tick)
        if part.role == "own form":
            return continue_text(team.members[part.name], part.questions, tick)
        prompts = [(question, prompt_of(team, question)) for question in part.questions]
        return ask_alone(self._model(part), prompts, tick)

    def _model(self, part: Part) -> LanguageModel:
        if part.role == "member":
            return self._team.members[part.name]
        model = self._team.model
        assert isinstance(model, DeferralTeam), "only what defers is compared with random deferral"
        return model.with_gate(random_gate(part.rate, len(model.experts), seed=part.seed))


@dataclass(frozen=True, slots=True)
class EvaluationTask:
    """Of models that every machine has at the same paths."""

    plan: TeamPlan
    beside: tuple[TeamPlan, ...] = ()

    @property
    def n_threads(self) -> int:
        return self.plan.settings.threads or physical_cores()

    @property
    def memory_bytes(self) -> int:
        files = {file.path for plan in (self.plan, *self.beside) for file in plan.files}
        return _BESIDE_WEIGHTS + sum(size_on_disk(path) for path in files)

    def open(self) -> Work[Part, list[Outcome]]:
        """Raises what opening a team raises."""
        return Opened(open_team(self.plan), [open_team(plan) for plan in self.beside])


def ask_groups(
    groups: Sequence[Group], map_parts: MapParts, on_progress: OnProgress
) -> list[list[Outcome]]:
    """The outcomes of each group, in the order of its questions."""
    parts, owners = list[Part](), list[int]()
    for n, group in enumerate(groups):
        for at in range(0, len(group.questions), _SIZE):
            some = tuple(group.questions[at : at + _SIZE])
            parts.append(replace(group.who, questions=some))
            owners.append(n)
    total, done = sum(len(group.questions) for group in groups), 0
    label = groups[0].label if len(groups) == 1 else "questions"

    def on_part(n: int) -> None:
        nonlocal done
        done += n
        on_progress(Counted(label, done, total))

    on_progress(Counted(label, 0, total))
    found = dict(map_parts(parts, on_part))
    outcomes: list[list[Outcome]] = [[] for _ in groups]
    for n, owner in enumerate(owners):
        outcomes[owner] += found[n]
    return outcomes


def continue_text(
    model: LanguageModel, questions: Sequence[Question], tick: Callable[[], None]
) -> list[Outcome]:
    """In the model's own form, not as a chat: right when the continuation begins with the gold text."""
    outcomes = []
    for question in questions:
        tokens = model.vocabulary.encode(question.prompt or "", bos=True)
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
