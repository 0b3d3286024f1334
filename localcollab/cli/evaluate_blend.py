"""`localcollab eval` for blends, and for rankers on answers whose scores are known."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from localcollab.blend.mixinstruct import Record
from localcollab.blend.open import open_blend, reside
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import Compare
from localcollab.blend.residence import Residence
from localcollab.catalog import load_catalog
from localcollab.catalog.methods import TOP_K
from localcollab.catalog.ranker_names import RankerSpec, parse_ranker
from localcollab.cli.blend_files import read_all
from localcollab.errors import BadOption
from localcollab.evaluation.blend import as_table, evaluate_blend
from localcollab.evaluation.questions import Question
from localcollab.evaluation.rankers import (
    Measured,
    Row,
    choose_measure,
    evaluate_rankers,
    usable,
)
from localcollab.evaluation.references import ROUGE_L, rouge_of_fused, scored_by_rouge
from localcollab.llama.options import Options
from localcollab.teams.open import TeamPlan
from localcollab.terminal.status import Status, notes_shown

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
        raise BadOption("`measure` and `fuser` need `ranker`")
    given = [name for name, value in others.items() if value]
    if given:
        raise BadOption(f"`ranker` cannot be combined with `{given[0]}`: leave one out")


@dataclass(frozen=True, slots=True)
class Rankers:
    """What is to be measured on answers, as the command line says it."""

    names: Sequence[str]
    """The first one ranks what a fuser reads."""
    measure: str | None = None
    fuser: str | None = None
    """Its answers have no score in the data: all is measured by ROUGE-L."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        if self.fuser and self.measure not in (None, ROUGE_L):
            raise BadOption(
                f"a fused answer has no {self.measure} in the data: leave `measure` out to use "
                f"{ROUGE_L}"
            )

    @property
    def specs(self) -> list[RankerSpec]:
        return [parse_ranker(text) for text in (*self.names, "longest", "random")]

    def usable(self, records: Sequence[Record]) -> tuple[str, list[Record]]:
        """The measure, and the records that have it. Raises `BadOption`."""
        if self.fuser or self.measure == ROUGE_L:
            return ROUGE_L, usable(scored_by_rouge(records), ROUGE_L)
        measure = choose_measure(records, self.measure)
        return measure, usable(records, measure)


def run_rankers(
    paths: Sequence[Path],
    asked: Rankers,
    catalogs: tuple[Path, ...],
    *,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """MixInstruct-form data. Raises `BadData`, `BadOption`, and what opening and asking raise."""
    if not paths:
        raise BadOption("`ranker` is evaluated on answers with scores: give `data`")
    specs = asked.specs
    everything = [record for path in paths for record in read_all(path)]
    measure, records = asked.usable(everything)
    records = records[:limit]
    status = Status(sys.stderr)
    with notes_shown(status):
        names = [name for spec in specs for name in spec.models]
        names += [asked.fuser] if asked.fuser else []
        residence = reside(
            load_catalog(*catalogs), dict.fromkeys(names), Options(), status.show, budget=None
        )
        rows = _measure(asked, specs, records, measure, residence, seed, status)
    status.clear()
    n_left = len(everything) - len(records)
    if as_json:
        found = {"measure": measure, "n": len(records), "n_left_out": n_left, "seed": seed}
        print(json.dumps(found | {"rows": [asdict(row) for row in rows]}, indent=1))
        return
    print(rows_text(rows))
    left = f"; {n_left} left out (limit, scores, or fewer than two candidates)" if n_left else ""
    print(f"measure: {measure}; records: {len(records)}{left}; 95 % intervals by record")


def _measure(
    asked: Rankers,
    specs: Sequence[RankerSpec],
    records: Sequence[Record],
    measure: str,
    residence: Residence,
    seed: int,
    status: Status,
) -> list[Row]:
    contests = [record.contest for record in records]
    opened: dict[str, Compare] = {
        str(spec): open_ranker(spec, residence.open, contests=contests, seed=seed) for spec in specs
    }
    fused: dict[str, list[float]] = {}
    if asked.fuser:
        scores, n_fused = rouge_of_fused(
            records, opened[str(specs[0])], residence.open_fuser, asked.fuser, top_k=TOP_K,
            on_progress=lambda done, total: status.show(f"fusing: {done} of {total}"),
        )  # fmt: skip
        fused[f"fused by {asked.fuser} ({n_fused} of {len(records)})"] = scores
    return evaluate_rankers(
        records, opened, measure, seed=seed, others=fused,
        on_progress=lambda done, total: status.show(f"ranking: {done} of {total}"),
    )  # fmt: skip


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
