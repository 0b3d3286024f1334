"""The head's second output learns from spans of answers which of them are right."""

import numpy as np
import pytest

from fakes import END, ScriptedModel
from localcollab.decoding.triggers import Span
from localcollab.errors import BadData
from localcollab.language_model import Float32Array
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import softmax_gate
from localcollab_convert.export.examples import Example
from localcollab_convert.head.right_spans import (
    Spans,
    area,
    calibration_error,
    collect,
    fit_judge,
    labelled,
    least_right,
    logistic,
    sigmoid,
)

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)


def spans(n: int, *, seed: int = 0, share: float = 0.5) -> Spans:
    """The first column says, with noise, what is right."""
    rng = np.random.default_rng(seed)
    right = rng.random(n) < share
    seen = rng.normal(size=(n, 8)) * 2 + 1
    seen[:, 0] += 4 * right
    return Spans(seen.astype(np.float32), right)


def span(before: str, text: str) -> Span:
    return Span("e", before, text, "", (-0.1,), (-2.0,), np.zeros(4, np.float32))


def test_spans_are_right_up_to_the_first_that_is_not() -> None:
    said = [span("One is", " 60"), span("One is 60 mg,\n two", " 90"), span("x", " y")]
    assert [right for _, right in labelled(said, "One is 60 mg, two 80.")] == [True, False]


def test_a_team_is_asked_and_its_spans_are_labelled() -> None:
    base, expert = ScriptedModel(b"a 6 b 7", name="base"), ScriptedModel(b"a 6 b 9", name="expert")

    def p_defer(hidden: Float32Array) -> Float32Array:
        n_read = base.reads[-1][0]
        rows = range(n_read - len(hidden) + 1, n_read + 1)
        return np.array([[0.9 if at in (3, 7) else 0.1] for at in rows], np.float32)

    team = DeferralTeam("t", base, [expert], softmax_gate(p_defer))
    example = Example("line 1", 0, (0, *b"a 6 b 7", END), ((1, 9),), "", "a 6 b 7")
    found = collect(team, [example], (), lambda: None)
    assert (found.right.tolist(), found.seen.shape) == ([True, False], (2, 8))
    assert found.seen[0, 4:] == pytest.approx([np.log(0.9)] * 4, abs=1e-5)


def test_logistic_regression_is_where_its_gradient_is_zero() -> None:
    x, y = RNG.normal(size=(200, 3)), RNG.random(200) < 0.4
    w, b = logistic(x, y, 2.0)
    rest = sigmoid(x @ w + b) - y
    np.testing.assert_allclose(x.T @ rest + 2.0 * w, 0, atol=1e-5)
    assert rest.sum() == pytest.approx(0, abs=1e-4)


def test_what_is_right_gets_more_and_as_much_as_it_should() -> None:
    judge = fit_judge(spans(400), spans(2000, seed=1, share=0.9))
    test = spans(4000, seed=2, share=0.9)
    p = sigmoid(test.seen @ judge.weight + judge.bias)
    assert area(p, test.right) > 0.9
    assert calibration_error(p, test.right) < 0.03
    assert (~test.right[p < judge.least_right]).mean() > 0.6


def test_without_wrong_answers_nothing_is_learned() -> None:
    with pytest.raises(BadData, match="of 50 spans of validation answers 0 are wrong"):
        fit_judge(spans(50, share=1.1), spans(50))


def test_where_wrong_spans_cannot_be_told_none_is_doubted() -> None:
    assert least_right(np.linspace(0, 1, 100), np.arange(100) % 2 == 0) == 0.0
    p, wrong = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), np.array([1, 1, 1, 0, 0, 0], bool)
    assert least_right(p, ~wrong) == pytest.approx(0.75)  # three of four are wrong


def test_the_area_counts_pairs() -> None:
    p, right = RNG.random(30).round(1), RNG.random(30) < 0.5
    pairs = [(a > b) + (a == b) / 2 for a in p[right] for b in p[~right]]
    assert area(p, right) == pytest.approx(np.mean(pairs))
