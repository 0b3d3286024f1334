"""What a user may write where a team or a model is wanted -> members and plans. Nothing is loaded.

A file, a team or a model of the catalogue, or a model that another program on this machine holds
(Ollama, LM Studio, the Hub's cache), by the name that `models list --elsewhere` shows.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localcollab.catalog import DEFAULT_TEAM, Alone, Catalog, ModelEntry, TeamEntry
from localcollab.catalog.entries import nearest
from localcollab.catalog.settings import Settings
from localcollab.errors import BadCatalog, BadOption
from localcollab.models.listing import install_command
from localcollab.models.other_programs import find_everywhere
from localcollab.teams.plan import BASE, Member, TeamPlan, plan_from_catalog, plan_from_files


def is_file(name: str | Path) -> bool:
    """Whether it means a model file, not a name of the catalogue."""
    return isinstance(name, Path) or name.endswith(".gguf") or has_separator(name)


def has_separator(name: str) -> bool:
    return any(sep in name for sep in (os.sep, os.altsep) if sep)


class Names:
    """Files, and what a catalogue calls by name."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def is_team(self, name: str | Path) -> bool:
        return not is_file(name) and self._is_known("teams", str(name))

    def default(self) -> str:
        """What answers where nothing is named: `default` of models.toml, else the shipped team.

        Raises `BadCatalog` for a default that does not exist."""
        name = self.catalog.default
        if name is None:
            return DEFAULT_TEAM
        if not self._is_known("teams", name) and not self._is_known("models", name):
            try:
                self._elsewhere(name)
            except BadCatalog as error:
                raise BadCatalog(f"default = {name!r} in models.toml: {error}") from error
        return name

    def plan(self, name: str | Path, experts: Sequence[str | Path] = ()) -> TeamPlan:
        """A team, a model alone, or a model with `experts`.

        Raises `BadCatalog`, and `BadOption` for a model that is not installed.
        """
        if not experts and self.is_team(name):
            entry = self.catalog.team(str(name))
            self._require_installed(entry)
            return plan_from_catalog(self.catalog, entry)
        return self._plan_of_models(name, experts)

    def as_team(self, name: str | Path) -> tuple[Catalog, TeamEntry]:
        """A team, or one model alone as a team, with the catalogue that holds it. Raises `BadCatalog`."""
        if self.is_team(name):
            return self.catalog, self.catalog.team(str(name))
        if not is_file(name) and self._is_known("models", str(name)):
            return self.catalog, TeamEntry(self.catalog.model(str(name)).name, Alone(str(name)))
        path = Path(os.path.expanduser(name)) if is_file(name) else self._elsewhere(str(name))
        alone = Path(name).stem if is_file(name) else str(name)
        models = {**self.catalog.models, alone: ModelEntry(alone, path)}
        teams = {n: team for n, team in self.catalog.teams.items() if n != alone}
        return replace(self.catalog, models=models, teams=teams), TeamEntry(alone, Alone(alone))

    def _plan_of_models(self, base: str | Path, experts: Sequence[str | Path]) -> TeamPlan:
        """Experts are named after their files, or as in the catalogue."""
        members = [self.member(base, BASE)]
        names = [name if is_file(name) else f"{name}.gguf" for name in experts]
        plan = plan_from_files(members[0].path, [Path(name) for name in names])
        for named, given in zip(plan.members[1:], experts, strict=True):
            assert isinstance(named, Member), "plans of files hold no teams"
            members.append(self.member(given, named.name))
        settings = Settings()
        if not is_file(base) and str(base) in self.catalog.models:
            settings = self.catalog.model(str(base)).settings
        called = (Path(name).stem if is_file(name) else str(name) for name in (base, *experts))
        return replace(plan, name="+".join(called), members=tuple(members), settings=settings)

    def member(self, given: str | Path, name: str) -> Member:
        """Raises `BadCatalog`, and `BadOption` for a model that is not installed."""
        if is_file(given):
            return Member(name, Path(os.path.expanduser(given)))
        text = str(given)
        if not self._is_known("models", text):
            return Member(name, self._elsewhere(text))
        entry = self.catalog.model(text)
        require_installed(text, self.catalog.files_of(text))
        return Member.of(name, entry)

    def head(self, given: str | Path) -> Path:
        """Raises `BadCatalog`."""
        if isinstance(given, Path) or given.endswith(".safetensors") or has_separator(given):
            return Path(os.path.expanduser(given))
        return self.catalog.trained("heads", given).path

    def _elsewhere(self, name: str) -> Path:
        found = {file.name: file.path for file in find_everywhere()}
        if name in found:
            return found[name]
        known = {**self.catalog.teams, **self.catalog.models, **found}
        raise BadCatalog(
            f"no team or model is named {name!r}{nearest(name, known)}: see localcollab teams and "
            "localcollab models list, or give a file that ends in .gguf"
        )

    def _is_known(self, table: str, name: str) -> bool:
        """One that was left out for a fault is known, too: its error says why."""
        return name in getattr(self.catalog, table) or bool(self.catalog.fault_of(table, name))

    def _require_installed(self, team: TeamEntry) -> None:
        models = self.catalog.models_of(team)
        entries = [entry for name in models for entry in self.catalog.files_of(name)]
        require_installed(team.name, entries)


def require_installed(name: str, entries: Sequence[ModelEntry]) -> None:
    """Raises `BadOption` with the command that fetches what lacks; where only the user can know, the
    loading says where the file should be."""
    missing = [entry for entry in entries if not os.path.lexists(entry.path)]
    if command := install_command(name, missing):
        names = ", ".join(entry.name for entry in missing)
        lacks = f"{name} is not installed" + (f" ({names})" if names != name else "")
        raise BadOption(f"{lacks}: {command}")
