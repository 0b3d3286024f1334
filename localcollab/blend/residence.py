"""Which teams and fusers are in memory: as many as the budget holds; the one unused longest goes first.

What each takes is asked of llama.cpp before anything is loaded (`llama.forecast`), in one child process
for all teams, and one for fusers of T5's kind.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Union

from localcollab.blend.fuser import Fuser, InstructFuser
from localcollab.errors import BadOption
from localcollab.llama.forecast import Forecast, PlannedContext
from localcollab.llama.header import read_header
from localcollab.llama.machine import available_bytes
from localcollab.llama.options import Options
from localcollab.models.fit import bridge_need, forecast_here
from localcollab.progress import OnProgress
from localcollab.storage.parts import real_path
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import BASE, Member, TeamPlan

if TYPE_CHECKING:
    from localcollab.llama.encoder_decoder import EncoderDecoder
    from localcollab.llama.prompt_cache import PromptCache

Opened = Union[OpenTeam, "EncoderDecoder"]
Open = Callable[[TeamPlan, Options, OnProgress | None], Opened]
_T5 = "t5"
"""What GGUF calls the architecture of encoder-decoders."""


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
        opening: Open | None = None,
        prompt_cache: "PromptCache | None" = None,
    ) -> None:
        """`budget`: bytes for this whole process; None: what the machine has free now. `prompt_cache`:
        where goes what teams have read that are closed.

        Raises `BadOption` where a team does not fit even alone.
        """
        self._plans, self._options = dict(plans), options or Options()
        self._on_progress = on_progress
        self._opening = opening or partial(open_any, prompt_cache=prompt_cache)
        self._budget = available_bytes() if budget is None else budget
        self._held: dict[str, Opened] = {}
        self._asked: set[str] = set()
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
        """Raises what opening a team raises, and `BadOption` for a T5-like model."""
        opened = self._opened(name)
        self._asked.add(name)
        if not isinstance(opened, OpenTeam):
            raise BadOption(
                f"{name} is of T5's kind, which fuses and does no more: name it as fuser"
            )
        return opened

    def open_fuser(self, name: str) -> Fuser:
        """A team, or a T5-like model. Raises what opening it raises."""
        opened = self._opened(name)
        if isinstance(opened, OpenTeam):
            return InstructFuser(opened)
        # Imported here: it needs llama.cpp.
        from localcollab.blend.gen_fuser import T5Fuser

        return T5Fuser(opened)

    def _opened(self, name: str) -> Opened:
        if name not in self._held:
            self._make_room_for(name)
            self._held[name] = self._opening(self._plans[name], self._options, self._on_progress)
        self._held[name] = self._held.pop(name)
        return self._held[name]

    def keep_states(self, *, least_new: float = 0.0) -> None:
        """As `OpenTeam`, of the teams that were asked: what only fused has read nothing twice."""
        for name in self._held:
            self._keep(name, least_new)

    def _keep(self, name: str, least_new: float = 0.0) -> None:
        opened = self._held[name]
        if name in self._asked and isinstance(opened, OpenTeam):
            opened.keep_states(least_new=least_new)

    def close(self) -> None:
        self.keep_states()
        self._held.clear()
        gc.collect()

    def _make_room_for(self, name: str) -> None:
        while self._held and not self._fits(*self._held, name):
            unused = next(iter(self._held))
            self._keep(unused)
            del self._held[unused]
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
                f"{self._budget / 2**20:.0f}: give more `budget`, a smaller `n_ctx`, or another member"
            )


def is_t5(plan: TeamPlan) -> bool:
    """A file alone that is an encoder-decoder. Raises `BadModelFile`."""
    return len(plan.files) == 1 and read_header(plan.first.path).architecture == _T5


def open_any(
    plan: TeamPlan,
    options: Options,
    on_progress: OnProgress | None,
    *,
    prompt_cache: "PromptCache | None" = None,
) -> Opened:
    """A team, or a T5-like model. Raises what opening it raises, and `BadOption` for an adapted one."""
    if not is_t5(plan):
        return open_team(plan, options, on_progress, prompt_cache)
    from localcollab.llama.encoder_decoder import load_encoder_decoder

    if plan.first.adapter is not None:
        raise BadOption(f"{plan.name} is of T5's kind, which takes no adapter here: merge it first")
    if on_progress:
        on_progress(f"loading {plan.name} ({plan.first.path.name})")
    # It is the base of its answers: who asked it signs them.
    return load_encoder_decoder(plan.first.path, options, name=BASE)


def forecast_needs(plans: Mapping[str, TeamPlan], options: Options) -> Needs:
    """Raises `BadModelFile`, `BridgeMismatch`."""
    from localcollab.llama.encoder_decoder import context_options

    t5 = {name: plan for name, plan in plans.items() if is_t5(plan)}
    others = {name: plan for name, plan in plans.items() if name not in t5}
    needs = [_forecast(others, options), _forecast(t5, context_options(options))]
    return Needs(
        max(found.runtime for found in needs),
        {name: size for found in needs for name, size in found.teams.items()},
    )


def _forecast(plans: Mapping[str, TeamPlan], options: Options) -> Needs:
    contexts = {name: _contexts(name, plan, options) for name, plan in plans.items()}
    planned = [context for team in contexts.values() for context in team]
    found = forecast_here(planned, options, available_bytes())
    teams = {
        name: _bytes(found, contexts[name])
        + sum(map(_adapter_bytes, plan.files))
        + sum(_bridge_bytes(path, found, contexts[name]) for path in plan.bridges)
        for name, plan in plans.items()
    }
    return Needs(found.runtime, teams)


def _contexts(name: str, plan: TeamPlan, options: Options) -> list[PlannedContext]:
    return [
        PlannedContext(f"{name}/{member.name}", real_path(member.path), options.n_ctx)
        for member in plan.files
    ]


def _bytes(found: Forecast, contexts: Sequence[PlannedContext]) -> int:
    weights = sum(found.weights[path] for path in {context.path for context in contexts})
    names = {context.name for context in contexts}
    return weights + sum(c.cache + c.compute for c in found.contexts if c.name in names)


def _adapter_bytes(member: Member) -> int:
    return member.adapter.stat().st_size if member.adapter else 0


def _bridge_bytes(path: Path, found: Forecast, contexts: Sequence[PlannedContext]) -> int:
    names = {context.name for context in contexts}
    need = bridge_need(path.stem, path, min(c.n_ctx for c in found.contexts if c.name in names))
    return need.cache + need.compute
