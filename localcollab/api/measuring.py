"""A team beside each of its members alone, on the same questions."""

import os
from collections.abc import Sequence
from pathlib import Path

from localcollab.api.sources import BlendSource
from localcollab.api.team import Team
from localcollab.evaluation.blend import BlendEvaluation, evaluate_blend
from localcollab.evaluation.data import read_all
from localcollab.evaluation.evaluate import Evaluation, evaluate_team
from localcollab.evaluation.forms import check_measure
from localcollab.evaluation.questions import Question, some_of, with_gold
from localcollab.evaluation.request import check_limit
from localcollab.progress import OnProgress, silently


def evaluate(
    team: Team,
    data: str | Path | Sequence[str | Path | Question] = (),
    *,
    limit: int | None = None,
    beside: Sequence[Team] = (),
    seed: int = 0,
    measure: str | None = None,
    runs_code: bool = False,
    on_progress: OnProgress | None = None,
) -> Evaluation | BlendEvaluation:
    """Ask every question of `data`, and say how often the answer is right, with intervals.

    `data`: JSONL files, or `Question`s; without it the shipped questions, for teams of the shipped
    models. `limit`: so many of them, drawn by `seed`. `beside`: more teams or models, asked the same.
    `measure`: how answers are scored where the data leaves it open; `runs_code`: answers that are code
    may be run. `record()` of the result is its JSON. Raises `BadData`, `BadOption`.
    """
    check_limit(limit)
    check_measure(measure)
    show = on_progress or silently
    source = team.source
    several = (data,) if isinstance(data, (str, Path)) else data
    questions = _questions(team, several, measure, runs_code=runs_code)
    if isinstance(source, BlendSource):
        asked = some_of(with_gold(questions), limit, seed)
        return evaluate_blend(
            team.name, source.recipe, source.residence, asked, show, seed=seed
        )  # fmt: skip
    others = [other.opened for other in beside]
    chosen = some_of(questions, limit, seed)
    return evaluate_team(team.opened, chosen, show, beside=others, seed=seed)


def _questions(
    team: Team, data: Sequence[str | Path | Question], measure: str | None, *, runs_code: bool
) -> list[Question]:
    paths = tuple(Path(os.path.expanduser(each)) for each in data if not isinstance(each, Question))
    given = [each for each in data if isinstance(each, Question)]
    if given and not paths:
        return given
    return given + read_all(team.source.plan, paths, measure=measure, runs_code=runs_code)
