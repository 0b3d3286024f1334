import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from head_tables import make_table
from localcollab.language_model import Float32Array
from localcollab.methods.heads import Head, HeadMetadata
from localcollab_convert.export.likelihood import FLOOR, log_marginal, measure_nll
from localcollab_convert.head.train import (
    HeadModule,
    HeadTraining,
    Recipe,
    Scaling,
    constant_head,
    marginal_nll,
    measure_scaling,
    weak_labels,
)

pytestmark = pytest.mark.slow

METADATA = HeadMetadata("a", ("b", "c"), "v", "d")
SHORT = Recipe(n_warm=20, n_steps=120, batch=64, eval_every=10)


def train(tmp_path: Path, recipe: Recipe = SHORT, n: int = 200) -> dict[str, Float32Array]:
    run = HeadTraining(make_table(n), make_table(80, seed=1), recipe, tmp_path / "checkpoint.pt")
    return run.run(lambda step, nll: None)


def brute_force(logits: np.ndarray, logprobs: np.ndarray) -> list[float]:
    """-log sum_k softmax(logits)_k exp(logprob_k), one number at a time."""
    found = []
    for row, known in zip(logits.tolist(), logprobs.tolist(), strict=True):
        z = math.fsum(math.exp(v) for v in row)
        p = math.fsum(math.exp(v) / z * math.exp(lp) for v, lp in zip(row, known, strict=True))
        found.append(-math.log(p))
    return found


def test_the_marginal_likelihood_is_the_sum_over_members() -> None:
    rng = np.random.default_rng(0)
    logits, logprobs = rng.normal(size=(50, 4)), rng.uniform(-8, 0, (50, 4))
    nll = marginal_nll(torch.from_numpy(logits), torch.from_numpy(logprobs))
    np.testing.assert_allclose(nll.numpy(), brute_force(logits, logprobs), rtol=1e-12)


def test_the_reported_likelihood_is_the_sum_over_members() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(50, 3))
    logprobs = rng.uniform(-8, 0, (50, 3)).astype(np.float32)
    log_pi = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    expected = brute_force(logits, logprobs.astype(np.float64))
    np.testing.assert_allclose(-log_marginal(log_pi, logprobs), expected, rtol=1e-12)


@pytest.mark.parametrize("logprob", [FLOOR, -math.inf])
def test_a_token_that_an_expert_cannot_write_gives_no_nan(logprob: float) -> None:
    logits = torch.zeros(1, 2, requires_grad=True)
    marginal_nll(logits, torch.tensor([[-1.0, logprob]])).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_a_weak_label_is_an_expert_only_where_the_base_is_wrong() -> None:
    table = make_table(4, n_experts=2)
    hits = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 0]], bool)
    logprobs = np.array([[-1, -1, -1], [-1, -1, -1], [-1, -3, -2], [-1, -1, -1]], np.float32)
    assert weak_labels(replace(table, is_argmax=hits, logprobs=logprobs)).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("width", [0, 7])
def test_the_numpy_head_is_the_torch_head_with_its_scaling_folded_in(width: int) -> None:
    torch.manual_seed(0)
    hidden = make_table(200, n_embd=32).hidden
    scaling: Scaling = measure_scaling(hidden)
    module = HeadModule(32, 2, width)
    torch.nn.init.normal_(module.out.weight, std=0.3)
    torch.nn.init.normal_(module.out.bias)
    with torch.no_grad():
        expected = torch.softmax(module(scaling.apply(hidden)), dim=1)[:, 1:].numpy()
    mine = Head(scaling.fold(module), METADATA).p_defer(hidden.astype(np.float32))
    np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-6)


def test_the_head_learns_who_knows(tmp_path: Path) -> None:
    nll = measure_nll(make_table(300, seed=2), Head(train(tmp_path, n=1000), METADATA))
    assert nll["oracle"] < nll["head"] < min(nll["base"], nll["mixture"])


@pytest.mark.parametrize("width", [0, 5])
def test_a_run_continued_from_a_checkpoint_has_the_same_bits(tmp_path: Path, width: int) -> None:
    class Killed(Exception):
        pass

    recipe = replace(SHORT, width=width)
    whole = train(tmp_path, recipe)
    run = HeadTraining(make_table(200), make_table(80, seed=1), recipe, tmp_path / "killed.pt")

    def die(step: int, nll: float) -> None:
        if step == 57:
            run.save()
        if step == 63:
            raise Killed

    with pytest.raises(Killed):
        run.run(die)
    again = HeadTraining(make_table(200), make_table(80, seed=1), recipe, tmp_path / "killed.pt")
    resumed = again.run(lambda step, nll: None)
    assert {k: v.tobytes() for k, v in resumed.items()} == {
        k: v.tobytes() for k, v in whole.items()
    }


def test_constant_columns_do_not_divide_by_zero() -> None:
    hidden = np.full((10, 3), 2.0, np.float16)
    assert torch.isfinite(measure_scaling(hidden).apply(hidden)).all()


def test_a_constant_head_has_its_weights_everywhere() -> None:
    head = Head(constant_head((0.5, 0.2, 0.3), 6), METADATA)
    hidden = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    np.testing.assert_allclose(head.p_defer(hidden), np.tile([0.2, 0.3], (4, 1)), rtol=1e-5)
