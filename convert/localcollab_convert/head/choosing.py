"""Which head to keep: the one with the lowest loss on validation data. Writes no files but checkpoints.

Candidates are the same weights at every token, because a head that has learned one kind of text may be
worse on another; Co-LLM's recipe; and, where that is not much better, the same with a strong weight
decay, and a gentle one, which starts from the same weights everywhere and sees half of each hidden state.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.language_model import Float32Array
from localcollab.methods.heads import Head, HeadMetadata
from localcollab_convert.export.likelihood import TokenTable, fit_weights, measure_nll
from localcollab_convert.head.train import HeadTraining, OnStep, Recipe, constant_head

_UNBOUND = HeadMetadata("", (), "", "")
_ENOUGH = 0.5
"""Of what the oracle gains over the same weights everywhere: no other recipe is tried."""


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
    checkpoint: Callable[[str], Path],
    on_step: OnStep,
) -> Fit:
    """`checkpoint`: the file of a recipe's name, from which a stopped run goes on."""
    alike = _fit(constant_head(fit_weights(train.logprobs), train.hidden.shape[1]), valid, 0)
    fits = [alike]
    enough = alike.nll["head"] - _ENOUGH * (alike.nll["head"] - alike.nll["oracle"])
    for name, each in _recipes(recipe):
        run = HeadTraining(train, valid, each, checkpoint(name))
        fits.append(_fit(run.run(on_step), valid, run.step))
        if fits[-1].nll["head"] <= enough:
            break
    return min(fits, key=lambda fit: fit.nll["head"])


def _recipes(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    yield f"{recipe.weight_decay:g}", recipe
    yield f"{recipe.strong_decay:g}", replace(recipe, weight_decay=recipe.strong_decay)
    yield (
        "gentle",
        replace(recipe, n_warm=0, batch=512, learning_rate=1e-3, weight_decay=1.0, dropout=0.5),
    )


def _fit(tensors: dict[str, Float32Array], valid: TokenTable, n_steps: int) -> Fit:
    return Fit(tensors, measure_nll(valid, Head(tensors, _UNBOUND)), n_steps)
