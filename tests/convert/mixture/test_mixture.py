"""Weights of mixtures: the fit against a brute-force search, and the file against what damages it."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from localcollab.catalog import SHIPPED, load_catalog
from localcollab.errors import BadOption, MixtureMismatch
from localcollab.methods.mixtures import FittedMixture, load_mixture, save_mixture
from localcollab.teams.plan import plan_from_catalog
from localcollab_convert.export.likelihood import fit_weights
from localcollab_convert.mixture.make import make_mixture, measure_nll
from localcollab_convert.mixture.request import MixtureRequest

pytestmark = pytest.mark.slow

FITTED = FittedMixture(("a" * 64, "b" * 64), (0.25, 0.75), "v", "d", 3, {"fitted": 1.0}, {"x": "1"})


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_the_best_of_a_fine_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logprobs = np.log(rng.dirichlet([0.3] * 5, (200, 3))[:, :, 0] + 1e-6).astype(np.float32)
    p = np.exp(logprobs.astype(np.float64))
    grid = [(i, j, 50 - i - j) for i, j in itertools.product(range(51), repeat=2) if i + j <= 50]
    best = max(np.log(p @ (np.array(w) / 50)).mean() for w in grid)
    fitted = np.array(fit_weights(logprobs))
    assert fitted.sum() == pytest.approx(1)
    assert np.log(p @ fitted).mean() >= best - 1e-9


def test_a_member_that_explains_nothing_gets_no_weight() -> None:
    logprobs = np.tile(np.array([[-0.1, -100.0]], np.float32), (50, 1))
    weights = fit_weights(logprobs)
    assert weights[1] < 1e-12
    nll = measure_nll(logprobs, weights)
    # By place: members may have any names, `equal` and `fitted` among them.
    assert nll == pytest.approx({"1": 0.1, "2": 100.0, "equal": 0.1 + np.log(2), "fitted": 0.1})


def test_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    save_mixture(FITTED, tmp_path / "m.json")
    found = load_mixture(tmp_path / "m.json")
    assert found == FITTED
    found.require(("a" * 64, "b" * 64), "v")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [0.5, float("nan")]}, "are invalid"),
        ({"weights": [2.0, -1.0]}, "are invalid"),
        ({"weights": [1.0]}, "are invalid"),
        ({"weights": "x"}, "not a mixture file"),
        ({"weights": None}, "not a mixture file"),
        ({"weights": [10**400, 0]}, "not a mixture file"),
        ({"format": "other"}, "its format is 'other'"),
        ({"vocabulary": 3}, "provenance is damaged"),
    ],
)
def test_a_damaged_file_is_one_line(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    save_mixture(FITTED, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(MixtureMismatch, match=message) as caught:
        load_mixture(path)
    assert "\n" not in str(caught.value)


def test_weights_of_other_models_are_refused() -> None:
    for sha256s, vocabulary in (
        (("a" * 64, "c" * 64), "v"), (("a" * 64,), "v"), (("a" * 64, "b" * 64), "w")
    ):  # fmt: skip
        with pytest.raises(MixtureMismatch, match="convert mixture"):
            FITTED.require(sha256s, vocabulary)


def test_logs_are_not_fitted() -> None:
    from localcollab.catalog import Mixture
    from localcollab.teams.plan import Member, TeamPlan

    members = (Member("a", Path("a")), Member("b", Path("b")))
    plan = TeamPlan("t", members, method=Mixture(("a", "b"), space="log"))
    with pytest.raises(BadOption, match="mixes log-probs"):
        MixtureRequest(plan=plan, data=Path("d"), out=Path("m.json"), work=Path("w"))


def request(folder: Path, *, seed: int = 0, n_ctx: int | None = None) -> MixtureRequest:
    catalog = load_catalog()
    return MixtureRequest(
        plan=plan_from_catalog(catalog, catalog.team("formulary-mixture")),
        data=SHIPPED / "formulary" / "head-valid.jsonl",
        out=folder / "m.json",
        work=folder / "work",
        seed=seed,
        n_ctx=n_ctx,
    )


def test_a_seed_out_of_range_is_refused(tmp_path: Path) -> None:
    for seed in (-1, 2**63):
        with pytest.raises(
            BadOption, match=f"`seed` is {seed}: give a number from 0 to {2**63 - 1}"
        ):
            request(tmp_path, seed=seed)


@pytest.mark.weights
def test_a_context_of_0_is_no_context_of_any_size(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="`n_ctx` is 0"):
        make_mixture(request(tmp_path, n_ctx=0), lambda _: None, lambda _: None)
