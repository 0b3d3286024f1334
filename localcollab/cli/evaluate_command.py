"""`localcollab eval`: reads the questions, opens the team, prints what was measured."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from localcollab.catalog import Blend, load_catalog
from localcollab.errors import BadOption
from localcollab.evaluation.evaluate import evaluate
from localcollab.evaluation.questions import read_all, some_of, with_gold
from localcollab.evaluation.report import as_json as to_json
from localcollab.evaluation.report import as_table, draw
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team, plan_from_files
from localcollab.terminal.status import Status, notes_shown


def run(
    choice: TeamChoice,
    data: tuple[Path, ...],
    *,
    beside: tuple[Path, ...],
    limit: int | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Raises `BadData`, `BadOption`, and what opening a team raises."""
    if plot:
        require_drawable(plot)
    _refuse_namesakes(beside)
    plan = choice.plan()
    questions = read_all(plan, data)
    if isinstance(plan.method, Blend):
        # Imported here: a team that writes token by token needs none of it.
        from localcollab.cli.evaluate_blend import run_blend

        if beside or plot:
            raise BadOption(f"{plan.name} is a blend: leave out `beside` and `plot`")
        whole = some_of(with_gold(questions), limit, choice.seed)
        run_blend(plan, whole, seed=choice.seed, as_json=as_json)
        return
    status = Status(sys.stderr)
    with notes_shown(status):
        team = open_team(plan, on_progress=status.show)
        alone = [open_team(plan_from_files(path, ()), on_progress=status.show) for path in beside]
    chosen = some_of(questions, limit, choice.seed)
    found = evaluate(team, chosen, status.show, beside=alone, seed=choice.seed)
    status.clear()
    print(to_json(found) if as_json else as_table(found))
    if plot:
        draw(found, plot)
        status.note(f"drawn to {plot}")


def run_comparison(
    names: str,
    team: str | None,
    catalogs: tuple[Path, ...],
    data: tuple[Path, ...],
    *,
    beside: tuple[Path, ...],
    limit: int | None,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Several teams, and their members alone. Raises `BadOption`, and what a contender's process said."""
    # Imported here: a contender's own process comes by this file.
    from localcollab.evaluation import compare as comparison
    from localcollab.evaluation import compare_report as comparison_report

    if team is not None:
        raise BadOption("both `team` and `compare` are given: name all teams in `compare`")
    if plot:
        require_drawable(plot)
    _refuse_namesakes(beside)
    chosen = [name.strip() for name in names.split(",")]
    everyone = comparison.contenders(load_catalog(*catalogs), chosen, beside)
    status = Status(sys.stderr)
    asked = comparison.Asked(catalogs, data, limit, seed)
    found = comparison.compare(asked, everyone, status.show)
    status.clear()
    print(comparison_report.as_json(found) if as_json else comparison_report.as_table(found))
    if plot:
        comparison_report.draw(found, plot)
        status.note(f"drawn to {plot}")


def _refuse_namesakes(beside: tuple[Path, ...]) -> None:
    """They are told apart by the names of their files. Raises `BadOption`."""
    stems = [path.stem for path in beside]
    twice = next((path for n, path in enumerate(beside) if path.stem in stems[:n]), None)
    if twice:
        raise BadOption(f"`beside` names two files {twice.stem}: rename one")


def require_drawable(plot: Path) -> None:
    """Before minutes of measuring. Raises `BadOption`."""
    if find_spec("matplotlib") is None:
        raise BadOption("`plot` needs matplotlib: pip install 'localcollab[convert]'")
    if plot.is_dir() or not os.access(plot.parent, os.W_OK):
        raise BadOption(
            f"`plot` {plot} cannot be written: give a file in a folder you may write to"
        )
