"""How good rankers are on answers whose scores are known: data in MixInstruct form.

Every ranker is shown beside the best single model, chance, and the oracle that always picks the best.
Intervals are 95 %, by bootstrap over the records: pairs of one record are not independent.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from localcollab.blend.mixinstruct import Record, read_all_records
from localcollab.blend.open import reside
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import Compare, rank_contest
from localcollab.blend.residence import Residence
from localcollab.catalog import load_catalog
from localcollab.catalog.methods import TOP_K
from localcollab.errors import BadOption
from localcollab.evaluation.references import ROUGE_L, rouge_of_fused, scored_by_rouge
from localcollab.evaluation.request import RankerRequest
from localcollab.evaluation.statistics import Measured
from localcollab.llama.options import Options
from localcollab.progress import Counted, OnProgress

_N_RESAMPLES = 1000
OnCount = Callable[[int, int], None]
"""`on_count(done, total)`"""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to pick an answer. None: it gives no order, or no record can tell."""

    name: str
    score: Measured
    """Mean of what it picked."""
    wins: Measured
    """Share of records where what it picked is better than the best single model's; a tie is half."""
    pairs: Measured | None = None
    """Of the pairs with different scores: the share that it orders rightly; a tie is half."""
    correlation: Measured | None = None
    """Spearman's, mean over the records whose scores differ."""


@dataclass(frozen=True, slots=True)
class RankerEvaluation:
    measure: str
    n: int
    n_left_out: int
    seed: int
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Picks:
    """What one way did, by record."""

    scores: np.ndarray
    wins: np.ndarray
    n_pairs: np.ndarray | None = None
    n_right: np.ndarray | None = None
    correlations: np.ndarray | None = None
    """NaN where all scores are the same."""


def measure_rankers(request: RankerRequest, on_progress: OnProgress) -> RankerEvaluation:
    """Raises `BadData`, `BadOption`, and what opening and asking raise."""
    specs = request.specs
    everything = [record for path in request.data for record in read_all_records(path)]
    measure, records = _scored_records(request, everything)
    records = records[: request.limit]
    names = [name for spec in specs for name in spec.models]
    names += [request.fuser] if request.fuser else []
    residence = reside(
        load_catalog(*request.catalogs), dict.fromkeys(names), Options(), on_progress, budget=None
    )
    rows = _rows(request, records, measure, residence, on_progress)
    return RankerEvaluation(
        measure, len(records), len(everything) - len(records), request.seed, rows
    )


def _scored_records(request: RankerRequest, records: Sequence[Record]) -> tuple[str, list[Record]]:
    """The measure, and the records that have it. Raises `BadOption`."""
    if request.fuser or request.measure == ROUGE_L:
        return ROUGE_L, usable(scored_by_rouge(records), ROUGE_L)
    measure = choose_measure(records, request.measure)
    return measure, usable(records, measure)


def _rows(
    request: RankerRequest,
    records: Sequence[Record],
    measure: str,
    residence: Residence,
    on_progress: OnProgress,
) -> list[Row]:
    contests, seed = [record.contest for record in records], request.seed
    opened = {
        str(spec): open_ranker(spec, residence.open, contests=contests, seed=seed)
        for spec in request.specs
    }
    fused: dict[str, list[float]] = {}
    if request.fuser:
        scores, n_fused = rouge_of_fused(
            records, next(iter(opened.values())), residence.open_fuser, request.fuser, top_k=TOP_K,
            on_progress=lambda done, n: on_progress(Counted("fusing", done, n)),
        )  # fmt: skip
        fused[f"fused by {request.fuser} ({n_fused} of {len(records)})"] = scores
    return evaluate_rankers(
        records, opened, measure, seed=seed, others=fused,
        on_progress=lambda done, n: on_progress(Counted("ranking", done, n)),
    )  # fmt: skip


def choose_measure(records: Sequence[Record], measure: str | None) -> str:
    """The one asked for, or the only one there is. Raises `BadOption`."""
    known = sorted({name for r in records for given in r.candidates for name in given.scores})
    if measure is None and len(known) == 1:
        return known[0]
    if measure in known:
        return str(measure)
    if not known:
        raise BadOption('no candidate of the data has a score: add "scores" to them')
    shown = ", ".join(known)
    raise BadOption(f"`measure` is {measure}: choose one of those in the data ({shown})")


def usable(records: Iterable[Record], measure: str) -> list[Record]:
    """Records with two or more candidates, all of them scored."""
    return [
        record
        for record in records
        if len(record.candidates) > 1 and all(measure in c.scores for c in record.candidates)
    ]


def evaluate_rankers(
    records: Sequence[Record],
    rankers: Mapping[str, Compare],
    measure: str,
    *,
    seed: int = 0,
    on_progress: OnCount | None = None,
    others: Mapping[str, Sequence[float]] | None = None,
) -> list[Row]:
    """The rankers, then best single model, chance and oracle. Raises `BadOption` without a record.

    `others`: scores of answers that are none of the candidates, by way and record; they come first.
    """
    if not records:
        raise BadOption(
            f"no record has two candidates or more with the score {measure!r}: add some"
        )
    scores = [np.array([c.scores[measure] for c in record.candidates]) for record in records]
    name, of_best = best_model(records, measure)
    found = {
        way: Picks(np.array(values), _beats(np.array(values), of_best))
        for way, values in (others or {}).items()
    }
    found |= {
        ranker: _ask(records, scores, of_best, compare, on_progress)
        for ranker, compare in rankers.items()
    }
    wins = [_beats(values, best) for values, best in zip(scores, of_best, strict=True)]
    most = np.array([values.max() for values in scores])
    own = f"best single model ({name})" if name else "first candidate"
    found[own] = Picks(of_best, _beats(of_best, of_best))
    found["chance"] = Picks(
        np.array([values.mean() for values in scores]), np.array([row.mean() for row in wins])
    )
    found["oracle"] = Picks(most, _beats(most, of_best))
    samples = np.random.default_rng(seed).integers(0, len(records), (_N_RESAMPLES, len(records)))
    return [_row(way, picks, samples) for way, picks in found.items()]


def best_model(records: Sequence[Record], measure: str) -> tuple[str, np.ndarray]:
    """The model that answered every record and has the best mean, and its scores; the first answers
    where the data names none."""
    by_model: dict[str, list[float]] = {}
    for record in records:
        for given in record.candidates:
            by_model.setdefault(given.model, []).append(given.scores[measure])
    whole = {m: s for m, s in by_model.items() if m and len(s) == len(records)}
    if not whole:
        return "", np.array([record.candidates[0].scores[measure] for record in records])
    name = max(whole, key=lambda model: np.mean(whole[model]))
    return name, np.array(whole[name])


def _ask(
    records: Sequence[Record],
    scores: Sequence[np.ndarray],
    of_best: np.ndarray,
    compare: Compare,
    on_progress: OnCount | None,
) -> Picks:
    rows = []
    for n, (record, values) in enumerate(zip(records, scores, strict=True), 1):
        ranking = rank_contest(record.contest, compare)
        strength = ranking.logits.sum(axis=1, dtype=np.float64)[list(record.contest.places)]
        rows.append((values[ranking.best], *_pairs(strength, values), spearman(strength, values)))
        if on_progress:
            on_progress(n, len(records))
    picked, n_pairs, n_right, correlations = np.array(rows, np.float64).T
    return Picks(picked, _beats(picked, of_best), n_pairs, n_right, correlations)


def _beats(scores: np.ndarray, best: np.ndarray | float) -> np.ndarray:
    return np.where(scores == best, 0.5, scores > best)


def _pairs(strength: np.ndarray, values: np.ndarray) -> tuple[int, float]:
    """(pairs whose scores differ, those of them that are ordered rightly)."""
    upper = np.triu_indices(len(values), 1)
    truth = np.sign(values[:, None] - values[None, :])[upper]
    said = np.sign(strength[:, None] - strength[None, :])[upper]
    agreement = np.where(said == 0, 0.5, said == truth)
    return int((truth != 0).sum()), float(agreement[truth != 0].sum())


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of the ranks, equal values sharing theirs; NaN where one is constant."""
    a, b = (_mean_ranks(values) for values in (one, other))
    a, b = a - a.mean(), b - b.mean()
    length = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / length) if length > 0 else float("nan")


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    below = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    ranks: np.ndarray = below + (equal - 1) / 2
    return ranks


def _row(name: str, picks: Picks, samples: np.ndarray) -> Row:
    ones = np.ones(len(picks.scores))
    row = Row(name, _measured(picks.scores, ones, samples), _measured(picks.wins, ones, samples))
    if picks.n_right is None or picks.n_pairs is None or picks.correlations is None:
        return row
    known = np.isfinite(picks.correlations)
    correlation = np.where(known, picks.correlations, 0)
    return Row(
        name, row.score, row.wins,
        _measured(picks.n_right, picks.n_pairs, samples) if picks.n_pairs.any() else None,
        _measured(correlation, known, samples) if known.any() else None,
    )  # fmt: skip


def _measured(total: np.ndarray, n: np.ndarray, samples: np.ndarray) -> Measured:
    """Ratio of sums over the records, and over resamples of them."""
    counts = n[samples].sum(axis=1)
    ratios = total[samples].sum(axis=1)[counts > 0] / counts[counts > 0]
    low, high = np.percentile(ratios, [2.5, 97.5])
    return Measured(float(total.sum() / n.sum()), float(low), float(high))


def as_json(found: RankerEvaluation) -> str:
    return json.dumps(asdict(found), indent=1)


def as_table(found: RankerEvaluation) -> str:
    """For a terminal: one row per way to pick an answer."""
    width = max(len(row.name) for row in found.rows)
    heads = ("mean score", "beats best model", "pairs right", "rank correlation")
    lines = [f"{'':{width}}  " + "  ".join(f"{head:22}" for head in heads)]
    for row in found.rows:
        cells = map(_cell, (row.score, row.wins, row.pairs, row.correlation))
        lines.append(f"{row.name:{width}}  " + "  ".join(f"{cell:22}" for cell in cells))
    left = found.n_left_out
    why = f"; {left} left out (limit, scores, or fewer than two candidates)" if left else ""
    lines.append(f"measure: {found.measure}; records: {found.n}{why}; 95 % intervals by record")
    return "\n".join(line.rstrip() for line in lines)


def _cell(found: Measured | None) -> str:
    return "" if found is None else f"{found.value:.3f} ({found.low:.3f} .. {found.high:.3f})"
