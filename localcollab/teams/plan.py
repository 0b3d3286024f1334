"""Names and files -> a plan: what is to be opened, and how it answers as one. Nothing is loaded.

`localcollab.teams.open` opens a plan.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcollab.catalog import (
    Alone,
    Blend,
    Calm,
    Catalog,
    Contrast,
    Deferral,
    Familiarity,
    Mixture,
    ModelEntry,
    Place,
    Proxy,
    TeamEntry,
    method_name,
)
from localcollab.catalog.evidence import Evidence
from localcollab.catalog.methods import check_threshold
from localcollab.catalog.settings import Settings
from localcollab.errors import BadOption

BASE = "base"
"""The author name of a team's base."""
DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Member:
    """A model file in its place in a team, perhaps with a LoRA adapter on its context."""

    name: str
    path: Path
    adapter: Path | None = None
    settings: Settings = field(default_factory=Settings, compare=False)
    """How it is asked where it answers by itself, as in a blend."""
    isolated: bool = False
    """In a process of its own."""
    worker: str | None = None
    """HOST:PORT of the machine that evaluates it; its process here is one of its own."""

    @classmethod
    def of(cls, name: str, entry: ModelEntry) -> "Member":
        """A model of the catalogue, under its name in the team."""
        return cls(
            name, entry.path, entry.adapter, entry.settings,
            entry.isolated or entry.worker is not None, entry.worker,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """What to open: members by name, the base first, and who decides. A member may be a team."""

    name: str
    members: tuple["Member | TeamPlan", ...]
    head: Path | None = None
    gate: str | None = None
    threshold: float | None = None
    compose: bool = False
    seed: int = 0
    familiar: Mapping[str, Familiarity] = field(default_factory=dict)
    draft: Member | None = None
    """Proposes tokens for whoever writes; no author itself."""
    method: Calm | Proxy | Contrast | Mixture | Blend | None = None
    """None: the base writes, or defers to an expert."""
    trained: Path | None = None
    """The method's bridge, or its fitted weights."""
    settings: Settings = field(default_factory=Settings)
    """How it is asked unless the caller says otherwise."""
    evidence: Evidence | None = None
    """What was measured of it, for the guard and the dial."""
    notes: tuple[str, ...] = ()
    """What was decided while it was planned, for who asks."""

    @property
    def files(self) -> tuple[Member, ...]:
        """Everything to load: the members, those of teams among them, and the drafts."""
        return tuple(self._files())

    def _files(self) -> Iterator[Member]:
        for member in self.members:
            if isinstance(member, TeamPlan):
                yield from member.files
            else:
                yield member
        if self.draft:
            yield self.draft

    @property
    def bridges(self) -> tuple[Path, ...]:
        """Its own, and those of the teams among its members."""
        own = (self.trained,) if isinstance(self.method, Calm) and self.trained else ()
        teams = (member for member in self.members if isinstance(member, TeamPlan))
        return (*own, *(path for team in teams for path in team.bridges))

    @property
    def first(self) -> Member:
        """The file that speaks first: its vocabulary and its chat template are the team's."""
        member = self.members[0]
        return member.first if isinstance(member, TeamPlan) else member


def plan_from_catalog(catalog: Catalog, entry: TeamEntry) -> TeamPlan:
    """Raises `BadCatalog` where an entry names what is not there."""
    files = {table: catalog.trained(table, name).path for table, name in entry.trained}
    method = entry.method
    base = method.places[0]
    plan = TeamPlan(
        name=entry.name,
        settings=entry.settings.over(_settings_of(catalog, base)),
        evidence=entry.evidence,
        members=tuple(_member(catalog, place) for place in method.places),
        draft=_alone(catalog, DRAFT, entry.draft) if entry.draft else None,
    )
    match method:
        case Deferral():
            return replace(
                plan, head=files.get("heads"), gate=method.gate, threshold=method.threshold,
                compose=method.compose, familiar=method.familiar,
            )  # fmt: skip
        case Calm() | Proxy() | Contrast() | Mixture() | Blend():
            return replace(plan, method=method, trained=next(iter(files.values()), None))
    return plan


def _settings_of(catalog: Catalog, place: Place) -> Settings:
    """Of the model or team that speaks first."""
    nested = catalog.nested(place)
    if nested is not None:
        return nested.settings.over(_settings_of(catalog, nested.method.places[0]))
    return catalog.model(place.name).settings


def _member(catalog: Catalog, place: Place) -> Member | TeamPlan:
    name = BASE if place.role == "base" else place.name
    nested = catalog.nested(place)
    if nested is not None and isinstance(nested.method, Alone):
        return _alone(catalog, name, nested.method.base)
    if nested is not None:
        # Whoever reads the whole team has a draft of its own, or none.
        return replace(plan_from_catalog(catalog, nested), name=name, draft=None)
    return _alone(catalog, name, place.name)


def _alone(catalog: Catalog, name: str, model: str) -> Member:
    return Member.of(name, catalog.model(model))


def plan_from_files(base: Path, experts: Sequence[Path]) -> TeamPlan:
    """Any files at once; experts are named after their files. Decided by the entropy gate."""
    members = [Member(BASE, base)]
    for path in experts:
        taken = {member.name for member in members}
        names = (path.stem if n == 1 else f"{path.stem}-{n}" for n in itertools.count(1))
        members.append(Member(next(name for name in names if name not in taken), path))
    name = "+".join(path.stem for path in (base, *experts))
    return TeamPlan(name, tuple(members), gate="entropy" if experts else None)


def require_a_worker_each(plan: TeamPlan) -> None:
    """A worker serves one model at a time. Raises `BadOption`."""
    busy: dict[str, str] = {}
    for member in plan.files:
        if member.worker is not None and member.worker in busy:
            raise BadOption(
                f"{plan.name}: {busy[member.worker]} and {member.name} are both on the worker "
                f"{member.worker}, which serves one model at a time: start another one at another port"
            )
        if member.worker is not None:
            busy[member.worker] = member.name


def on_workers(plan: TeamPlan, addresses: Sequence[str]) -> TeamPlan:
    """Whole members on machines: an expert on each, in their order, while there are workers; the base
    stays here, and a model alone goes to the first. Those with a worker of their own stay where they
    are. Raises `BadOption`."""
    if isinstance(plan.method, Calm):
        raise BadOption(
            f"{plan.name}: a composition reads the layers of its models together: leave `workers` out"
        )
    placed, notes, free = list(plan.members), list(plan.notes), list(addresses)
    for n, member in enumerate(plan.members):
        stays = n == 0 and len(placed) > 1
        if free and isinstance(member, Member) and member.worker is None and not stays:
            moved = replace(member, isolated=True, worker=free.pop(0))
            notes.append(f"{moved.name} ({moved.path.name}) is evaluated on {moved.worker}")
            placed[n] = moved
    return replace(plan, members=tuple(placed), notes=tuple(notes))


def with_choices(
    plan: TeamPlan,
    *,
    gate: str | None = None,
    head: Path | None = None,
    threshold: float | None = None,
    compose: bool = False,
    seed: int = 0,
    draft: Path | None = None,
    own_prompt: bool = False,
) -> TeamPlan:
    """The plan with a caller's own gate, head, threshold, draft. Raises `BadOption`."""
    if gate and head:
        raise BadOption(f"both `gate` ({gate}) and `head` ({head.name}) are given: choose one")
    decides = bool(gate or head or compose or threshold is not None)
    if decides and len(plan.members) == 1:
        raise BadOption("`gate`, `head`, `threshold` and `compose` need an expert: give `experts`")
    if decides and plan.method is not None:
        raise BadOption(
            f"{plan.name}: its method is {method_name(plan.method)}, which uses no gate: leave out "
            "`gate`, `head`, `threshold` and `compose`, or choose a deferral team"
        )
    if threshold is not None:
        plan = replace(plan, threshold=check_threshold(threshold))
    if gate or head:
        plan = replace(plan, gate=gate, head=head)
    if draft:
        plan = replace(plan, draft=Member(DRAFT, draft))
    if own_prompt:
        plan = _with_own_prompts(plan)
    return replace(plan, compose=plan.compose or compose, seed=seed)


def _with_own_prompts(plan: TeamPlan) -> TeamPlan:
    if len(plan.members) == 1:
        raise BadOption("`own_prompt` needs an expert: give `experts`")
    first, *others = plan.members
    asked = (replace(m, settings=replace(m.settings, prompt="own")) for m in others)
    return replace(plan, members=(first, *asked))
