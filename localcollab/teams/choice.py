"""The team that a caller asks for, by name or by files -> a plan."""

import os
from dataclasses import dataclass
from pathlib import Path

from localcollab.catalog import DEFAULT_TEAM, Catalog, TeamEntry, load_catalog
from localcollab.errors import BadOption
from localcollab.teams.plan import TeamPlan, plan_from_catalog, plan_from_files, with_choices


@dataclass(frozen=True, slots=True)
class TeamChoice:
    """A team by name, or model files, and how they decide."""

    team: str | None = None
    base: Path | None = None
    experts: tuple[Path, ...] = ()
    head: Path | None = None
    gate: str | None = None
    threshold: float | None = None
    compose: bool = False
    seed: int = 0
    draft: Path | None = None
    catalogs: tuple[Path, ...] = ()

    def plan(self) -> TeamPlan:
        """Raises `BadOption`, `BadCatalog`."""
        if self.team and (self.base or self.experts):
            raise BadOption(f"both `team` ({self.team}) and model files are given: choose one")
        if self.experts and not self.base:
            raise BadOption("`experts` is given without a base: give `base`")
        if self.base:
            plan = plan_from_files(self.base, self.experts)
        else:
            catalog = load_catalog(*self.catalogs)
            entry = catalog.team(self.team or DEFAULT_TEAM)
            _require_installed(catalog, entry)
            plan = plan_from_catalog(catalog, entry)
        return with_choices(
            plan, gate=self.gate, head=self.head, threshold=self.threshold,
            compose=self.compose, seed=self.seed, draft=self.draft,
        )  # fmt: skip


def _require_installed(catalog: Catalog, team: TeamEntry) -> None:
    """Checks files that can be pulled; for others, loading says where they should be."""
    entries = [entry for name in catalog.models_of(team) for entry in catalog.files_of(name)]
    missing = [entry for entry in entries if not os.path.lexists(entry.path)]
    if missing and all(entry.can_be_pulled for entry in missing):
        names = ", ".join(entry.name for entry in missing)
        raise BadOption(
            f"{team.name} is not installed ({names}): localcollab models pull {team.name}"
        )
