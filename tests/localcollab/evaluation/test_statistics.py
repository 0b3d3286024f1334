"""The statistics, against enumerations and closed forms."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from localcollab.evaluation.statistics import (
    bootstrap,
    clopper_pearson,
    discordant,
    highest_gain,
    paired_p_value,
    questions_needed,
    sign_test,
    wilson_interval,
)


def test_the_interval_holds_the_share_and_its_ends_solve_wilsons_equation() -> None:
    for n_right, n in [(0, 10), (3, 10), (10, 10), (883, 900)]:
        share = n_right / n
        for end in wilson_interval(n_right, n):
            # Wilson's ends are where |share - p| is 1.96 standard errors of p.
            if 0 < end < 1:
                assert abs(share - end) == pytest.approx(1.96 * (end * (1 - end) / n) ** 0.5)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_the_paired_test_counts_every_flip_of_the_pairs_that_differ() -> None:
    ours, theirs = [True] * 6 + [False, True], [False] * 5 + [True, True, True]
    wins, losses = 5, 1
    flips = [sum(flip) for flip in itertools.product((0, 1), repeat=wins + losses)]
    extreme = sum(abs(k - 3) >= abs(wins - 3) for k in flips) / len(flips)
    assert paired_p_value(ours, theirs) == pytest.approx(extreme)
    assert paired_p_value([True, False], [True, False]) == 1.0


def _binomial(n: int, p: Fraction) -> list[Fraction]:
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


@pytest.mark.parametrize(("n_hits", "n"), [(0, 7), (1, 7), (3, 10), (10, 10), (12, 40)])
def test_beyond_the_ends_of_the_exact_interval_lies_a_fortieth(n_hits: int, n: int) -> None:
    low, high = clopper_pearson(n_hits, n)
    if n_hits:
        assert float(sum(_binomial(n, Fraction(low))[n_hits:])) == pytest.approx(0.025)
    if n_hits < n:
        assert float(sum(_binomial(n, Fraction(high))[: n_hits + 1])) == pytest.approx(0.025)
    assert (low == 0) == (n_hits == 0)
    assert (high == 1) == (n_hits == n)


def test_the_exact_interval_covers_at_every_share() -> None:
    n = 12
    intervals = [clopper_pearson(k, n) for k in range(n + 1)]
    for step in range(1, 40):
        p = Fraction(step, 40)
        covers = sum(
            mass
            for mass, (low, high) in zip(_binomial(n, p), intervals, strict=True)
            if low <= p <= high
        )
        assert covers >= Fraction(95, 100)


def test_thousands_of_questions_do_not_leave_the_range_of_a_float() -> None:
    low, high = clopper_pearson(2500, 5000)
    assert 0.485 < low < 0.4865
    assert 0.5135 < high < 0.515


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (5, 5), (9, 1), (2, 11)])
def test_the_sign_test_counts_splits_at_least_as_uneven(wins: int, losses: int) -> None:
    n = wins + losses
    splits = [sum(coins) for coins in itertools.product((0, 1), repeat=n)]
    uneven = sum(abs(2 * k - n) >= abs(wins - losses) for k in splits)
    assert sign_test(wins, losses) == pytest.approx(uneven / len(splits))


def test_discordant_pairs_are_counted_by_side() -> None:
    assert discordant([True, True, False, False], [True, False, True, True]) == (1, 2)


def _misses(n: int, p_win: float, p_loss: float, trials: int) -> float:
    """The share of samples in which the bound lies below the gain that they were drawn with."""
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(n, [p_win, p_loss, 1 - p_win - p_loss], size=trials)
    return float(np.mean([highest_gain(a, b, n) < p_win - p_loss for a, b, _ in drawn.tolist()]))


@pytest.mark.parametrize(("p_win", "p_loss"), [(0.1, 0.1), (0.2, 0.05), (0.05, 0.3), (0.02, 0.0)])
def test_the_bound_of_a_gain_is_missed_in_about_a_twentieth(p_win: float, p_loss: float) -> None:
    assert _misses(120, p_win, p_loss, 2000) <= 0.075


def test_two_that_never_differ_need_fewer_questions_the_more_there_were() -> None:
    assert highest_gain(0, 0, 20) > 0.05 > highest_gain(0, 0, 400)
    assert questions_needed(0, 0, 400, 0.03) < questions_needed(0, 0, 20, 0.03)


def test_so_many_more_questions_tell_a_gain_with_a_power_of_four_fifths() -> None:
    wins, losses, n = 24, 12, 100
    total = n + questions_needed(wins, losses, n, worth=0.0)
    rng = np.random.default_rng(1)
    shares = [wins / n, losses / n, 1 - (wins + losses) / n]
    found = [
        sign_test(a, b) < 0.05 for a, b, _ in rng.multinomial(total, shares, size=600).tolist()
    ]
    assert 0.72 <= np.mean(found) <= 0.88


def test_a_bootstrap_interval_is_that_of_the_normal_for_many_values() -> None:
    values = np.random.default_rng(2).random(4000)
    found = bootstrap(values.tolist())
    spread = 1.96 * values.std() / math.sqrt(len(values))
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - spread, rel=0.01)
    assert found.high == pytest.approx(values.mean() + spread, rel=0.01)
    assert bootstrap(values.tolist()) == found
