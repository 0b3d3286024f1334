"""Which team a caller asked for, by name or by files -> a plan."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.catalog import load_catalog
from localcollab.errors import BadCatalog, BadOption
from localcollab.teams.dial import within_budget
from localcollab.teams.names import Names
from localcollab.teams.plan import DRAFT, TeamPlan, on_workers, with_choices


@dataclass(frozen=True, slots=True)
class TeamChoice:
    """What a caller says about the team; `plan` is the one place that reads it.

    `team`: a team, a model or a file (see `names`); `base`, `experts`, `draft`: models or files;
    `head`: a head or a file.
    """

    team: str | Path | None = None
    base: str | Path | None = None
    experts: tuple[str | Path, ...] = ()
    head: str | Path | None = None
    gate: str | None = None
    threshold: float | None = None
    compose: bool = False
    seed: int = 0
    draft: str | Path | None = None
    adapter: str | Path | None = None
    catalogs: tuple[Path, ...] = ()
    expert_budget: str | None = None
    """As `dial` reads it: picks the threshold."""
    speculation: bool | None = None
    """Propose tokens and read several at once where that is faster; None: as the catalogue says."""
    team_anyway: bool = False
    """Ask the team even where a member alone was measured to be better."""
    own_prompt: bool = False
    """Experts are given the conversation in their own chat templates."""
    workers: tuple[str, ...] = ()
    """HOST:PORT, or one of [workers]: who evaluates the experts, or a model alone."""

    def plan_to_answer(self) -> TeamPlan:
        """`plan`; the member alone where the team's evidence says that it is better, with a note.

        Whoever says how the team decides has chosen the team. Raises what `plan` raises."""
        plan, evidence = self.plan(), None
        if not self._decides and not self.team_anyway:
            evidence = plan.evidence
        if evidence is None or evidence.verdict != "member":
            return plan
        try:
            alone = replace(self, team=evidence.member).plan()
        except (BadCatalog, BadOption) as error:
            note = f"{plan.name}: {evidence.member} alone was better, but cannot be used ({error})"
            return replace(plan, notes=(*plan.notes, note))
        note = (
            f"{plan.name}: {evidence.member} alone answers, because it was right on "
            f"{evidence.member_accuracy:.3f} of {evidence.n} questions and the team on "
            f"{evidence.team_accuracy:.3f} (team-anyway asks the team)"
        )
        return replace(alone, notes=(*plan.notes, note))

    @property
    def _decides(self) -> bool:
        given = (self.head, self.gate, self.draft, self.adapter, self.expert_budget)
        return bool(self.compose or self.experts or any(given) or self.threshold is not None)

    def plan(self) -> TeamPlan:
        """Raises `BadOption`, `BadCatalog`."""
        for option, name in (("team", self.team), ("base", self.base)):
            if name == "":
                raise BadOption(f"`{option}` is empty: give a name or a file, or leave it out")
        if self.team and self.base:
            raise BadOption(f"both `team` ({self.team}) and `base` are given: choose one")
        names = Names(load_catalog(*self.catalogs))
        named = self.base or self.team
        if self.team and self.experts and names.is_team(self.team):
            raise BadOption(f"{self.team} is a team: `experts` join a model")
        if self.experts and not named:
            raise BadOption("`experts` is given without a base: give `base`")
        named = named or names.default()
        plan = names.plan(named, self.experts)
        if self.adapter is not None:
            adapter = Path(os.path.expanduser(self.adapter))
            plan = _adapted(plan, adapter, is_team=names.is_team(named))
        if self.draft is not None:
            plan = replace(plan, draft=names.member(self.draft, DRAFT))
        plan = with_choices(
            plan, gate=self.gate, head=None if self.head is None else names.head(self.head),
            threshold=self.threshold, compose=self.compose, seed=self.seed,
            own_prompt=self.own_prompt,
        )  # fmt: skip
        if self.workers:
            plan = on_workers(plan, [names.catalog.worker(each) for each in self.workers])
        if self.speculation is not None:
            settings = replace(plan.settings, speculation=self.speculation)
            plan = replace(plan, settings=settings)
        if self.expert_budget is None:
            return plan
        if self.threshold is not None:
            raise BadOption("both `threshold` and `expert_budget` are given: choose one")
        return within_budget(plan, self.expert_budget)


def _adapted(plan: TeamPlan, adapter: Path, *, is_team: bool) -> TeamPlan:
    if is_team:
        raise BadOption(f"{plan.name} is a team: `adapter` is for a model, alone or with experts")
    base = plan.first
    if base.adapter is not None:
        raise BadOption(f"{plan.name} has an adapter already ({base.adapter}): leave `adapter` out")
    return replace(plan, members=(replace(base, adapter=adapter), *plan.members[1:]))
