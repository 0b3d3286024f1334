"""How near answers come to a reference answer: ROUGE-L, by the library `rouge-score`.

The F-measure of the longest common subsequence of words, in lower case and stemmed: 0 to 1. It needs the
extra `rouge`, which is imported when the first answer is scored.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec

from localcollab.blend.candidates import Asking
from localcollab.blend.fuser import Fused, OpenFuser, fuse_top
from localcollab.blend.mixinstruct import Record
from localcollab.blend.ranking import Compare, rank_contest
from localcollab.errors import BadOption

ROUGE_L = "rouge-l"
"""As a measure's name."""


def require_rouge() -> None:
    """Before minutes of measuring. Raises `BadOption`."""
    if find_spec("rouge_score") is None:
        raise BadOption(f"{ROUGE_L} needs rouge-score: pip install 'localcollab[rouge]'")


@cache
def _scorer() -> Callable[[str, str], float]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    return lambda reference, text: float(scorer.score(reference, text)["rougeL"].fmeasure)


def rouge_l(text: str, reference: str) -> float:
    return _scorer()(reference, text)


def scored_by_rouge(records: Iterable[Record]) -> list[Record]:
    """Those with a reference, their candidates' scores being ROUGE-L alone. Raises `BadOption`."""
    require_rouge()
    found = [_scored(record, record.output) for record in records if record.output]
    if not found:
        raise BadOption(
            f'{ROUGE_L} compares with a reference, and no record has one: add "output" to them'
        )
    return found


def _scored(record: Record, reference: str) -> Record:
    candidates = (
        replace(given, scores={ROUGE_L: rouge_l(given.text, reference)})
        for given in record.candidates
    )
    return replace(record, candidates=tuple(candidates))


def rouge_of_fused(
    records: Sequence[Record],
    compare: Compare,
    open_fuser: OpenFuser,
    fuser: str,
    *,
    top_k: int,
    on_progress: Callable[[int, int], None],
) -> tuple[list[float], int]:
    """Of what `fuser` makes of each record's best candidates, in the order of `compare`.

    And how many were fused: where nothing can be, the best candidate stands for it. Raises what asking
    raises.
    """
    scores, n_fused = list[float](), 0
    for n, record in enumerate(records, 1):
        ranking = rank_contest(record.contest, compare)
        top = [ranking.contest.candidates[place] for place in ranking.order[:top_k]]
        asking = Asking(record.prompt, parts=(record.instruction, record.input))
        fused: Fused = fuse_top(open_fuser, fuser, asking, top)
        n_fused += fused.n_candidates > 0
        assert record.output is not None, "records without a reference were left out"
        scores.append(rouge_l(fused.text, record.output))
        on_progress(n, len(records))
    return scores, n_fused
