"""The head that is kept: what was learned where it helps, the same weights where it does not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from head_tables import make_table
from localcollab_convert.export.likelihood import TokenTable, fit_weights, log_marginal
from localcollab_convert.head.choosing import Fit, best_head
from localcollab_convert.head.train import Recipe

pytestmark = pytest.mark.slow

RECIPE = Recipe(n_warm=10, n_steps=100, batch=1024, eval_every=10)


def chosen(train: TokenTable, valid: TokenTable, folder: Path) -> Fit:
    return best_head(
        train, valid, RECIPE, lambda name: folder / f"{name}.pt", lambda step, nll: None
    )


def test_a_head_that_tells_who_writes_is_kept(tmp_path: Path) -> None:
    fit = chosen(make_table(400), make_table(200, seed=1), tmp_path)
    assert fit.n_steps > 0
    assert fit.nll["head"] < fit.nll["mixture"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.01.pt"]


def test_the_same_weights_everywhere_are_kept_where_hidden_states_mislead(tmp_path: Path) -> None:
    """Another kind of text: who is meant by a hidden state is somebody else there."""
    train, valid = make_table(400), make_table(200, seed=1)
    misleading = replace(valid, hidden=np.roll(valid.hidden, 1, axis=1))
    fit = chosen(train, misleading, tmp_path)
    assert fit.n_steps == 0
    assert not fit.tensors["weight"].any()
    weights = np.log(fit_weights(train.logprobs))
    assert fit.nll["head"] == pytest.approx(-log_marginal(weights, valid.logprobs).mean(), abs=1e-5)
