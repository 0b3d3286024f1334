"""Logits -> token: samplers as closures, made once a generation from one frozen record.

The order is llama.cpp's: repeat penalty, top-k, top-p, min-p, temperature.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from localcollab.errors import BadOption
from localcollab.language_model import Float32Array

Sampler = Callable[[Float32Array, Sequence[int]], int]
"""`sampler(logits (n_vocab,), tokens so far) -> token`"""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is picked. Raises `BadOption`."""

    temperature: float = 0.0
    """0: the likeliest token, always."""
    top_k: int = 0
    """Only the k likeliest; 0: all."""
    top_p: float = 1.0
    """Only the likeliest that together reach this probability (arXiv:1904.09751)."""
    min_p: float = 0.0
    """Only those with at least this share of the likeliest one's probability (arXiv:2407.01082)."""
    repeat_penalty: float = 1.0
    """Divides positive and multiplies negative logits of recent tokens (arXiv:1909.05858)."""
    repeat_last: int = 64
    """Tokens that count as recent."""
    seed: int = 0

    def __post_init__(self) -> None:
        bounds = {
            "temperature": (0, 100), "top_k": (0, 2**31), "top_p": (0, 1), "min_p": (0, 1),
            "repeat_penalty": (0.01, 100), "repeat_last": (0, 2**31), "seed": (0, 2**63),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadOption(f"`{name}` is {value}: give a number from {low} to {high}")
        if self.top_p == 0:
            raise BadOption("`top_p` is 0, which leaves no token: give more than 0")


def make_sampler(sampling: Sampling) -> Sampler:
    """Each sampler has its own generator: equal seeds give equal texts."""
    rng = np.random.default_rng(sampling.seed)

    def sample(logits: Float32Array, tokens: Sequence[int]) -> int:
        penalized = penalize(logits, tokens, sampling)
        if sampling.temperature == 0:
            return int(penalized.argmax())
        candidates, p = candidate_probabilities(penalized, sampling)
        return int(candidates[np.searchsorted(p.cumsum(), rng.random() * p.sum(), side="right")])

    return sample


def penalize(logits: Float32Array, tokens: Sequence[int], sampling: Sampling) -> Float32Array:
    """A copy with the repeat penalty on the last `repeat_last` tokens; `logits` without one."""
    if sampling.repeat_penalty == 1 or not sampling.repeat_last:
        return logits
    recent = np.unique(np.asarray(tokens[-sampling.repeat_last :], dtype=np.int64))
    penalized = logits.copy()
    values = penalized[recent]
    penalty = np.float32(sampling.repeat_penalty)
    penalized[recent] = np.where(values > 0, values / penalty, values * penalty)
    return penalized


def candidate_probabilities(
    logits: Float32Array, sampling: Sampling
) -> tuple[np.ndarray, np.ndarray]:
    """The tokens left by top-k, top-p and min-p, likeliest first, and their probabilities."""
    order = _likeliest(logits, sampling.top_k)
    scores = logits[order].astype(np.float64)
    p = np.exp(scores - scores[0])
    p /= p.sum()
    # The token that reaches top_p is kept, so at least one is.
    n_keep = int(np.searchsorted(p.cumsum(), min(sampling.top_p, 1 - 1e-12))) + 1
    if sampling.top_p < 1:
        order, scores, p = order[:n_keep], scores[:n_keep], p[:n_keep]
    keep = p >= sampling.min_p * p[0]
    order, scores = order[keep], scores[keep]
    tempered = np.exp((scores - scores[0]) / sampling.temperature)
    return order, tempered / tempered.sum()


def _likeliest(logits: Float32Array, k: int) -> np.ndarray:
    n = len(logits) if k == 0 else min(k, len(logits))
    chosen = np.argpartition(-logits, n - 1)[:n] if n < len(logits) else np.arange(n)
    order: np.ndarray = chosen[np.argsort(-logits[chosen], kind="stable")]
    return order[np.isfinite(logits[order])] if np.isneginf(logits[order[-1]]) else order
