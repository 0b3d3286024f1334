"""`localcollab eval` for blends, and for rankers on answers whose scores are known."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from localcollab.assembly import TeamPlan
from localcollab.blend.evaluation import (
    Measured,
    Row,
    choose_measure,
    evaluate_rankers,
    usable,
)
from localcollab.blend.files import read_all
from localcollab.blend.measuring import as_table, evaluate_blend
from localcollab.blend.naming import parse_ranker
from localcollab.blend.opening import open_blend, reside
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import Compare
from localcollab.catalog import load_catalog
from localcollab.errors import BadOption
from localcollab.llama.options import Options
from localcollab.questions import Question
from localcollab.terminal import Status, notes_shown

_COLUMNS = ("score", "wins", "pairs", "correlation")


def run_blend(plan: TeamPlan, questions: Sequence[Question], *, seed: int, as_json: bool) -> None:
    """Raises what opening a blend and asking it raise."""
    status = Status(sys.stderr)
    with notes_shown(status):
        recipe, residence = open_blend(plan, on_progress=status.show)
        found = evaluate_blend(plan.name, recipe, residence, questions, status.show, seed=seed)
    status.clear()
    print(json.dumps(found.record(), indent=1) if as_json else as_table(found))


def refuse(rankers: Sequence[str] | None, **others: object) -> None:
    """Options that do not go together. Raises `BadOption`."""
    if not rankers:
        raise BadOption("--measure is about rankers: add --ranker")
    given = [name for name, value in others.items() if value]
    if given:
        raise BadOption(f"--ranker measures rankers alone: leave --{given[0]} out")


def run_rankers(
    paths: Sequence[Path],
    rankers: Sequence[str],
    measure: str | None,
    catalogs: tuple[Path, ...],
    *,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """MixInstruct-form data. Raises `BadData`, `BadOption`, and what opening and ranking raise."""
    if not paths:
        raise BadOption("--ranker measures on answers with scores: give --data FILE")
    specs = [parse_ranker(text) for text in (*rankers, "longest", "random")]
    everything = [record for path in paths for record in read_all(path)]
    measure = choose_measure(everything, measure)
    records = usable(everything, measure)[:limit]
    contests = [record.contest for record in records]
    status = Status(sys.stderr)
    with notes_shown(status):
        names = dict.fromkeys(name for spec in specs for name in spec.models)
        residence = reside(load_catalog(*catalogs), names, Options(), status.show, budget=None)
        opened: dict[str, Compare] = {
            str(spec): open_ranker(spec, residence.open, contests=contests, seed=seed)
            for spec in specs
        }
        rows = evaluate_rankers(
            records, opened, measure, seed=seed,
            on_progress=lambda done, total: status.show(f"ranking: {done} of {total}"),
        )  # fmt: skip
    status.clear()
    n_left = len(everything) - len(records)
    if as_json:
        found = {"measure": measure, "n": len(records), "n_left_out": n_left, "seed": seed}
        print(json.dumps(found | {"rows": [asdict(row) for row in rows]}, indent=1))
        return
    print(rows_text(rows))
    left = f"; {n_left} left out (limit, scores, or fewer than two candidates)" if n_left else ""
    print(f"measure: {measure}; records: {len(records)}{left}; 95 % intervals by record")


def rows_text(rows: Sequence[Row]) -> str:
    width = max(len(row.name) for row in rows)
    heads = ("mean score", "beats best model", "pairs right", "rank correlation")
    lines = [f"{'':{width}}  " + "  ".join(f"{head:22}" for head in heads)]
    for row in rows:
        cells = (_cell(getattr(row, column)) for column in _COLUMNS)
        lines.append(f"{row.name:{width}}  " + "  ".join(f"{cell:22}" for cell in cells))
    return "\n".join(line.rstrip() for line in lines)


def _cell(found: Measured | None) -> str:
    return "" if found is None else f"{found.value:.3f} ({found.low:.3f} .. {found.high:.3f})"
