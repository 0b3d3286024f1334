"""Names and files -> an open `Team`. What may stand where a model is wanted is said here, once."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from localcollab.api.sources import BlendSource, Method, TokenSource
from localcollab.api.team import Team
from localcollab.blend.open import open_blend
from localcollab.catalog import DEFAULT_TEAM, Blend, Catalog, ModelEntry, load_catalog
from localcollab.errors import BadOption
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import OnProgress
from localcollab.teams.plan import BASE, DRAFT, Member, TeamPlan, plan_from_files, with_choices


def load(
    name: str | Path | None = None,
    *,
    experts: str | Path | Sequence[str | Path] = (),
    head: str | Path | None = None,
    gate: str | None = None,
    threshold: float | None = None,
    compose: bool = False,
    method: Method | None = None,
    adapter: str | Path | None = None,
    draft: str | Path | None = None,
    n_ctx: int | None = None,
    n_threads: int | None = None,
    n_gpu_layers: int | None = None,
    seed: int = 0,
    models: str | Path | Sequence[str | Path] = (),
    on_progress: OnProgress | None = None,
) -> Team:
    """Load a team: a team or a model of the catalogue, or a GGUF file, perhaps with `experts`.

    `name` None is the team that ships. A `Path`, and a string that ends in `.gguf` or holds a path
    separator, is a file; any other string is a name of the catalogue (`models` adds more models.toml
    files), a team's before a model's; with `experts` it is a model's. `experts` and `draft` are files
    or models, `head` is a file or a head of the catalogue; without a head or a `gate` the entropy gate
    decides. `adapter` is a LoRA of the base. `method` builds a model of your own from the members.

    Raises `BadOption`, `BadCatalog`, `BadModelFile`, `VocabularyMismatch`, `HeadMismatch`, ...
    """
    catalog = _Names(catalog_of(models))
    chosen = TeamChoice(
        head=None if head is None else catalog.head(head), gate=gate, threshold=threshold,
        compose=compose, seed=seed, catalogs=tuple(map(_path, _several(models))),
    )  # fmt: skip
    plan = _plan(
        catalog, DEFAULT_TEAM if name is None else name, _several(experts), adapter, chosen
    )
    if draft is not None:
        plan = replace(plan, draft=catalog.member(draft, DRAFT))
    options = Options(n_ctx=n_ctx, n_threads=n_threads, n_gpu_layers=n_gpu_layers)
    if isinstance(plan.method, Blend):
        if method is not None:
            raise BadOption(
                f"{plan.name} is a blend, which has no members to build on: leave method out"
            )
        recipe, residence = open_blend(plan, options, on_progress)
        return Team(BlendSource(plan, recipe, residence))
    return Team(TokenSource(plan, options, method=method, on_progress=on_progress))


def _plan(
    catalog: "_Names",
    name: str | Path,
    experts: tuple[str | Path, ...],
    adapter: str | Path | None,
    chosen: TeamChoice,
) -> TeamPlan:
    if not experts and catalog.is_team(name):
        if adapter is not None:
            raise BadOption(
                f"{name} is a team: adapter is for a model, named alone or with experts"
            )
        return replace(chosen, team=str(name)).plan()
    plan = catalog.plan(name, experts)
    if adapter is not None:
        base = plan.first
        if base.adapter is not None:
            raise BadOption(f"{name} has an adapter already ({base.adapter}): leave adapter out")
        plan = replace(plan, members=(replace(base, adapter=_path(adapter)), *plan.members[1:]))
    return with_choices(
        plan, gate=chosen.gate, head=chosen.head, threshold=chosen.threshold,
        compose=chosen.compose, seed=chosen.seed,
    )  # fmt: skip


class _Names:
    """Files, and what a catalogue calls by name."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def is_team(self, name: str | Path) -> bool:
        if is_file(name):
            return False
        # An unknown name is looked up as a team, whose error suggests the nearest one.
        return name in self._catalog.teams or name not in self._catalog.models

    def plan(self, base: str | Path, experts: Sequence[str | Path]) -> TeamPlan:
        """Experts are named after their files, or as in the catalogue."""
        members = [self.member(base, BASE)]
        names = [name if is_file(name) else f"{name}.gguf" for name in experts]
        plan = plan_from_files(members[0].path, [Path(name) for name in names])
        for named, given in zip(plan.members[1:], experts, strict=True):
            assert isinstance(named, Member), "plans of files hold no teams"
            members.append(self.member(given, named.name))
        called = (Path(name).stem if is_file(name) else str(name) for name in (base, *experts))
        return replace(plan, name="+".join(called), members=tuple(members))

    def member(self, given: str | Path, name: str) -> Member:
        """Raises `BadCatalog`, and `BadOption` for a model that is not installed."""
        if is_file(given):
            return Member(name, _path(given))
        entry = self._catalog.model(str(given))
        self._require_installed(str(given), self._catalog.files_of(str(given)))
        return Member(name, entry.path, entry.adapter)

    def head(self, given: str | Path) -> Path:
        """Raises `BadCatalog`."""
        if isinstance(given, Path) or given.endswith(".safetensors") or _has_separator(given):
            return _path(given)
        return self._catalog.trained("heads", given).path

    def _require_installed(self, name: str, files: Sequence[ModelEntry]) -> None:
        missing = [entry for entry in files if not os.path.lexists(entry.path)]
        if missing and all(entry.can_be_pulled for entry in missing):
            raise BadOption(f"{name} is not installed: localcollab models pull {name}")


def catalog_of(models: str | Path | Iterable[str | Path] = ()) -> Catalog:
    """The shipped catalogue, the user's, and `models`. Raises `BadCatalog`."""
    return load_catalog(*map(_path, _several(models)))


def find_model(name: str | Path, models: str | Path | Iterable[str | Path] = ()) -> Path:
    """The file of a model. Raises `BadCatalog`, and `BadOption` for one that is not installed."""
    return _Names(catalog_of(models)).member(name, BASE).path


def is_file(name: str | Path) -> bool:
    """Whether it means a model file, not a name of the catalogue."""
    return isinstance(name, Path) or name.endswith(".gguf") or _has_separator(name)


def _has_separator(name: str) -> bool:
    return any(sep in name for sep in (os.sep, os.altsep) if sep)


def _path(given: str | Path) -> Path:
    return Path(given).expanduser()


def _several(given: str | Path | Iterable[str | Path]) -> tuple[str | Path, ...]:
    """One is as good as a list of one."""
    return (given,) if isinstance(given, (str, Path)) else tuple(given)
