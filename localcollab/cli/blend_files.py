"""`localcollab rank` and `localcollab fuse`: a file of candidates -> rankings, or fused answers.

Everything is read and checked before the first model is loaded; then each model is loaded once, for all
records, and results are printed as they come.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from localcollab.blend.candidates import Asking
from localcollab.blend.format import order_text
from localcollab.blend.fuser import Fused, fuse_top, is_better
from localcollab.blend.mixinstruct import Record, read_records
from localcollab.blend.open import reside
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import Aggregation, Compare, Ranking, rank_contest
from localcollab.blend.residence import Residence
from localcollab.catalog import load_catalog
from localcollab.catalog.methods import TOP_K
from localcollab.catalog.ranker_names import RankerSpec, parse_ranker
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadData, BadOption
from localcollab.llama.options import Options
from localcollab.terminal.status import Status, notes_shown
from localcollab.terminal.visible_text import visible


@dataclass(frozen=True, slots=True)
class Ranks:
    """How a file is to be ranked, as the command line says it."""

    ranker: str
    aggregation: Aggregation = "max_logits"
    seed: int = 0
    options: Options = field(default_factory=Options)
    budget: int | None = None
    """Bytes."""
    catalogs: tuple[Path, ...] = ()

    @property
    def spec(self) -> RankerSpec:
        """Raises `BadOption`."""
        return parse_ranker(self.ranker)


@dataclass(frozen=True, slots=True)
class Fuses:
    """How the best of each record are to be fused."""

    fuser: str
    top_k: int = TOP_K
    verified: bool = False
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.top_k < 2:
            raise BadOption(f"`top_k` is {self.top_k}: give 2 or more")


def rank_file(path: Path, ranks: Ranks, *, as_json: bool) -> None:
    """A line a record, on stdout. Raises `BadData`, `BadOption`, and what the ranker raises."""
    records = read_all(path)
    status = Status(sys.stderr)
    with notes_shown(status):
        residence = _reside(ranks, ranks.spec.models, status)
        for n, (record, ranking) in enumerate(_rankings(records, ranks, residence), 1):
            status.show(f"{n} of {len(records)} records")
            _print(ranking_record(record, ranking), ranking_line(record, ranking), as_json)
    status.clear()
    _tell_of_empty(records, status)


def fuse_file(path: Path, ranks: Ranks, fuses: Fuses, *, as_json: bool) -> None:
    """An answer a record, on stdout. Raises `BadData`, `BadOption`, and what ranking and asking raise."""
    if ranks.aggregation == "bubble":
        raise BadOption("bubble finds one best candidate, and a fuser wants more: use max_logits")
    records = read_all(path)
    status = Status(sys.stderr)
    with notes_shown(status):
        residence = _reside(ranks, (*ranks.spec.models, fuses.fuser), status)
        ranked = list(_rankings(records, ranks, residence))
        results = (_fuse(*pair, fuses, residence) for pair in ranked)
        if fuses.verified:
            compare = open_ranker(ranks.spec, residence.open, seed=ranks.seed)
            results = (
                _verify(record, ranking, fused, compare, fuses.fuser)
                for (record, ranking), fused in zip(ranked, list(results), strict=True)
            )
        for n, (record, fused) in enumerate(zip(records, results, strict=True), 1):
            status.show(f"{n} of {len(records)} records")
            _print(fused_record(record, fused), fused_text(record, fused), as_json)
    status.clear()
    _tell_of_empty(records, status)


def read_all(path: Path) -> list[Record]:
    """Raises `BadData`, also for a file without a record."""
    records = list(read_records(path))
    if not records:
        raise BadData(f"{path}: holds no record: give one JSON object a line")
    return records


def _reside(ranks: Ranks, names: Sequence[str], status: Status) -> Residence:
    catalog = load_catalog(*ranks.catalogs)
    return reside(catalog, dict.fromkeys(names), ranks.options, status.show, budget=ranks.budget)


def _rankings(
    records: Sequence[Record], ranks: Ranks, residence: Residence
) -> Iterator[tuple[Record, Ranking | None]]:
    """None where there is no candidate."""
    contests = [record.contest for record in records if record.candidates]
    compare = open_ranker(ranks.spec, residence.open, contests=contests, seed=ranks.seed)
    for record in records:
        if not record.candidates:
            yield record, None
            continue
        yield record, rank_contest(record.contest, compare, ranks.aggregation)


def _fuse(
    record: Record, ranking: Ranking | None, fuses: Fuses, residence: Residence
) -> Fused | None:
    """None where there is no candidate."""
    if ranking is None:
        return None
    top = [ranking.contest.candidates[place] for place in ranking.order[: fuses.top_k]]
    parts = (record.instruction, record.input)
    asking = Asking(record.prompt, limits=Limits(fuses.max_tokens), parts=parts)
    return fuse_top(residence.open_fuser, fuses.fuser, asking, top)


def _verify(
    record: Record, ranking: Ranking | None, fused: Fused | None, compare: Compare, fuser: str
) -> Fused | None:
    if ranking is None or fused is None or not fused.n_candidates:
        return fused
    best = record.candidates[ranking.best]
    texts, authors = (fused.text, best.text), (fuser, best.model)
    if is_better(compare, record.prompt, texts, authors):
        return fused
    return Fused(best.text, why="the ranker finds the fused one worse")


def ranking_record(record: Record, ranking: Ranking | None) -> dict[str, object]:
    """For programs. `best` is the number of a candidate, the first being 1."""
    found: dict[str, object] = {"id": record.id, "models": [c.model for c in record.candidates]}
    if ranking is None:
        return found | {"ranks": [], "best": None, "logits": []}
    ranks = [rank if _is_verdict(ranking, rank) else None for rank in ranking.ranks]
    places = list(ranking.contest.places)
    rows = ranking.logits[np.ix_(places, places)].tolist()
    logits = [[None if np.isnan(value) else value for value in row] for row in rows]
    return found | {"ranks": ranks, "best": ranking.best + 1, "logits": logits}


def ranking_line(record: Record, ranking: Ranking | None) -> str:
    if ranking is None:
        return f"{record.id}: no candidate"
    names = [given.model or str(n) for n, given in enumerate(record.candidates, 1)]
    if ranking.aggregation == "bubble":
        return f"{record.id}: {names[ranking.best]} is the best"
    return f"{record.id}: {order_text(ranking.ranks, names)}"


def _is_verdict(ranking: Ranking, rank: int) -> bool:
    return rank == 1 or ranking.aggregation != "bubble"


def fused_record(record: Record, fused: Fused | None) -> dict[str, object]:
    """For programs. `n_fused` 0: `output` is a candidate itself, or there was none."""
    if fused is None:
        return {"id": record.id, "output": None, "n_fused": 0, "why": "no candidate"}
    return {
        "id": record.id,
        "output": fused.text,
        "n_fused": fused.n_candidates,
        "why": fused.why,
    }


def fused_text(record: Record, fused: Fused | None) -> str:
    if fused is None:
        return f"== {record.id} (no candidate)\n"
    how = f"fused from {fused.n_candidates}" if fused.n_candidates else "not fused"
    why = f": {fused.why}" if fused.why else ""
    return f"== {record.id} ({how}{why})\n{fused.text}"


def _print(record: dict[str, object], text: str, as_json: bool) -> None:
    print(json.dumps(record, ensure_ascii=True) if as_json else visible(text), flush=True)


def _tell_of_empty(records: Sequence[Record], status: Status) -> None:
    n = sum(not record.candidates for record in records)
    if n:
        status.note(f"{n} of {len(records)} records have no candidate")
