"""Stage 2: a head from exported tables, in PyTorch. Co-LLM (arXiv:2403.03870) with a frozen base.

Weak supervision first (which member has the gold token as argmax?), then the exact marginal likelihood
-log sum_k pi_k(h) P_k(gold). Deterministic: one thread, seeded, and a checkpoint holds everything that
the next step depends on, so a resumed run is bit-identical to an uninterrupted one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from localcollab.language_model import Float32Array
from localcollab_convert.export.likelihood import TokenTable, fit_weights
from localcollab_convert.staging.stages import load_checkpoint, save_checkpoint

SECONDS_BETWEEN_CHECKPOINTS = 2.0

OnStep = Callable[[int, float], None]
"""`on_step(step, best validation NLL so far)`"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the trained weights depend on, besides the tables."""

    width: int = 0
    """Of the hidden layer; 0: a linear head."""
    seed: int = 0
    price: float = 0.0
    """Nats a token by which the expert must be better. Where both are equally good, likelihood alone (0)
    does not decide, and running the expert costs time."""
    n_warm: int = 200
    """Steps of weak supervision; 0: training starts from the same weights everywhere."""
    n_steps: int = 4000
    """Maximum, weak supervision included."""
    batch: int = 8192
    learning_rate: float = 1e-2
    weight_decay: float = 0.01
    strong_decay: float = 10.0
    """Tried where the first decay is not much better than the same weights everywhere: little data."""
    expert_weight: float = 8.0
    """Class weight of expert labels in weak supervision, where most labels are the base."""
    dropout: float = 0.0
    """Share of the hidden state that a training step does not see."""
    eval_every: int = 25
    patience: int = 20
    """Evaluations without a better validation NLL before training stops."""


class HeadModule(nn.Module):
    """Standardised hidden states (n, n_embd) -> logits (n, K+1), the base's fixed at 0."""

    def __init__(self, n_embd: int, n_experts: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(n_embd, width) if width else None
        self.out = nn.Linear(width or n_embd, n_experts)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def start_at(self, weights: Sequence[float]) -> None:
        """P(z = k) = weights[k], (K + 1,), at every token."""
        with torch.no_grad():
            self.out.bias.copy_(torch.from_numpy(_biases(weights)))

    def forward(self, h: Tensor) -> Tensor:
        h = self.dropout(h)
        if self.hidden is not None:
            h = torch.tanh(self.hidden(h))
        d = self.out(h)  # (n, K)
        return torch.cat([torch.zeros_like(d[:, :1]), d], dim=1)


@dataclass(frozen=True, slots=True)
class Scaling:
    """Training sees (h - mean) / std; `fold` moves that into the first layer."""

    mean: np.ndarray
    std: np.ndarray

    def apply(self, hidden: np.ndarray) -> Tensor:
        scale = (1 / self.std).astype(np.float32)
        return torch.from_numpy((hidden - self.mean.astype(np.float32)) * scale)

    def fold(self, module: HeadModule) -> dict[str, Float32Array]:
        """Tensors for raw hidden states, in the layout of `localcollab.methods.heads`."""
        first = module.out if module.hidden is None else module.hidden
        weight = first.weight.detach().double().numpy() / self.std  # (out, n_embd)
        bias = first.bias.detach().double().numpy() - weight @ self.mean
        folded = {"weight": weight.astype(np.float32), "bias": bias.astype(np.float32)}
        if module.hidden is None:
            return folded
        return {
            "hidden_weight": folded["weight"],
            "hidden_bias": folded["bias"],
            "weight": module.out.weight.detach().numpy().copy(),
            "bias": module.out.bias.detach().numpy().copy(),
        }


def measure_scaling(hidden: np.ndarray, n_rows: int = 65536) -> Scaling:
    """Mean and standard deviation by column, in float64; constant columns are not scaled."""
    total = np.zeros(hidden.shape[1])
    squares = np.zeros(hidden.shape[1])
    for at in range(0, len(hidden), n_rows):
        part = hidden[at : at + n_rows].astype(np.float64)
        total += part.sum(axis=0)
        squares += (part**2).sum(axis=0)
    mean = total / len(hidden)
    variance = squares / len(hidden) - mean**2
    return Scaling(mean, np.where(variance > 1e-10, np.sqrt(np.maximum(variance, 0)), 1.0))


def weak_labels(table: TokenTable) -> np.ndarray:
    """0 where the gold token is the base's argmax; else the expert whose argmax it is, if any (the most
    probable of several); else 0."""
    hits = table.is_argmax.copy()  # (n, K+1)
    hits[:, 0] = False
    hits[table.is_argmax[:, 0]] = False
    most_probable = np.where(hits, table.logprobs, -np.inf).argmax(axis=1)
    return np.where(hits.any(axis=1), most_probable, 0).astype(np.int64)


def marginal_nll(logits: Tensor, logprobs: Tensor) -> Tensor:
    """-log sum_k pi_k P_k(gold) for each token: (n, K+1), (n, K+1) -> (n,)."""
    return -torch.logsumexp(F.log_softmax(logits, dim=1) + logprobs, dim=1)


class HeadTraining:
    """One training run; `run` continues from the checkpoint at `path` if it exists."""

    def __init__(self, train: TokenTable, valid: TokenTable, recipe: Recipe, path: Path) -> None:
        self.recipe, self.path = recipe, path
        self._train, self._valid = train, valid
        self._scaling = measure_scaling(train.hidden)
        self._labels = weak_labels(train)
        torch.manual_seed(recipe.seed)
        n_experts = train.logprobs.shape[1] - 1
        self.module = HeadModule(train.hidden.shape[1], n_experts, recipe.width, recipe.dropout)
        if not recipe.n_warm:
            self.module.start_at(fit_weights(train.logprobs))
        self._optimizer = torch.optim.AdamW(
            self.module.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        counts = np.ones(n_experts + 1, np.float32)
        counts[1:] = recipe.expert_weight
        self._class_weights = torch.from_numpy(counts)
        self.step, self._n_worse = 0, 0
        self._best_nll = float("inf")
        self._best: dict[str, Tensor] = {}

    def run(self, on_step: OnStep) -> dict[str, Float32Array]:
        """The tensors of the head with the lowest validation NLL."""
        with deterministic():
            if self.path.exists():
                self._restore()
            saved_at = time.monotonic()
            while not self._is_over:
                self._advance()
                on_step(self.step, self._best_nll)
                is_late = time.monotonic() - saved_at > SECONDS_BETWEEN_CHECKPOINTS
                if is_late or self.step == self.recipe.n_warm:
                    self.save()
                    saved_at = time.monotonic()
            self.module.load_state_dict(self._best)
            return self._scaling.fold(self.module)

    @property
    def _is_over(self) -> bool:
        return self.step >= self.recipe.n_steps or self._n_worse >= self.recipe.patience

    def _advance(self) -> None:
        """Evaluate every `eval_every` steps, then one step."""
        if self.step >= self.recipe.n_warm and self.step % self.recipe.eval_every == 0:
            self._evaluate()
        rows = self._rows()
        self.module.train()
        # What is dropped is a function of the seed and the step, so that a run can resume.
        torch.manual_seed(self.recipe.seed * self.recipe.n_steps + self.step)
        logits = self.module(self._scaling.apply(self._train.hidden[rows]))
        if self.step < self.recipe.n_warm:
            labels = torch.from_numpy(self._labels[rows])
            loss = F.cross_entropy(logits, labels, weight=self._class_weights)
        else:
            loss = self._objective(logits, self._train.logprobs[rows]).mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.step += 1

    def _rows(self) -> np.ndarray:
        """The batch of this step: a function of the seed and the step, so that a run can resume."""
        n, batch = len(self._train), self.recipe.batch
        n_batches = -(-n // batch)
        epoch, i = divmod(self.step, n_batches)
        if n_batches == 1:
            return np.arange(n)
        order = np.random.default_rng((self.recipe.seed, epoch)).permutation(n)
        return np.sort(order[i * n // n_batches : (i + 1) * n // n_batches])

    @torch.no_grad()
    def _evaluate(self) -> None:
        self.module.eval()
        total, size = 0.0, self.recipe.batch
        for at in range(0, len(self._valid), size):
            logits = self.module(self._scaling.apply(self._valid.hidden[at : at + size]))
            found = self._objective(logits, self._valid.logprobs[at : at + size])
            total += float(found.double().sum())
        nll_mean = total / len(self._valid)
        if nll_mean < self._best_nll:
            self._best_nll, self._n_worse = nll_mean, 0
            self._best = {k: v.clone() for k, v in self.module.state_dict().items()}
        else:
            self._n_worse += 1

    def _objective(self, logits: Tensor, logprobs: np.ndarray) -> Tensor:
        """NLL and price of each token, (n,)."""
        nll = marginal_nll(logits, torch.from_numpy(logprobs))
        if not self.recipe.price:
            return nll
        return nll + self.recipe.price * (1 - F.softmax(logits, dim=1)[:, 0])

    def save(self) -> None:
        state = {
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "n_worse": self._n_worse,
            "best_nll": self._best_nll,
            "best": self._best,
        }
        save_checkpoint(state, self.path)

    def _restore(self) -> None:
        state = load_checkpoint(self.path)
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self._n_worse = state["step"], state["n_worse"]
        self._best_nll, self._best = state["best_nll"], state["best"]


def constant_head(weights: Sequence[float], n_embd: int) -> dict[str, Float32Array]:
    """The tensors of a linear head with P(z = k) = weights[k], (K + 1,), at every token."""
    bias = _biases(weights)
    return {"weight": np.zeros((len(bias), n_embd), np.float32), "bias": bias}


def _biases(weights: Sequence[float]) -> Float32Array:
    log_weights = np.log(np.maximum(weights, 1e-6))
    return np.asarray(log_weights[1:] - log_weights[0], np.float32)


@contextmanager
def deterministic() -> Iterator[None]:
    """One thread: the order of summation changes the bits."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
