"""The head's second output: was this span right? A logistic regression on spans of validation answers.

The labels are self-made: the team answers, greedily and drawn, and a span is right while the answer is a
beginning of the reference; the first one that is not is wrong, and what follows it says nothing. Half of
the questions train the weights; greedy answers to the other half calibrate them and choose the
probability below which a span is doubted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.second_thoughts import Doubts
from localcollab.decoding.triggers import Span, Trigger
from localcollab.errors import BadData
from localcollab.language_model import Float32Array
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.right_spans import features
from localcollab_convert.export.examples import Example

DRAWN = (0, 1, 2)
"""Seeds of the drawn answers to each training question."""
TEMPERATURE = 1.5
"""Drawn answers are wrong more often than greedy ones."""
PENALTY = 10.0
"""L2, on standardized features."""
PRECISION, LEAST_DOUBTED = 0.75, 3
"""Of the spans that are doubted so many must be wrong, of so many at least; else none is doubted."""
_LEAST_OF_EACH = 5
_MOST_STEPS = 50


class Spans(NamedTuple):
    seen: Float32Array
    """(n, n_embd + 4)"""
    right: np.ndarray
    """(n,) bool"""


@dataclass(frozen=True, slots=True)
class Judge:
    """The tensors of the second output, and how good it is."""

    weight: Float32Array
    bias: Float32Array
    least_right: float
    metrics: dict[str, float]


def collect(
    team: DeferralTeam,
    examples: Sequence[Example],
    drawn: Sequence[int],
    on_answer: Callable[[], None],
) -> Spans:
    """Spans of greedy answers, and of one answer for every seed in `drawn`."""
    found: list[tuple[Float32Array, bool]] = []
    for example in examples:
        for sampling in (Sampling(), *(Sampling(TEMPERATURE, seed=seed) for seed in drawn)):
            found += _spans(team, example, sampling)
            on_answer()
    if not found:
        return Spans(np.zeros((0, 1), np.float32), np.zeros(0, bool))
    return Spans(np.stack([seen for seen, _ in found]), np.array([right for _, right in found]))


def _spans(
    team: DeferralTeam, example: Example, sampling: Sampling
) -> list[tuple[Float32Array, bool]]:
    assert example.gold is not None
    spans: list[Span] = []

    def note(span: Span) -> None:
        spans.append(span)

    members = (team.base.name, *(expert.name for expert in team.experts))
    doubts = Doubts((Trigger("collect", note, n_ahead=1),), members)
    start, end = example.answers[-1]
    limits = Limits(max_tokens=2 * (end - start) + 8)
    for _ in generate(team, example.tokens[:start], sampling, limits, second_thoughts=doubts):
        pass
    return labelled(spans, example.gold)


def labelled(spans: Sequence[Span], gold: str) -> list[tuple[Float32Array, bool]]:
    """(features, is right) of each span up to the first wrong one."""
    found = []
    for span in spans:
        said, seen = " ".join((span.before + span.text).split()), features(span)
        right = " ".join(gold.split()).startswith(said)
        if seen is not None:
            found.append((seen, right))
        if not right:
            break
    return found


def fit_judge(train: Spans, valid: Spans) -> Judge:
    """Raises `BadData` where the training answers are all right, or all wrong."""
    n_wrong = int((~train.right).sum())
    if min(n_wrong, int(train.right.sum())) < _LEAST_OF_EACH:
        raise BadData(
            f"of {len(train.right)} spans of validation answers {n_wrong} are wrong, which teaches "
            f"nothing about right and wrong: give more validation data, {_LEAST_OF_EACH} of each"
        )
    mean, std = train.seen.mean(axis=0), train.seen.std(axis=0)
    std[std < 1e-6] = 1.0
    weight, bias = logistic((train.seen - mean) / std, train.right, PENALTY)
    weight, bias = weight / std, bias - float((weight / std) @ mean)
    z = valid.seen @ weight + bias
    scale, shift = platt(z, valid.right)
    p = sigmoid(scale * z + shift)
    crossed = np.concatenate([
        _scaled_by(z[1::2], valid.right[1::2], z[::2]), _scaled_by(z[::2], valid.right[::2], z[1::2]),
    ])  # fmt: skip
    right = np.concatenate([valid.right[::2], valid.right[1::2]])
    metrics = {
        "spans": float(len(p)), "wrong spans": float((~valid.right).sum()),
        "span AUC": area(p, valid.right), "span ECE": calibration_error(crossed, right),
    }  # fmt: skip
    least = least_right(p, valid.right)
    return Judge(
        (scale * weight).astype(np.float32),
        np.array([scale * bias + shift], np.float32),
        least,
        metrics,
    )


def platt(z: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """(scale, shift) of logits: drawn answers are wrong more often than those that are given. (1, 0)
    where too few are right or wrong."""
    if min(right.sum(), (~right).sum()) < _LEAST_OF_EACH:
        return 1.0, 0.0
    (scale,), shift = logistic(z[:, None], right, 1e-3)
    return float(scale), shift


def _scaled_by(z: np.ndarray, right: np.ndarray, others: np.ndarray) -> np.ndarray:
    scale, shift = platt(z, right)
    return sigmoid(scale * others + shift)


def logistic(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """L2-penalized logistic regression by Newton's method: x (n, d), y (n,) bool -> (d,), bias."""
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1).astype(np.float64)
    ridge = np.full(design.shape[1], penalty)
    ridge[-1] = 1e-6
    w = np.zeros(design.shape[1])
    for _ in range(_MOST_STEPS):
        p = sigmoid(design @ w)
        gradient = design.T @ (p - y) + ridge * w
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    return w[:-1], float(w[-1])


def sigmoid(z: np.ndarray) -> np.ndarray:
    p: np.ndarray = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
    return p


def area(p: np.ndarray, right: np.ndarray) -> float:
    """P(a right span gets more than a wrong one), ties count half; NaN-free: 0.5 without one of them."""
    good, bad = p[right], p[~right]
    if not len(good) or not len(bad):
        return 0.5
    above = (good[:, None] > bad[None]).mean() + 0.5 * (good[:, None] == bad[None]).mean()
    return float(above)


def calibration_error(p: np.ndarray, right: np.ndarray, n_bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    bins = np.minimum((p * n_bins).astype(int), n_bins - 1)
    gaps = [abs(p[bins == b].sum() - right[bins == b].sum()) for b in range(n_bins)]
    return float(sum(gaps) / max(1, len(p)))


def least_right(p: np.ndarray, right: np.ndarray) -> float:
    """The highest bound below which enough spans are wrong; 0: there is none."""
    order = np.argsort(p, kind="stable")
    best = 0.0
    for n in range(LEAST_DOUBTED, len(p)):
        share = float((~right[order[:n]]).mean())
        bound = float((p[order[n - 1]] + p[order[n]]) / 2)
        if share >= PRECISION and p[order[n - 1]] < bound:
            best = bound
    return best
