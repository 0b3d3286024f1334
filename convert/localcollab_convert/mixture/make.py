"""Weights of a mixture by expectation-maximization on training data.

The likelihood of a mixture needs one number a token of each member, its log-prob of the gold token. EM
(Dempster et al. 1977) converges to the best weights from any start, because the likelihood is concave.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from localcollab.errors import BadOption
from localcollab.language_model import Float32Array
from localcollab.methods.mixtures import FittedMixture, save_mixture
from localcollab.progress import OnProgress
from localcollab.teams.plan import TeamPlan
from localcollab_convert.export.likelihood import fit_weights, log_marginal
from localcollab_convert.export.make import Exporter
from localcollab_convert.mixture.request import MixtureRequest, MixtureResult
from localcollab_convert.staging.outputs import claim
from localcollab_convert.staging.stages import OnNote, file_sha256, package_versions


def make_mixture(
    request: MixtureRequest, on_progress: OnProgress, on_note: OnNote
) -> MixtureResult:
    """Raises `BadOption`, `BadData`, `BadModelFile`, `VocabularyMismatch`."""
    members = TeamPlan(request.plan.name, request.plan.members, gate="never")
    exporter = Exporter(replace(request, plan=members), on_progress, on_note)
    with claim(request.out, request.work):
        return _fit_and_save(request, exporter)


def _fit_and_save(request: MixtureRequest, exporter: Exporter) -> MixtureResult:
    exported = exporter.export()
    train, valid = exporter.table("train").logprobs, exporter.table("valid").logprobs
    weights = fit_weights(train)
    names = tuple(exporter.member_names)
    nll = measure_nll(valid, weights)
    best = min(nll[str(position)] for position in range(1, len(names) + 1))
    if nll["fitted"] >= best and not request.force:
        raise BadOption(
            f"no mixture is better than one member alone ({nll['fitted']:.4f} nats a validation token): "
            "use that member, give other data, or `force`"
        )
    fitted = FittedMixture(
        member_sha256s=tuple(exporter.sha256s),
        weights=weights,
        vocabulary=exported["vocabulary"],
        data_sha256=file_sha256(request.data),
        seed=request.seed,
        metrics=nll,
        versions=package_versions("localcollab", "llama-cpp-python", "numpy"),
    )
    save_mixture(fitted, request.out)
    return MixtureResult(request.out, names, weights, nll, len(train), len(valid))


def measure_nll(logprobs: Float32Array, weights: Sequence[float]) -> dict[str, float]:
    """As `MixtureResult.nll`; logprobs (n, K), nats, of the gold tokens."""
    alone = {str(position): float(-column.mean()) for position, column in enumerate(logprobs.T, 1)}
    with np.errstate(divide="ignore"):
        fitted = log_marginal(np.log(np.array(weights)), logprobs)
    equal = log_marginal(np.full(len(alone), -np.log(len(alone))), logprobs)
    return alone | {"equal": float(-equal.mean()), "fitted": float(-fitted.mean())}
