"""Candidates of one prompt -> a ranking, by comparing them in pairs (LLM-Blender, arXiv:2306.02561).

A ranker is one function: `compare(contest, pairs)` gives a logit for each ordered pair. It is asked
in both orders, and what it says of one order is taken off what it says of the other, so that no
ranker can prefer a place. Which models stand behind a ranker is not known here.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from localcollab.errors import BadOption, RankingFailed
from localcollab.language_model import Float32Array

_LOST = 1e4
"""A logit that no sum of others outweighs."""
Pair = tuple[int, int]
"""Two places in `Contest.candidates`, in the order in which a ranker is to read them."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What is compared: the different answers to one prompt, each once."""

    prompt: str
    candidates: tuple[str, ...]
    counts: tuple[int, ...]
    """How often each was given."""
    authors: tuple[frozenset[str], ...]
    """The models that gave each; empty where nobody said."""
    places: tuple[int, ...]
    """For every answer as it was given: where it stands in `candidates`."""
    confidences: tuple[float, ...] = ()
    """Of each candidate, in nats a token: the highest of those who gave it; empty where nobody said."""


Compare = Callable[[Contest, Sequence[Pair]], Float32Array]
"""`compare(contest, pairs)` -> (n_pairs,): the logit that the first of each pair is the better one."""

Aggregation = Literal["max_logits", "max_wins", "bubble"]
"""max_logits: the largest sum of logits; max_wins: the most comparisons won; bubble: one pass over
the candidates, the better one goes on, N - 1 comparisons, and only the best is known."""


@dataclass(frozen=True, slots=True)
class Ranking:
    contest: Contest
    logits: Float32Array
    """(n, n), antisymmetric: how much row is better than column. NaN where nobody was asked."""
    order: tuple[int, ...]
    """Places in `contest.candidates`, best first; of equals the one that was given first. After
    `bubble` only the first is a verdict, the others stand as they were given."""
    aggregation: Aggregation = "max_logits"

    @property
    def best(self) -> int:
        """Of the answers as they were given."""
        return self.contest.places.index(self.order[0])

    @property
    def ranks(self) -> tuple[int, ...]:
        """1 is the best; for every answer as it was given, identical ones share theirs."""
        return tuple(self.order.index(place) + 1 for place in self.contest.places)


def contest_of(
    prompt: str,
    answers: Sequence[str],
    authors: Sequence[str] = (),
    confidences: Sequence[float] = (),
) -> Contest:
    """`authors`: who gave each answer, `confidences`: how sure they were; none: unknown.

    Raises `BadOption` without an answer."""
    if not answers:
        raise BadOption("there is no candidate to rank: give at least one")
    if authors and len(authors) != len(answers):
        raise BadOption(f"{len(authors)} authors for {len(answers)} candidates: give one for each")
    candidates = tuple(dict.fromkeys(answers))
    places = tuple(candidates.index(answer) for answer in answers)
    given = [[n for n, at in enumerate(places) if at == place] for place in range(len(candidates))]
    by_whom = tuple(frozenset(authors[n] for n in ns if authors) for ns in given)
    sure = tuple(max(confidences[n] for n in ns) for ns in given) if confidences else ()
    return Contest(prompt, candidates, tuple(map(len, given)), by_whom, places, sure)


def check_aggregation(aggregation: str) -> None:
    """Raises `BadOption`."""
    if aggregation not in get_args(Aggregation):
        known = ", ".join(get_args(Aggregation))
        raise BadOption(f"`aggregation` is {aggregation!r}: choose one of {known}")


def compare(prompt: str, a: str, b: str, ranker: Compare) -> float:
    """The logit that `a` is the better answer, asked in both orders; 0 for equal texts."""
    contest = contest_of(prompt, (a, b))
    return 0.0 if a == b else float(compare_both_ways(contest, ranker, [(0, 1)])[0])


def rank(
    prompt: str,
    candidates: Sequence[str],
    ranker: Compare,
    *,
    authors: Sequence[str] = (),
    aggregation: Aggregation = "max_logits",
) -> Ranking:
    """Raises `BadOption` without a candidate, `RankingFailed`, and what the ranker raises."""
    return rank_contest(contest_of(prompt, candidates, authors), ranker, aggregation)


def against_doubted(compare: Compare, doubted: Collection[str]) -> Compare:
    """`compare`, not asked of pairs of which one text is doubted: that one loses."""

    def compared(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        loses = [text in doubted for text in contest.candidates]
        logits = np.array([_LOST * (loses[b] - loses[a]) for a, b in pairs], np.float32)
        asked = [n for n, (a, b) in enumerate(pairs) if loses[a] == loses[b]]
        if asked:
            logits[asked] = compare(contest, [pairs[n] for n in asked])
        return logits

    return compared


def rank_contest(
    contest: Contest, compare: Compare, aggregation: Aggregation = "max_logits"
) -> Ranking:
    """Raises `RankingFailed` where the ranker gives no number, `BadOption`, and what it raises."""
    check_aggregation(aggregation)
    if aggregation == "bubble":
        return _bubble(contest, compare)
    n = len(contest.candidates)
    logits = np.full((n, n), np.nan, np.float32)
    _ask(contest, compare, [(a, b) for a in range(n) for b in range(a + 1, n)], logits)
    scores = (logits if aggregation == "max_logits" else logits > 0).sum(axis=1, dtype=np.float64)
    if aggregation == "max_wins":
        scores = scores + 0.5 * (logits == 0).sum(axis=1)
    return Ranking(contest, logits, _descending(scores), aggregation)


def compare_both_ways(contest: Contest, compare: Compare, pairs: Sequence[Pair]) -> Float32Array:
    """(n_pairs,), antisymmetric: half of what each order says more than the other."""
    asked = [*pairs, *((b, a) for a, b in pairs)]
    if not asked:
        return np.zeros(0, np.float32)
    said = np.asarray(compare(contest, asked), np.float32)
    assert said.shape == (len(asked),), "a ranker gives one number a pair"
    for (a, b), logit in zip(asked, said, strict=True):
        if not np.isfinite(logit):
            raise RankingFailed(
                f"the ranker says {logit} of candidates {a + 1} and {b + 1}, which is no number: use "
                "another ranker, or leave one of them out"
            )
    one_way, other = np.split(said, 2)
    both: Float32Array = (one_way - other) / np.float32(2)
    return both


def _ask(contest: Contest, compare: Compare, pairs: Sequence[Pair], logits: Float32Array) -> None:
    np.fill_diagonal(logits, 0)
    for (a, b), logit in zip(pairs, compare_both_ways(contest, compare, pairs), strict=True):
        logits[a, b], logits[b, a] = logit, -logit


def _bubble(contest: Contest, compare: Compare) -> Ranking:
    n, best = len(contest.candidates), 0
    logits = np.full((n, n), np.nan, np.float32)
    for other in range(1, n):
        _ask(contest, compare, [(best, other)], logits)
        best = other if logits[other, best] > 0 else best
    np.fill_diagonal(logits, 0)
    order = (best, *(place for place in range(n) if place != best))
    return Ranking(contest, logits, order, "bubble")


def _descending(scores: Iterable[float]) -> tuple[int, ...]:
    values = list(scores)
    return tuple(sorted(range(len(values)), key=lambda place: (-values[place], place)))
