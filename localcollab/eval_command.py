"""`localcollab eval`: reads the questions, opens the team, prints what was measured."""

import random
import sys
from pathlib import Path

from localcollab.assembly import open_team, plan_from_files
from localcollab.catalog import DEFAULT_TEAM, SHIPPED
from localcollab.errors import BadOption
from localcollab.evaluate import evaluate
from localcollab.evaluation_report import as_json as to_json
from localcollab.evaluation_report import as_table, draw
from localcollab.questions import Question, read_questions
from localcollab.run import TeamChoice
from localcollab.terminal import Status, notes_shown

_SHIPPED_SETS = ("test.jsonl", "unknown.jsonl", "own-form.jsonl")


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
    plan = choice.plan()
    questions = [q for path in data or _shipped(plan.name) for q in read_questions(path)]
    status = Status(sys.stderr)
    with notes_shown(status):
        team = open_team(plan, on_progress=status.show)
        alone = [open_team(plan_from_files(path, ()), on_progress=status.show) for path in beside]
    chosen = _some(questions, limit, choice.seed)
    found = evaluate(team, chosen, status.show, beside=alone, seed=choice.seed)
    status.clear()
    print(to_json(found) if as_json else as_table(found))
    if plot:
        draw(found, plot)
        status.note(f"drawn to {plot}")


def _shipped(team: str) -> list[Path]:
    if team != DEFAULT_TEAM:
        raise BadOption(f"no questions ship with the team {team!r}: give --data FILE")
    return [SHIPPED / DEFAULT_TEAM / name for name in _SHIPPED_SETS]


def _some(questions: list[Question], limit: int | None, seed: int) -> list[Question]:
    if limit is None or limit >= len(questions):
        return questions
    if limit < 1:
        raise BadOption(f"limit is {limit}: give 1 or more")
    return random.Random(seed).sample(questions, limit)
