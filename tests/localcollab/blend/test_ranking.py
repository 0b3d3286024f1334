"""Rankings against brute force: both orders asked, exactly antisymmetric, ties by place."""

import itertools
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcollab.blend.ranking import (
    Aggregation,
    Compare,
    Contest,
    Pair,
    compare_both_ways,
    contest_of,
    rank_contest,
)
from localcollab.errors import BadOption, RankingFailed
from localcollab.language_model import Float32Array


def table(logits: np.ndarray, asked: list[Pair] | None = None) -> Compare:
    """A ranker that says what a matrix holds."""

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        if asked is not None:
            asked.extend(pairs)
        return np.array([logits[pair] for pair in pairs], np.float32)

    return compare


def letters(n: int) -> Contest:
    return contest_of("q", [chr(97 + i) for i in range(n)])


# Whole numbers, so that ties happen and sums are exact.
matrices = st.integers(1, 7).flatmap(
    lambda n: st.lists(st.integers(-3, 3), min_size=n * n, max_size=n * n).map(
        lambda values: np.array(values, np.float32).reshape(n, n)
    )
)


@given(matrices)
@settings(max_examples=60, deadline=None)
def test_aggregations_equal_brute_force_on_random_matrices(raw: np.ndarray) -> None:
    n = len(raw)
    sums = [sum(raw[i, j] - raw[j, i] for j in range(n) if j != i) for i in range(n)]
    wins = [
        sum((raw[i, j] > raw[j, i]) + 0.5 * (raw[i, j] == raw[j, i]) for j in range(n) if j != i)
        for i in range(n)
    ]
    for aggregation, scores in (("max_logits", sums), ("max_wins", wins)):
        expected = [place for _, place in sorted((-score, i) for i, score in enumerate(scores))]
        found = rank_contest(letters(n), table(raw), aggregation)  # type: ignore[arg-type]
        assert list(found.order) == expected


@given(matrices)
@settings(max_examples=40, deadline=None)
def test_bubble_asks_one_pair_less_than_there_are_candidates(raw: np.ndarray) -> None:
    asked: list[Pair] = []
    found = rank_contest(letters(len(raw)), table(raw, asked), "bubble")
    best = 0
    for other in range(1, len(raw)):
        best = other if raw[other, best] > raw[best, other] else best
    assert found.best == best
    assert len({frozenset(pair) for pair in asked}) == len(raw) - 1
    assert len(asked) == 2 * (len(raw) - 1)


@given(matrices)
@settings(max_examples=20, deadline=None)
def test_logits_are_exactly_antisymmetric(raw: np.ndarray) -> None:
    raw = raw + np.random.default_rng(0).normal(size=raw.shape).astype(np.float32)
    logits = rank_contest(letters(len(raw)), table(raw)).logits
    assert (logits == -logits.T).all()


def test_all_pairs_are_asked_in_both_orders_in_one_call() -> None:
    calls: list[list[Pair]] = []

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        calls.append(list(pairs))
        return np.zeros(len(pairs), np.float32)

    rank_contest(letters(4), compare)
    assert len(calls) == 1
    assert sorted(calls[0]) == sorted(itertools.permutations(range(4), 2))


def test_a_ranker_that_prefers_the_first_place_prefers_nobody() -> None:
    def first_is_better(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        return np.full(len(pairs), 5, np.float32)

    found = rank_contest(letters(3), first_is_better)
    assert (found.logits == 0).all()
    assert found.order == (0, 1, 2)


def test_identical_answers_are_compared_once_and_share_a_rank() -> None:
    contest = contest_of("q", ["b", "a", "b"], ["m", "n", "o"])
    assert contest == Contest(
        "q", ("b", "a"), (2, 1), (frozenset({"m", "o"}), frozenset({"n"})), (0, 1, 0)
    )
    asked: list[Pair] = []
    found = rank_contest(contest, table(np.array([[0, -1], [1, 0]]), asked))
    assert (found.ranks, found.best, len(asked)) == ((2, 1, 2), 1, 2)


def test_one_candidate_is_the_best_and_nobody_is_asked() -> None:
    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        raise AssertionError

    for aggregation in get_args(Aggregation):
        assert rank_contest(letters(1), compare, aggregation).ranks == (1,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_ranker_that_gives_no_number_is_named(value: float) -> None:
    raw = np.array([[0, 1], [value, 0]], np.float32)
    with pytest.raises(RankingFailed, match=f"says {value} of candidates 2 and 1"):
        compare_both_ways(letters(2), table(raw), [(0, 1)])


def test_without_a_candidate_there_is_nothing_to_rank() -> None:
    with pytest.raises(BadOption, match="no candidate to rank"):
        contest_of("q", [])


def test_authors_are_one_for_each_candidate() -> None:
    with pytest.raises(BadOption, match="1 authors for 2 candidates"):
        contest_of("q", ["a", "b"], ["m"])


def test_an_unknown_aggregation_is_refused_by_name() -> None:
    with pytest.raises(BadOption, match="'mean': choose one of max_logits, max_wins, bubble"):
        rank_contest(letters(2), table(np.zeros((2, 2))), "mean")  # type: ignore[arg-type]
