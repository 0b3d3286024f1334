"""A file of candidates -> rankings, or fused answers.

Everything is read and checked before the first model is loaded; then each model is loaded once for all
records, and results are yielded as they come.
"""

from collections.abc import Iterator, Sequence

from localcollab.blend.candidates import Asking
from localcollab.blend.fuser import Fused, fuse_top, is_better
from localcollab.blend.mixinstruct import Record, read_all_records
from localcollab.blend.open import reside
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import Compare, Ranking, rank_contest
from localcollab.blend.request import FuseRequest, RankRequest
from localcollab.blend.residence import Residence
from localcollab.catalog import load_catalog
from localcollab.progress import Counted, OnProgress


def rank_file(
    request: RankRequest, on_progress: OnProgress
) -> Iterator[tuple[Record, Ranking | None]]:
    """Record by record; None where there is no candidate. Raises `BadData`, and what ranking raises."""
    records = read_all_records(request.file)
    residence = _reside(request, request.spec.models, on_progress)
    for n, (record, ranking) in enumerate(_rankings(records, request, residence), 1):
        on_progress(Counted("records", n, len(records)))
        yield record, ranking


def fuse_file(
    request: FuseRequest, on_progress: OnProgress
) -> Iterator[tuple[Record, Fused | None]]:
    """Record by record; None where there is no candidate. Raises `BadData`, and what ranking and asking
    raise."""
    ranks = request.ranks
    records = read_all_records(ranks.file)
    residence = _reside(ranks, (*ranks.spec.models, request.fuser), on_progress)
    ranked = list(_rankings(records, ranks, residence))
    results = (_fuse(*pair, request, residence) for pair in ranked)
    if request.verify:
        compare = open_ranker(ranks.spec, residence.open, seed=ranks.seed)
        results = (
            _verify(record, ranking, fused, compare, request.fuser)
            for (record, ranking), fused in zip(ranked, list(results), strict=True)
        )
    for n, (record, fused) in enumerate(zip(records, results, strict=True), 1):
        on_progress(Counted("records", n, len(records)))
        yield record, fused


def _reside(request: RankRequest, names: Sequence[str], on_progress: OnProgress) -> Residence:
    catalog = load_catalog(*request.catalogs)
    names = tuple(dict.fromkeys(names))
    return reside(catalog, names, request.options, on_progress, budget=request.budget)


def _rankings(
    records: Sequence[Record], request: RankRequest, residence: Residence
) -> Iterator[tuple[Record, Ranking | None]]:
    contests = [record.contest for record in records if record.candidates]
    compare = open_ranker(request.spec, residence.open, contests=contests, seed=request.seed)
    for record in records:
        if record.candidates:
            yield record, rank_contest(record.contest, compare, request.aggregation)
        else:
            yield record, None


def _fuse(
    record: Record, ranking: Ranking | None, request: FuseRequest, residence: Residence
) -> Fused | None:
    if ranking is None:
        return None
    top = [ranking.contest.candidates[place] for place in ranking.order[: request.top_k]]
    parts = (record.instruction, record.input)
    asking = Asking(record.prompt, limits=request.limits, parts=parts)
    return fuse_top(residence.open_fuser, request.fuser, asking, top)


def _verify(
    record: Record, ranking: Ranking | None, fused: Fused | None, compare: Compare, fuser: str
) -> Fused | None:
    if ranking is None or fused is None or not fused.n_candidates:
        return fused
    best = record.candidates[ranking.best]
    texts, authors = (fused.text, best.text), (fuser, best.model)
    if is_better(compare, record.prompt, texts, authors):
        return fused
    return Fused(best.text, why="the ranker finds the fused answer worse")
