"""What a catalogue holds: models, heads and teams, by name. Plain records; nothing is read here."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from localcollab.errors import BadCatalog

DEFAULT_TEAM = "formulary"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A file on the disk, a file of a hub's repository, or another model with an adapter."""

    name: str
    path: Path
    """Where the file is, or where `models pull` puts it; of `weights_of` once looked up."""
    about: str = ""
    repository: str | None = None
    """On the hub: "owner/name"."""
    file: str | None = None
    revision: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    parameters: int | None = None
    n_ctx: int | None = None
    """Tokens of context it was trained for."""
    kv_bytes_per_token: int | None = None
    """Of an F16 cache: for a forecast before the file is here."""
    licence: str | None = None
    checked: bool = False
    """Downloaded and run with this program by its authors."""
    adapter: Path | None = None
    """A LoRA as GGUF, applied to the weights of `weights_of`."""
    adapter_model: str | None = None
    """The adapter is the file of this model of the catalogue."""
    weights_of: str | None = None

    @property
    def can_be_pulled(self) -> bool:
        return self.repository is not None


@dataclass(frozen=True, slots=True)
class HeadEntry:
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How an expert's documents open before a name, and when a name counts as unknown."""

    opening: str
    least_logprob: float
    """Nats. A name is unknown where one of its later tokens has a lower log-probability."""


@dataclass(frozen=True, slots=True)
class TeamEntry:
    """A deferral team: a base, experts, and a head or a gate that says who writes.

    Or a large base with a small draft: `method` is "speculation", and there are no experts.
    """

    name: str
    base: str
    experts: tuple[str, ...]
    about: str = ""
    head: str | None = None
    gate: str | None = None
    threshold: float | None = None
    """None: the head's own."""
    compose: bool = False
    familiar: Mapping[str, Familiarity] = field(default_factory=dict)
    """By expert: how to tell names it does not know."""
    method: str = "deferral"
    draft: str | None = None
    memory_gb: int | None = None
    """The class of machines it was chosen for."""
    source: Path | None = field(default=None, compare=False)
    """The file it stands in, for error messages."""

    @property
    def models(self) -> tuple[str, ...]:
        """Every model it needs, base first, draft last."""
        return (self.base, *self.experts, *([self.draft] if self.draft else []))


@dataclass(frozen=True, slots=True)
class Catalog:
    models: Mapping[str, ModelEntry] = field(default_factory=dict)
    heads: Mapping[str, HeadEntry] = field(default_factory=dict)
    teams: Mapping[str, TeamEntry] = field(default_factory=dict)

    def team(self, name: str) -> TeamEntry:
        """Raises `BadCatalog`: no such team, or one that names what is not there."""
        team = _lookup(self.teams, name, "team", "localcollab teams lists them")
        for problem in self.problems(team):
            raise BadCatalog(problem)
        return team

    def model(self, name: str) -> ModelEntry:
        """With the files of the entries it names. Raises `BadCatalog`."""
        entry = _lookup(self.models, name, "model", "add it under [models] in models.toml")
        if entry.weights_of is None:
            return entry
        weights = _lookup(
            self.models, entry.weights_of, "model", f"weights_of of {name!r} names it"
        )
        if weights.weights_of is not None:
            raise BadCatalog(
                f"[models.{name}] weights_of is {entry.weights_of!r}, which has an adapter itself: "
                "name the model below it"
            )
        adapter = entry.adapter
        if entry.adapter_model is not None:
            remedy = f"adapter of {name!r} names it; a path ends in .gguf"
            adapter = _lookup(self.models, entry.adapter_model, "model", remedy).path
        return replace(entry, path=weights.path, adapter=adapter)

    def head(self, name: str) -> HeadEntry:
        return _lookup(self.heads, name, "head", "add it under [heads] in models.toml")

    def files_of(self, name: str) -> tuple[ModelEntry, ...]:
        """The entries whose files a model needs: itself, or its weights and its adapter."""
        entry = self.model(name)
        if entry.weights_of is None:
            return (entry,)
        weights = self.model(entry.weights_of)
        if entry.adapter_model is not None:
            return (weights, self.model(entry.adapter_model))
        assert entry.adapter is not None
        return (weights, ModelEntry(name, entry.adapter))

    def problems(self, team: TeamEntry) -> Iterator[str]:
        """What a team names that is not there, one line each."""
        named = [("base", team.base), *(("experts", name) for name in team.experts)]
        named += [("draft", team.draft)] if team.draft else []
        for key, name in named:
            yield from self._lacking(team, key, name, self.models, "models")
        if team.head:
            yield from self._lacking(team, "head", team.head, self.heads, "heads")

    def _lacking(
        self, team: TeamEntry, key: str, name: str, known: Mapping[str, object], table: str
    ) -> Iterator[str]:
        if name not in known:
            where = f"{team.source}: " if team.source else ""
            yield (
                f"{where}[teams.{team.name}] {key} names {name!r}, but there is no [{table}.{name}]"
                f"{nearest(name, known)}: add it, or name another"
            )

    def merged_with(self, later: "Catalog") -> "Catalog":
        """A later entry replaces one of its name; of the same file it keeps what was found out."""
        models = {
            name: _with_hash_of(entry, self.models.get(name))
            for name, entry in later.models.items()
        }
        return Catalog(
            {**self.models, **models},
            {**self.heads, **later.heads},
            {**self.teams, **later.teams},
        )


def _with_hash_of(entry: ModelEntry, earlier: ModelEntry | None) -> ModelEntry:
    if earlier is None or entry.sha256 is not None or entry.path != earlier.path:
        return entry
    if entry.weights_of is not None or earlier.weights_of is not None:
        return entry
    return replace(entry, sha256=earlier.sha256, size_bytes=entry.size_bytes or earlier.size_bytes)


T = TypeVar("T")


def nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _lookup(entries: Mapping[str, T], name: str, what: str, remedy: str) -> T:
    if name in entries:
        return entries[name]
    raise BadCatalog(f"no {what} is named {name!r}{nearest(name, entries)} ({remedy})")
