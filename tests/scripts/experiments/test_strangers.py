"""What is said of two strangers' scores, on numbers that are known."""

import numpy as np
import pytest

from strangers import Window, alone_nats, best_weight, bits, difference, mixture_nats, oracle_nats

LOGPROBS = np.log(np.array([[0.5, 0.125], [0.25, 0.5]], np.float32))
GOES_ON = np.log(np.array([[1.0, 0.5], [0.5, 1.0]], np.float32))
WINDOW = Window(
    "pep", 0, 4, LOGPROBS, GOES_ON, np.zeros((2, 2), bool), np.zeros((2, 3), np.float32)
)


def test_a_member_alone_has_its_words_and_its_own_opinion_of_the_end() -> None:
    assert alone_nats(WINDOW, 0) == pytest.approx(-np.log(0.5 * 0.25 * 0.5))
    assert alone_nats(WINDOW, 1) == pytest.approx(-np.log(0.125 * 0.5 * 0.5))


def test_the_mixture_is_the_mean_of_the_words() -> None:
    expected = -np.log(0.3125 * 0.375 * 0.5)
    assert mixture_nats(WINDOW, 0.5) == pytest.approx(expected)
    assert mixture_nats(WINDOW, np.array([0.5, 0.5])) == pytest.approx(expected)
    assert mixture_nats(WINDOW, 1e-9) == pytest.approx(alone_nats(WINDOW, 0))


def test_the_oracle_takes_the_better_member_of_each_word() -> None:
    assert oracle_nats(WINDOW) == pytest.approx(-np.log(0.5 * 0.5 * 0.5))


def test_the_best_weight_is_the_best_of_a_fine_grid() -> None:
    grid = np.linspace(0.001, 0.999, 999)
    finest = min(grid, key=lambda w: mixture_nats(WINDOW, w))
    assert best_weight([WINDOW]) == pytest.approx(finest, abs=0.02)


def test_bits_are_of_all_bytes_together() -> None:
    assert bits([4 * np.log(2), 0.0], [WINDOW, WINDOW]) == pytest.approx(0.5)


def test_a_constant_difference_has_no_spread() -> None:
    assert difference([0.9, 1.8], [1.0, 2.0]) == "-10.0% (-10.0% to -10.0%)"
