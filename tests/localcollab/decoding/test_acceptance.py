import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcollab.decoding.acceptance import Acceptance, best_depth, least_rate

rates = st.lists(st.floats(0.1, 1), min_size=1, max_size=6)


def test_without_evidence_the_prior_holds() -> None:
    assert Acceptance([0.3, 0.8]).rates == [0.3, 0.8]


def test_evidence_moves_its_own_class_only() -> None:
    table = Acceptance([0.5, 0.5])
    for _ in range(92):
        table.add(1, is_hit=True)
    assert table.rates == [0.5, pytest.approx(0.96)]


def test_a_faded_failure_is_tried_again() -> None:
    table = Acceptance([0.85])
    for _ in range(40):
        table.add(0, is_hit=False)
    failed = table.rates[0]
    for _ in range(8):
        table.fade()
    assert failed < 0.2
    assert table.rates[0] > 0.8


def test_what_changes_is_followed() -> None:
    table = Acceptance([0.5])
    for is_hit in [False] * 1000 + [True] * 300:
        table.add(0, is_hit=is_hit)
    assert table.rates[0] > 0.6


def test_a_copy_learns_apart() -> None:
    table = Acceptance([0.5])
    other = table.copy()
    other.add(0, is_hit=True)
    assert table.rates == [0.5]


@given(
    rates=rates,
    more=st.lists(st.floats(0.05, 1.2), min_size=7, max_size=7),
    price=st.floats(0, 1),
)
def test_the_depth_is_the_fastest_of_all(
    rates: list[float], more: list[float], price: float
) -> None:
    costs = [0.0, *itertools.accumulate(more, initial=1.0)]

    def speed(depth: int) -> float:
        written = 1 + sum(itertools.accumulate(rates[:depth], lambda a, b: a * b))
        return written / (costs[depth + 1] + depth * price)

    depth, found = best_depth(rates, costs, price)
    assert found == pytest.approx(speed(depth))
    # It looks no further than where a token is accepted once in twenty times.
    assert found >= 0.95 * max(speed(n) for n in range(len(rates) + 1))


def test_nothing_is_proposed_where_nothing_gains() -> None:
    assert best_depth([0.5] * 8, [0.0, *range(1, 10)]) == (0, 1.0)


@given(
    rates=rates,
    more=st.lists(st.floats(0.05, 1.2), min_size=7, max_size=7),
    speed=st.floats(1, 2),
)
def test_below_the_least_rate_no_depth_is_fast_enough(
    rates: list[float], more: list[float], speed: float
) -> None:
    costs = [0.0, *itertools.accumulate(more, initial=1.0)]
    _, found = best_depth(rates, costs)
    assert found <= speed or rates[0] >= least_rate(costs, speed) - 1e-9
