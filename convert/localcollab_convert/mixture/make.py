"""`convert mixture`: how much each member should count, by expectation-maximisation on validation data.

The mixture's likelihood needs of every member one number a token, its log-probability of the gold
token: what the first stage of `convert head` writes, and resumes. Its best weights are the share of the
tokens that each member explains, which EM (Dempster et al. 1977) reaches from anywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from localcollab.catalog import Mixture
from localcollab.errors import BadOption
from localcollab.language_model import Float32Array
from localcollab.methods.mixtures import FittedMixture, save_mixture
from localcollab.teams.open import TeamPlan
from localcollab_convert.export import export
from localcollab_convert.export.likelihood import Float64Array, log_marginal
from localcollab_convert.head.make import HeadMaker
from localcollab_convert.head.request import Request
from localcollab_convert.staging.outputs import claim
from localcollab_convert.staging.stages import file_sha256

_LEAST_GAIN = 1e-9
"""Nats a token; a step that gains less is the last one."""
_MOST_STEPS = 10_000
OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    path: Path
    names: tuple[str, ...]
    weights: tuple[float, ...]
    nll: dict[str, float]
    """Nats a validation token: the members' by their places from 1, `equal` weights, `fitted` ones."""
    n_train: int
    n_valid: int


def make_mixture(request: Request, on_progress: OnProgress, on_note: OnProgress) -> Made:
    """Raises `BadOption`, `BadData`, `BadModelFile`, `VocabularyMismatch`."""
    maker = HeadMaker(replace(request, plan=_members_only(request.plan)), on_progress, on_note)
    with claim(request.out, request.work):
        return _make(request, maker)


def _make(request: Request, maker: HeadMaker) -> Made:
    exported = maker.export()
    train, valid = (
        export.load_tables(request.work / "export", exported[split]).logprobs
        for split in ("train", "valid")
    )
    weights = fit_weights(train)
    names = tuple(member.name for member in request.plan.members)
    nll = measure_nll(valid, weights)
    best = min(nll[str(place)] for place in range(1, len(names) + 1))
    if nll["fitted"] >= best and not request.force:
        raise BadOption(
            f"no mixture is better than one member alone ({nll['fitted']:.4f} nats a validation token): "
            "use that member, give other data, or --force"
        )
    packages = ("localcollab", "llama-cpp-python", "numpy")
    fitted = FittedMixture(
        member_sha256s=tuple(maker.sha256s),
        weights=weights,
        vocabulary=exported["vocabulary"],
        data_sha256=file_sha256(request.data),
        seed=request.seed,
        metrics=nll,
        versions={name: version(name) for name in packages},
    )
    save_mixture(fitted, request.out)
    return Made(request.out, names, weights, nll, len(train), len(valid))


def _members_only(plan: TeamPlan) -> TeamPlan:
    """Who speaks is all that counts here. Raises `BadOption`."""
    if isinstance(plan.method, Mixture) and plan.method.space == "log":
        raise BadOption(
            f"{plan.name} mixes logs, whose best weights do not follow from the members' likelihoods: "
            'give space = "probability", or weights of your own'
        )
    if not (plan.method is None or isinstance(plan.method, Mixture)) or len(plan.members) < 2:
        raise BadOption(f"{plan.name}: weights need a mixture, or a base with experts: choose one")
    return TeamPlan(plan.name, plan.members, gate="never")


def fit_weights(logprobs: Float32Array) -> tuple[float, ...]:
    """The weights of the likeliest mixture; logprobs (n, K), nats, of the gold tokens."""
    table = logprobs.astype(np.float64)
    log_weights: Float64Array = np.full(table.shape[1], -np.log(table.shape[1]))
    before = -np.inf
    for _ in range(_MOST_STEPS):
        total = np.logaddexp.reduce(log_weights + table, axis=1, keepdims=True)  # (n, 1)
        if total.mean() - before < _LEAST_GAIN:
            break
        before = float(total.mean())
        shares = np.exp(log_weights + table - total)  # (n, K): who explains each token
        with np.errstate(divide="ignore"):
            log_weights = np.log(shares.mean(axis=0))
    weights = np.exp(log_weights)
    return tuple(float(weight) for weight in weights / weights.sum())


def measure_nll(logprobs: Float32Array, weights: Sequence[float]) -> dict[str, float]:
    """As `Made.nll`; logprobs (n, K), nats, of the gold tokens."""
    alone = {str(place): float(-of_one.mean()) for place, of_one in enumerate(logprobs.T, 1)}
    with np.errstate(divide="ignore"):
        fitted = log_marginal(np.log(np.array(weights)), logprobs)
    equal = log_marginal(np.full(len(alone), -np.log(len(alone))), logprobs)
    return alone | {"equal": float(-equal.mean()), "fitted": float(-fitted.mean())}
