"""Chooses the sources to send from the passages found: as many as fit, neighbours joined.

Pure: takes passages and a token counter, returns numbered sources. The best source is number 1, although
it comes last in a prompt, next to the question.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from localcollab.documents.answer.events import SentPassage
from localcollab.documents.records import Hit, Passage

Count = Callable[[str], int]
"""Number of tokens of a text."""
Neighbours = Callable[[Passage], Sequence[Passage]]


def choose_sources(
    hits: Sequence[Hit], budget: int, count: Count, neighbours: Neighbours | None = None
) -> tuple[tuple[SentPassage, ...], int]:
    """Sources numbered by the rank of their best passage, and the number of hits that did not fit.

    `budget`: in tokens. The best hits come first; the rest is filled with their neighbours.
    """
    chosen, left, n_left_out = dict[int, Passage](), budget, 0
    for hit in hits:
        n_tokens = count(hit.passage.text)
        if n_tokens > left:
            n_left_out += 1
            continue
        chosen[hit.passage.id] = hit.passage
        left -= n_tokens
    if neighbours is not None:
        for passage in list(chosen.values()):
            for near in neighbours(passage):
                n_tokens = count(near.text)
                if (
                    _section(near) == _section(passage)
                    and near.id not in chosen
                    and n_tokens <= left
                ):
                    chosen[near.id] = near
                    left -= n_tokens
    ranks = {id_: rank for rank, id_ in enumerate(chosen)}
    runs = sorted(_runs(chosen.values()), key=lambda run: min(ranks[p.id] for p in run))
    return tuple(_joined(run, number) for number, run in enumerate(runs, start=1)), n_left_out


def _runs(passages: Iterable[Passage]) -> list[list[Passage]]:
    """Groups of consecutive passages of one document, page and heading."""
    ordered = sorted(passages, key=lambda p: (p.document.id, p.n))
    # Within a run the passage number grows with the index, so their difference is constant.
    keyed = groupby(enumerate(ordered), key=lambda at: (*_section(at[1]), at[1].n - at[0]))
    return [[passage for _, passage in run] for _, run in keyed]


def _section(passage: Passage) -> tuple[int, int | None, str]:
    """What a source does not cross: one page and one heading apply to all of it."""
    return passage.document.id, passage.page, passage.heading


def _joined(run: Sequence[Passage], number: int) -> SentPassage:
    first = run[0]
    return SentPassage(
        number=number,
        path=str(first.document.path),
        page=first.page,
        heading=first.heading,
        start=first.start,
        end=run[-1].end,
        text="".join(passage.text for passage in run),
        ids=tuple(passage.id for passage in run),
    )
