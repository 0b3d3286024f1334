"""Rankers measured on records with known scores: against brute force, and on real preferences."""

from collections.abc import Sequence

import numpy as np
import pytest

from conftest import fixture_file
from localcollab.blend.mixinstruct import Given, Record, read_records
from localcollab.blend.rankers import longest
from localcollab.blend.ranking import Compare, Contest, Pair
from localcollab.errors import BadOption
from localcollab.evaluation.rankers import (
    choose_measure,
    evaluate_rankers,
    spearman,
    usable,
)
from localcollab.language_model import Float32Array


def record(name: str, **scores: float) -> Record:
    """Candidates m, n, ... whose texts are their scores."""
    given = (Given(f"{name} {score}", model, {"q": score}) for model, score in scores.items())
    return Record(name, name, tuple(given))


RECORDS = [
    record("a", m=0.1, n=0.5, o=0.9),
    record("b", m=0.8, n=0.8, o=0.2),
    record("c", m=0.3, n=0.3, o=0.3),
]


def reader(sign: float) -> Compare:
    """Reads the score in the text."""

    def compare(contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        scores = [float(text.split()[-1]) * sign for text in contest.candidates]
        return np.array([scores[a] - scores[b] for a, b in pairs], np.float32)

    return compare


def test_a_perfect_ranker_is_the_oracle_and_its_opposite_is_wrong_everywhere() -> None:
    rows = {
        row.name: row
        for row in evaluate_rankers(RECORDS, {"right": reader(1), "wrong": reader(-1)}, "q")
    }
    values = {name: (row.score.value, row.wins.value) for name, row in rows.items()}
    best = "best single model (n)"
    assert values == {  # type: ignore[comparison-overlap]
        "right": (pytest.approx(2 / 3), pytest.approx(2 / 3)),
        "wrong": (pytest.approx(0.6 / 3), pytest.approx(0.5 / 3)),
        best: (pytest.approx(1.6 / 3), pytest.approx(0.5)),
        "chance": (pytest.approx(1.4 / 3), pytest.approx((0.5 + 1 / 3 + 0.5) / 3)),
        "oracle": (pytest.approx(2 / 3), pytest.approx(2 / 3)),
    }
    right, wrong = rows["right"], rows["wrong"]
    assert right.pairs and wrong.pairs and right.correlation and wrong.correlation  # noqa: PT018
    assert (right.pairs.value, wrong.pairs.value) == (1, 0)
    assert (right.correlation.value, wrong.correlation.value) == (1, -1)
    assert rows["oracle"].pairs is None


def test_intervals_hold_the_value_and_come_from_the_seed() -> None:
    many = [record(str(n), m=(n * 7 % 10) / 10, n=(n * 3 % 10) / 10) for n in range(40)]
    first, again, other = (
        evaluate_rankers(many, {"longest": longest()}, "q", seed=seed)[0] for seed in (0, 0, 1)
    )
    assert first == again != other
    assert first.score.low < first.score.value < first.score.high


def test_rank_correlation_shares_the_ranks_of_equal_values() -> None:
    # By hand: ranks (0, 1.5, 1.5, 3) and (0, 1, 2, 3).
    assert spearman(np.array([1, 5, 5, 9]), np.array([1, 2, 3, 4])) == pytest.approx(
        4.5 / np.sqrt(4.5 * 5)
    )
    assert np.isnan(spearman(np.array([1, 1]), np.array([1, 2])))


def test_records_that_cannot_tell_are_left_out() -> None:
    one = Record("x", "x", (Given("t", "m", {"q": 1}),))
    unscored = Record("y", "y", (Given("t", "m", {"q": 1}), Given("u", "n")))
    assert usable([*RECORDS, one, unscored], "q") == RECORDS
    with pytest.raises(BadOption, match="no record has two candidates"):
        evaluate_rankers([], {}, "q")


def test_a_measure_is_chosen_where_there_are_several() -> None:
    two = Record("x", "x", (Given("t", "m", {"bleu": 1, "rouge": 2}),))
    assert choose_measure(RECORDS, None) == "q"
    with pytest.raises(BadOption, match="no candidate of the data has a score"):
        choose_measure([], None)
    assert choose_measure([two], "rouge") == "rouge"
    for measure in (None, "bert"):
        with pytest.raises(BadOption, match=rf"`measure` is {measure}: .*\(bleu, rouge\)"):
            choose_measure([two], measure)


def test_length_orders_two_thirds_of_real_preferences() -> None:
    path = fixture_file("data", "alpaca_eval_12_models.jsonl.gz")
    records = usable(read_records(path), "preference")
    rows = {
        row.name: row for row in evaluate_rankers(records, {"longest": longest()}, "preference")
    }
    pairs = rows["longest"].pairs
    assert pairs is not None
    assert (len(records), round(pairs.value, 3)) == (805, 0.662)
    means = {name.split(" (")[0]: round(row.score.value, 3) for name, row in rows.items()}
    assert means == {"longest": 0.037, "best single model": 0.058, "chance": 0.033, "oracle": 0.129}
