"""Which teams are in memory: as many as the budget holds; the one unused for longest goes first.

What each takes is asked of llama.cpp before anything is loaded (`llama.forecast`), in one child process
for all of them.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from localcollab.assembly import Member, OnProgress, OpenTeam, TeamPlan, open_team
from localcollab.errors import BadOption
from localcollab.llama.forecast import Forecast, PlannedContext
from localcollab.llama.options import Options, available_bytes
from localcollab.models.fit import forecast_here

Open = Callable[[TeamPlan, Options, OnProgress | None], OpenTeam]


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes: of the process without models, and of each team beside it."""

    runtime: int
    teams: Mapping[str, int]


class Residence:
    """`open` by name. What it gave before may be closed by it: hold no team longer than it is read."""

    def __init__(
        self,
        plans: Mapping[str, TeamPlan],
        options: Options | None = None,
        *,
        budget: int | None = None,
        on_progress: OnProgress | None = None,
        needs: Needs | None = None,
        opening: Open = open_team,
    ) -> None:
        """`budget`: bytes for this whole process; None: what the machine has free now.

        Raises `BadOption` where a team does not fit even alone.
        """
        self._plans, self._options = dict(plans), options or Options()
        self._on_progress, self._opening = on_progress, opening
        self._budget = available_bytes() if budget is None else budget
        self._held: dict[str, OpenTeam] = {}
        alone = len(plans) == 1 and budget is None
        self._needs = needs or (Needs(0, {}) if alone else forecast_needs(plans, self._options))
        for name in plans:
            self._require_room_for(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._plans)

    @property
    def held(self) -> tuple[str, ...]:
        """Those in memory, the one unused for longest first."""
        return tuple(self._held)

    def open(self, name: str) -> OpenTeam:
        """Raises what opening a team raises."""
        if name not in self._held:
            self._make_room_for(name)
            self._held[name] = self._opening(self._plans[name], self._options, self._on_progress)
        self._held[name] = self._held.pop(name)
        return self._held[name]

    def close(self) -> None:
        self._held.clear()
        gc.collect()

    def _make_room_for(self, name: str) -> None:
        while self._held and not self._fits(*self._held, name):
            self._held.pop(next(iter(self._held)))
            # Weights go with their last reference, and teams hold themselves in circles.
            gc.collect()

    def _fits(self, *names: str) -> bool:
        return self._budget is None or self._needed(*names) <= self._budget

    def _needed(self, *names: str) -> int:
        return self._needs.runtime + sum(self._needs.teams.get(name, 0) for name in names)

    def _require_room_for(self, name: str) -> None:
        if self._budget is not None and not self._fits(name):
            raise BadOption(
                f"{name} alone needs {self._needed(name) / 2**20:.0f} MiB, and the budget is "
                f"{self._budget / 2**20:.0f}: give more memory, a smaller n_ctx, or another member"
            )


def forecast_needs(plans: Mapping[str, TeamPlan], options: Options) -> Needs:
    """Raises `BadModelFile`."""
    contexts = {name: _contexts(name, plan, options) for name, plan in plans.items()}
    planned = [context for team in contexts.values() for context in team]
    found = forecast_here(planned, options, available_bytes())
    teams = {
        name: _bytes(found, contexts[name]) + sum(map(_adapter_bytes, plan.files))
        for name, plan in plans.items()
    }
    return Needs(found.runtime, teams)


def _contexts(name: str, plan: TeamPlan, options: Options) -> list[PlannedContext]:
    return [
        PlannedContext(f"{name}/{member.name}", member.path.resolve(), options.n_ctx)
        for member in plan.files
    ]


def _bytes(found: Forecast, contexts: Sequence[PlannedContext]) -> int:
    weights = sum(found.weights[path] for path in {context.path for context in contexts})
    names = {context.name for context in contexts}
    return weights + sum(c.cache + c.compute for c in found.contexts if c.name in names)


def _adapter_bytes(member: Member) -> int:
    return member.adapter.stat().st_size if member.adapter else 0
