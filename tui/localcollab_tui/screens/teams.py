"""Every team of the catalogue: its members, whether they are installed, whether they fit into memory."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from localcollab.catalog import Catalog, Place, TeamEntry, load_catalog
from localcollab.llama.machine import available_bytes
from localcollab.teams.listing import team_record
from localcollab.terminal.visible_text import visible

_GB = 1e9
_MEMORY_OF_FILES = 1.2
"""Resident memory of a team relative to its files: weights, caches and buffers."""


class TeamsScreen(ModalScreen[str | None]):
    DEFAULT_CSS = """
    TeamsScreen {
        align: center middle;
        Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
        OptionList { height: 1fr; border: none; &:focus { border: none; } }
        .keys { color: $text-muted; height: 1; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close")]

    def __init__(self, catalogs: tuple[Path, ...], current: str | None) -> None:
        super().__init__()
        self._catalog = load_catalog(*catalogs)
        self._current = current
        self._names = list(self._catalog.teams)

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = "teams"
            yield OptionList(
                *(Option(about(self._catalog, team, self._current)) for team in self._teams()),
                markup=False,
            )
            yield Static("Enter opens · Esc closes", classes="keys", markup=False)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.focus()
        if self._current in self._names:
            options.highlighted = self._names.index(self._current)

    def _teams(self) -> list[TeamEntry]:
        return list(self._catalog.teams.values())

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])


def about(catalog: Catalog, team: TeamEntry, current: str | None) -> Content:
    """A line on the team, one for each member, and what is missing."""
    record = team_record(catalog, team)
    here = "● " if team.name == current else "  "
    lines = [
        Content("").join([Content(here), Content.styled(team.name, "bold"),
                          Content(visible(f": {team.about or record['decides']}"))]),
        Content.styled(f"    {visible(record['decides'])} · {fits(catalog, team)}", "dim"),
    ]  # fmt: skip
    lines += [_member(catalog, place) for place in team.places]
    for problem in record["problems"]:
        lines.append(Content.styled(f"    problem: {visible(problem)}", "$text-error"))
    if record["pull"]:
        lines.append(Content.styled(f"    to install: {visible(record['pull'])}", "$text-warning"))
    else:
        lines += [
            Content.styled(f"    missing: {visible(path)}", "$text-warning")
            for path in record["missing"]
        ]
    return Content("\n").join(lines)


def _member(catalog: Catalog, place: Place) -> Content:
    known = catalog.nested(place) or catalog.models.get(place.name)
    words = known.about if known else "not in the catalogue"
    return Content(f"    {place.role}: {visible(place.name)}, {visible(words) or 'no description'}")


def fits(catalog: Catalog, team: TeamEntry) -> str:
    """Installed or not, and whether the files fit into free memory."""
    paths = {catalog.models[n].path for n in catalog.models_of(team) if n in catalog.models}
    here = [path for path in paths if path.is_file()]
    if len(here) < len(paths):
        machine = f", for machines of {team.memory_gb} GB" if team.memory_gb else ""
        return f"not installed{machine}"
    needed = _MEMORY_OF_FILES * sum(path.stat().st_size for path in here)
    free = available_bytes()
    if free is None or needed < free:
        return f"installed, fits ({needed / _GB:.2g} GB)"
    return f"installed, too large: needs {needed / _GB:.1f} GB, {free / _GB:.1f} GB are free"
