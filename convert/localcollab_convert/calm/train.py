"""The training of a bridge: cross-entropy of the answers, all models frozen (CALM, arXiv:2401.02412).

The batch of a step depends only on (seed, step), and a checkpoint holds everything else, so a resumed
training is identical to an uninterrupted one. Knows neither GGUF files nor bridge files.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from localcollab_convert.calm.composition import Composition
from localcollab_convert.calm.request import Evaluated, Recipe
from localcollab_convert.export.examples import Example
from localcollab_convert.staging.stages import load_checkpoint, save_checkpoint

_NO_LOSS = -100
_SECONDS_BETWEEN_CHECKPOINTS = 20.0
_BUCKET = 16
"""Number of batches whose examples are sorted by length together: little padding, still random."""

OnStep = Callable[[int, float, float], None]
"""`on_step(step, loss of its batch, best validation loss so far)`, nats a token."""


class BridgeTraining:
    """One training; `run` continues from the checkpoint at `path` if it exists."""

    def __init__(
        self,
        composition: Composition,
        train: Sequence[Example],
        valid: Sequence[Example],
        recipe: Recipe,
        path: Path,
    ) -> None:
        self.composition, self.recipe, self.path = composition, recipe, path
        self._train, self._valid = train, valid[: recipe.n_valid]
        self._device = next(composition.parameters()).device
        self._optimizer = torch.optim.AdamW(
            composition.pairs.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98),
            weight_decay=recipe.weight_decay,
        )  # fmt: skip
        self.step, self._n_worse = 0, 0
        self.curve: list[Evaluated] = []
        self._recent: list[float] = []
        self._best_loss = float("inf")
        self._best = _copy(composition.pairs.state_dict())

    def run(self, on_step: OnStep) -> float:
        """The lowest validation loss; the composition has its pairs."""
        if self.path.exists():
            self._restore()
        saved_at = time.monotonic()
        while not self._is_over:
            loss = self._advance()
            on_step(self.step, loss, self._best_loss)
            if time.monotonic() - saved_at > _SECONDS_BETWEEN_CHECKPOINTS:
                self.save()
                saved_at = time.monotonic()
        self.save()
        self.composition.pairs.load_state_dict(self._best)
        return self._best_loss

    @property
    def _is_over(self) -> bool:
        return self.step >= self.recipe.n_steps or self._n_worse >= self.recipe.patience

    def _advance(self) -> float:
        """One step, and an evaluation before the first and after every `eval_every`."""
        if not self.curve:
            self._evaluate()
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * _schedule(self.recipe, self.step)
        loss = self._loss(self._batch()).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.composition.pairs.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        self._recent.append(loss.item())
        if self.step % self.recipe.eval_every == 0 or self.step == self.recipe.n_steps:
            self._evaluate()
        return loss.item()

    def _batch(self) -> list[Example]:
        n_batches = -(-len(self._train) // self.recipe.batch)
        epoch, at = divmod(self.step, n_batches)
        batches = batches_of_epoch(self._train, self.recipe.batch, (self.recipe.seed, epoch))
        return batches[at]

    def _loss(self, examples: Sequence[Example]) -> Tensor:
        """Nats of every answer token, (n,)."""
        tokens, targets = pad(examples)
        positions = torch.nonzero((targets != _NO_LOSS).any(dim=0)).flatten()
        with _autocast(self._device):
            logits = self.composition(tokens.to(self._device), positions.to(self._device))
        gold = targets[:, positions].to(self._device)
        chosen = gold != _NO_LOSS
        return F.cross_entropy(logits[chosen].float(), gold[chosen], reduction="none")

    @torch.no_grad()
    def measure(self) -> float:
        """Nats a token of the validation answers."""
        examples = sorted(self._valid, key=lambda example: len(example.tokens))
        size = self.recipe.batch
        losses = [
            self._loss(examples[at : at + size]).double().cpu()
            for at in range(0, len(examples), size)
        ]
        return float(torch.cat(losses).mean())

    def _evaluate(self) -> None:
        loss = self.measure()
        recent = sum(self._recent) / len(self._recent) if self._recent else loss
        self.curve.append(Evaluated(self.step, recent, loss))
        self._recent = []
        if loss < self._best_loss:
            self._best_loss, self._n_worse = loss, 0
            self._best = _copy(self.composition.pairs.state_dict())
        else:
            self._n_worse += 1

    def save(self) -> None:
        """Everything that the next step depends on."""
        state = {
            "pairs": self.composition.pairs.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "n_worse": self._n_worse,
            "best_loss": self._best_loss,
            "best": self._best,
            "recent": self._recent,
            "curve": [asdict(point) for point in self.curve],
        }
        save_checkpoint(state, self.path)

    def _restore(self) -> None:
        state = load_checkpoint(self.path, self._device)
        self.composition.pairs.load_state_dict(state["pairs"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self._n_worse = state["step"], state["n_worse"]
        self._best_loss, self._best = state["best_loss"], state["best"]
        self._recent = state["recent"]
        self.curve = [Evaluated(**point) for point in state["curve"]]


def pad(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Tokens and targets, both (b, n): the next token of each position, where it is in an answer.

    Padding is at the end, where causal models do not attend.
    """
    n = max(len(example.tokens) for example in examples)
    tokens = torch.zeros((len(examples), n), dtype=torch.long)
    targets = torch.full((len(examples), n), _NO_LOSS)
    for row, example in enumerate(examples):
        tokens[row, : len(example.tokens)] = torch.tensor(example.tokens)
        for at in example.positions:
            targets[row, at - 1] = example.tokens[at]
    return tokens, targets


def batches_of_epoch(
    examples: Sequence[Example], size: int, seed: tuple[int, int]
) -> list[list[Example]]:
    """One epoch: a seeded order, examples of similar length together."""
    rng = np.random.default_rng(seed)
    order = [examples[i] for i in rng.permutation(len(examples))]
    batches: list[list[Example]] = []
    for bucket in _cut(order, size * _BUCKET):
        batches += _cut(sorted(bucket, key=lambda example: len(example.tokens)), size)
    return [batches[i] for i in rng.permutation(len(batches))]


def _cut(examples: Sequence[Example], size: int) -> Iterator[list[Example]]:
    for at in range(0, len(examples), size):
        yield list(examples[at : at + size])


def _schedule(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then linear decay to a twentieth."""
    return min((step + 1) / recipe.warmup_steps, max(0.05, 1 - step / recipe.n_steps))


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def _autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the device supports it."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_bf16_supported())
    has_bf16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(has_bf16))
