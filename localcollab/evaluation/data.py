"""Files of questions, one JSON record a line."""

import json
from pathlib import Path

from localcollab.catalog import DEFAULT_TEAM, SHIPPED
from localcollab.errors import BadData, BadOption, LocalcollabError
from localcollab.evaluation.forms import SHAPES, read_record
from localcollab.evaluation.questions import Question
from localcollab.teams.plan import TeamPlan

_SHIPPED_SETS = ("test.jsonl", "unknown.jsonl", "own-form.jsonl")


def read_questions(
    path: Path, *, measure: str | None = None, runs_code: bool = False
) -> list[Question]:
    """`measure`: instead of the default of records that can be measured in several ways. `runs_code`:
    answers may be run. Raises `BadData`, `BadOption`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read ({error}): give a JSONL file in UTF-8") from error
    questions = []
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            questions.append(read_record(json.loads(line), measure, runs_code=runs_code))
        except LocalcollabError as error:
            raise type(error)(f"{path}: line {n}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise BadData(
                f"{path}: line {n} is not a question ({_said(error)}): give {SHAPES}"
            ) from error
    if not questions:
        raise BadData(f"{path}: holds no question: give one JSON record per line")
    return questions


def _said(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def read_all(
    plan: TeamPlan,
    data: tuple[Path, ...],
    *,
    measure: str | None = None,
    runs_code: bool = False,
) -> list[Question]:
    """The questions of `data`, else those that ship with the team. Raises `BadData`, `BadOption`."""
    if data:
        return [
            question
            for path in data
            for question in read_questions(path, measure=measure, runs_code=runs_code)
        ]
    folder = SHIPPED / DEFAULT_TEAM
    if plan.first.path.parent.resolve() != folder.resolve():
        raise BadOption(f"no questions ship with the team {plan.name!r}: give `data`")
    names = {"", *(member.name for member in plan.members)}
    shipped = [question for name in _SHIPPED_SETS for question in read_questions(folder / name)]
    return [question for question in shipped if question.member in names]
