"""Training of a pair ranker: seeded and resumable, with the weights of the best epoch.

Deterministic: one thread, and the random numbers of a step depend only on (seed, step), so a resumed run
is bit-identical to an uninterrupted one.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from localcollab.blend.ranker_file import Form
from localcollab_convert.head.train import deterministic
from localcollab_convert.ranker.data import Example, TrainingPair, batches_of, draw_pairs
from localcollab_convert.ranker.model import PairRankerModule, pair_logits, ranking_loss
from localcollab_convert.ranker.request import Recipe
from localcollab_convert.staging.stages import load_checkpoint, save_checkpoint

SECONDS_BETWEEN_CHECKPOINTS = 10.0
_WARMUP_STEPS = 50
_FINAL_RATE = 0.05
"""Relative to the peak learning rate."""
_MAX_NORM = 1.0

OnStep = Callable[[int, int, float], None]
"""`on_step(step, total steps, best validation accuracy so far)`"""


class RankerTraining:
    """One training run; `run` continues from the checkpoint at `path` if it exists."""

    def __init__(
        self,
        module: PairRankerModule,
        train: Sequence[Example],
        valid: Sequence[Example],
        form: Form,
        recipe: Recipe,
        path: Path,
    ) -> None:
        self.module, self.recipe, self.path = module, recipe, path
        self._train, self._form = train, form
        rng = np.random.default_rng((recipe.seed, 1))
        self.valid_pairs = draw_pairs(valid, rng)[: recipe.n_valid_pairs]
        self._optimizer = torch.optim.AdamW(
            _groups(module, recipe.weight_decay), lr=recipe.learning_rate
        )
        self.step = 0
        self._epoch: list[list[TrainingPair]] = []
        self._epoch_number = -1
        self._steps_per_epoch = len(self._batches(0))
        self.best_accuracy = 0.0
        self._best: dict[str, Tensor] = {}

    @property
    def n_steps(self) -> int:
        return self.recipe.n_epochs * self._steps_per_epoch

    def run(self, on_step: OnStep) -> None:
        """Leaves the module with the weights of its best epoch."""
        with deterministic():
            if self.path.exists():
                self._restore()
            saved_at = time.monotonic()
            while self.step < self.n_steps:
                self._advance()
                on_step(self.step, self.n_steps, self.best_accuracy)
                if time.monotonic() - saved_at > SECONDS_BETWEEN_CHECKPOINTS:
                    self.save()
                    saved_at = time.monotonic()
            self.module.load_state_dict(self._best)
            self.module.eval()

    def _batches(self, epoch: int) -> list[list[TrainingPair]]:
        if epoch != self._epoch_number:
            rng = np.random.default_rng((self.recipe.seed, 2, epoch))
            self._epoch = batches_of(draw_pairs(self._train, rng), self.recipe.batch, rng)
            self._epoch_number = epoch
        return self._epoch

    def _advance(self) -> None:
        """One step, and an evaluation at the end of an epoch."""
        epoch, i = divmod(self.step, self._steps_per_epoch)
        batch = self._batches(epoch)[i]
        torch.manual_seed(hash((self.recipe.seed, self.step)) % 2**63)  # for dropout
        self.module.train()
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self._rate()
        scores = self.module([pair.written(self._form) for pair in batch])
        signs = torch.from_numpy(np.stack([pair.signs for pair in batch]))
        loss = ranking_loss(scores, signs, self.recipe.loss)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), _MAX_NORM)
        self._optimizer.step()
        self.step += 1
        if self.step % self._steps_per_epoch == 0:
            self._evaluate()

    def _rate(self) -> float:
        """Linear warm-up, then linear decay."""
        warmup = min(1.0, (self.step + 1) / min(_WARMUP_STEPS, max(1, self.n_steps // 4)))
        return warmup * max(_FINAL_RATE, 1 - self.step / self.n_steps)

    def _evaluate(self) -> None:
        accuracy = accuracy_of(self.module, self.valid_pairs, self._form)
        if accuracy > self.best_accuracy or not self._best:
            self.best_accuracy = accuracy
            self._best = {k: v.clone() for k, v in self.module.state_dict().items()}

    def save(self) -> None:
        state = {
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "best_accuracy": self.best_accuracy,
            "best": self._best,
        }
        save_checkpoint(state, self.path)

    def _restore(self) -> None:
        state = load_checkpoint(self.path)
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.best_accuracy, self._best = state["best_accuracy"], state["best"]


@torch.inference_mode()
def logits_of(
    module: PairRankerModule, pairs: Sequence[TrainingPair], form: Form, batch: int = 32
) -> np.ndarray:
    """(n_pairs,): each pair in the given order only."""
    module.eval()
    written = [pair.written(form) for pair in pairs]
    parts = [pair_logits(module(written[i : i + batch])) for i in range(0, len(written), batch)]
    return torch.cat(parts).numpy() if parts else np.zeros(0, np.float32)


def accuracy_of(module: PairRankerModule, pairs: Sequence[TrainingPair], form: Form) -> float:
    """Of both orders together, mean over the measures that differ; 0 without pairs."""
    swapped = [TrainingPair(pair.example, pair.second, pair.first) for pair in pairs]
    both = logits_of(module, pairs, form) - logits_of(module, swapped, form)
    hits = [
        float((np.sign(logit) == pair.signs[pair.signs != 0]).mean())
        for logit, pair in zip(both, pairs, strict=True)
    ]
    return float(np.mean(hits)) if hits else 0.0


def _groups(module: PairRankerModule, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices, none for norms, biases and embeddings."""
    named = list(module.named_parameters())
    decays = [p for name, p in named if p.ndim > 1 and "embedding" not in name]
    others = [p for name, p in named if not (p.ndim > 1 and "embedding" not in name)]
    return [{"params": decays, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
