"""Which head to keep: the one with the lowest loss on validation data. Writes no files but checkpoints.

Tried are at most two weight decays, and the same weights at every token: a head that has learned one
kind of text may be worse on another.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.language_model import Float32Array
from localcollab.methods.heads import Head, HeadMetadata
from localcollab_convert.export.likelihood import TokenTable, fit_weights, measure_nll
from localcollab_convert.head.train import HeadTraining, OnStep, Recipe, constant_head

_UNBOUND = HeadMetadata("", (), "", "")


@dataclass(frozen=True, slots=True)
class Fit:
    tensors: dict[str, Float32Array]
    nll: dict[str, float]
    """Of the validation data, as `measure_nll` gives it."""
    n_steps: int
    """0: the same weights at every token."""


def best_head(
    train: TokenTable,
    valid: TokenTable,
    recipe: Recipe,
    checkpoint: Callable[[float], Path],
    on_step: OnStep,
) -> Fit:
    """`checkpoint`: the file of a weight decay, from which a stopped run goes on."""
    alike = _fit(constant_head(fit_weights(train.logprobs), train.hidden.shape[1]), valid, 0)
    fits = [alike]
    for decay in (recipe.weight_decay, recipe.strong_decay):
        run = HeadTraining(train, valid, replace(recipe, weight_decay=decay), checkpoint(decay))
        fits.append(_fit(run.run(on_step), valid, run.step))
        if fits[-1].nll["head"] < alike.nll["head"]:
            break
    return min(fits, key=lambda fit: fit.nll["head"])


def _fit(tensors: dict[str, Float32Array], valid: TokenTable, n_steps: int) -> Fit:
    return Fit(tensors, measure_nll(valid, Head(tensors, _UNBOUND)), n_steps)
