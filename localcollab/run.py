"""`localcollab run`: one question, one streamed answer."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from localcollab.answer import Limits
from localcollab.assembly import (
    OpenTeam,
    TeamPlan,
    open_team,
    plan_from_catalog,
    plan_from_files,
    with_choices,
)
from localcollab.catalog import DEFAULT_TEAM, load_catalog
from localcollab.errors import BadOption
from localcollab.events import Event, Finished, Progress, Prompted, Token, Unfamiliar
from localcollab.llama.options import Options
from localcollab.sampling import Sampling
from localcollab.session import Session
from localcollab.terminal import Painter, Status, notes_shown, supports_colour

_MAX_INPUT = 16 * 2**20


@dataclass(frozen=True, slots=True)
class TeamChoice:
    """What the command line says about the team; `plan` is the one place that reads it."""

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
            raise BadOption(f"both --team {self.team} and files are given: choose one")
        if self.experts and not self.base:
            raise BadOption("--expert needs a base: add --base FILE")
        if self.base:
            plan = plan_from_files(self.base, self.experts)
        else:
            catalog = load_catalog(*self.catalogs)
            plan = plan_from_catalog(catalog, catalog.team(self.team or DEFAULT_TEAM))
        return with_choices(
            plan, gate=self.gate, head=self.head, threshold=self.threshold,
            compose=self.compose, seed=self.seed, draft=self.draft,
        )  # fmt: skip


def run(
    question: str | None,
    choice: TeamChoice,
    options: Options,
    *,
    system: str | None,
    sampling: Sampling,
    limits: Limits,
    marks: bool | None,
    json_events: bool,
) -> None:
    """Answer on stdout; notes, legend and the double-check line on stderr. Raises what asking raises."""
    plan = choice.plan()
    text = _read_question() if question in (None, "-") else question or ""
    if not text.strip():
        raise BadOption("the question is empty: give one, or write it to standard input")
    status = Status(sys.stderr)
    with notes_shown(status):
        team = open_team(plan, options, status.show)
    session = Session(team, system=system)
    if team.template is None:
        status.note(
            f"{team.name}: the base has no chat template: the text is continued as it stands"
        )
    status.clear()
    painter = None if json_events else _painter(team, marks)
    for event in session.ask(text, sampling, limits):
        if painter is None:
            _write_line(event)
        else:
            _show(event, painter, status)


def _painter(team: OpenTeam, marks: bool | None) -> Painter:
    is_terminal = sys.stdout.isatty()
    return Painter(
        sys.stdout,
        list(team.members),
        colour=is_terminal and supports_colour(),
        marks=is_terminal if marks is None else marks,
    )


def _show(event: Event, painter: Painter, status: Status) -> None:
    match event:
        case Prompted(n_reread=n) if n:
            status.note(f"the chat template rewrote old turns: {n} tokens are read again")
        case Progress(done, total):
            status.show(f"reading {100 * done // total} %")
        case Token():
            status.clear()
            painter.write(event)
        case Unfamiliar():
            painter.add_unfamiliar(event)
        case Finished():
            status.clear()
            painter.close()
            for line in painter.summary(event):
                status.note(line)


def _read_question() -> str:
    """Standard input, as UTF-8. Raises `BadOption`."""
    if sys.stdin is None or sys.stdin.isatty():
        raise BadOption("no question: give one, or write it to standard input")
    data = sys.stdin.buffer.read(_MAX_INPUT + 1)
    if len(data) > _MAX_INPUT:
        raise BadOption(f"standard input holds more than {_MAX_INPUT} bytes: give a shorter text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadOption(
            f"standard input is not UTF-8 at byte {error.start}: convert it first"
        ) from error


def _write_line(event: Event) -> None:
    """JSON in UTF-8, whatever the locale; half a character (of a file name) as an escape."""
    line = json.dumps(event_record(event), ensure_ascii=False)
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def event_record(event: Event) -> dict[str, object]:
    """One event as JSON: its kind under `event`, then its fields."""
    return {"event": type(event).__name__.lower(), **asdict(event)}
