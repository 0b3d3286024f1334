"""Logits -> token: samplers as closures, made once a generation from one frozen record.

The order is llama.cpp's: bias, penalties, DRY, top-k, typical, top-p, min-p, XTC, temperature.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from localcollab.decoding.penalties import (
    BREAKERS,
    add_bias,
    dry_penalty,
    repeat_penalty,
    subtract_counts,
)
from localcollab.errors import BadOption
from localcollab.language_model import Float32Array

Sampler = Callable[[Float32Array, Sequence[int]], int]
"""`sampler(logits (n_vocab,), tokens so far) -> token`"""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is picked. Raises `BadOption`."""

    temperature: float = 0.0
    """0 = greedy decoding."""
    top_k: int = 0
    """Keep the k most likely tokens; 0 = all."""
    top_p: float = 1.0
    """Nucleus sampling: keep tokens up to this cumulative probability (arXiv:1904.09751)."""
    min_p: float = 0.0
    """Keep tokens with at least this share of the top token's probability (arXiv:2407.01082)."""
    repeat_penalty: float = 1.0
    """Divides positive and multiplies negative logits of recent tokens (arXiv:1909.05858)."""
    repeat_last: int = 64
    """Number of recent tokens that the repeat penalty looks at."""
    seed: int = 0
    typical_p: float = 1.0
    """Locally typical sampling: the probability kept (arXiv:2202.00666); 1 = off."""
    dry_multiplier: float = 0.0
    """DRY: strength of the penalty on tokens that lengthen a repetition; 0 = off."""
    dry_base: float = 1.75
    """DRY: growth of the penalty with each repeated token."""
    dry_allowed_length: int = 2
    """DRY: repetitions below this length are free."""
    dry_last: int = -1
    """DRY: number of recent tokens to look at; -1 = all."""
    xtc_probability: float = 0.0
    """XTC: the chance that a token's top choices are excluded; 0 = off."""
    xtc_threshold: float = 0.1
    """XTC: what counts as a top choice; the least likely of them stays."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """(token id, value) pairs added to logits; -inf forbids a token."""
    presence_penalty: float = 0.0
    """Subtracted from the logit of each of the recent tokens (`repeat_last`)."""
    frequency_penalty: float = 0.0
    """Subtracted once for every time that a token is among the recent ones."""

    def __post_init__(self) -> None:
        bounds = {
            "temperature": (0, 100), "top_k": (0, 2**31), "top_p": (0, 1), "min_p": (0, 1),
            "repeat_penalty": (0.01, 100), "repeat_last": (0, 2**31), "seed": (0, 2**63),
            "typical_p": (0, 1), "dry_multiplier": (0, 100), "dry_base": (1, 100),
            "dry_allowed_length": (1, 2**31), "dry_last": (-1, 2**31), "xtc_probability": (0, 1),
            "xtc_threshold": (0, 1), "presence_penalty": (-100, 100), "frequency_penalty": (-100, 100),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadOption(f"`{name}` is {value}: give a number from {low} to {high}")
        for name in ("top_p", "typical_p"):
            if getattr(self, name) == 0:
                raise BadOption(f"`{name}` is 0, which leaves no token: give more than 0")
        if any(math.isnan(value) or value == math.inf for _, value in self.logit_bias):
            raise BadOption("`logit_bias` has a NaN or infinite value: give a number, or -inf")


def make_sampler(sampling: Sampling, piece: Callable[[int], bytes] = lambda token: b"") -> Sampler:
    """Each sampler has its own generator: equal seeds give equal texts. `piece`: a token's bytes, at
    which DRY finds the ends of sentences and lines."""
    rng = np.random.default_rng(sampling.seed)

    @cache
    def is_breaker(token: int) -> bool:
        return any(text.encode() in piece(token) for text in BREAKERS)

    def sample(logits: Float32Array, tokens: Sequence[int]) -> int:
        penalized = penalize(logits, tokens, sampling, is_breaker)
        if sampling.temperature == 0:
            return int(penalized.argmax())
        excludes = 0 < sampling.xtc_probability and rng.random() < sampling.xtc_probability
        candidates, p = candidate_probabilities(penalized, sampling, excludes_top=excludes)
        return int(candidates[np.searchsorted(p.cumsum(), rng.random() * p.sum(), side="right")])

    return sample


def penalize(
    logits: Float32Array,
    tokens: Sequence[int],
    sampling: Sampling,
    is_breaker: Callable[[int], bool] = lambda token: False,
) -> Float32Array:
    """Bias, repeat penalty and DRY applied to a copy; `logits` itself without any."""
    outside = [token for token, _ in sampling.logit_bias if not 0 <= token < len(logits)]
    if outside:
        raise BadOption(
            f"`logit_bias` names token {outside[0]}, and the vocabulary has {len(logits)}: leave it out"
        )
    logits = add_bias(logits, sampling.logit_bias)
    logits = repeat_penalty(logits, tokens, sampling.repeat_penalty, sampling.repeat_last)
    logits = subtract_counts(
        logits, tokens, sampling.presence_penalty, sampling.frequency_penalty, sampling.repeat_last
    )
    if not sampling.dry_multiplier:
        return logits
    return dry_penalty(
        logits, tokens, is_breaker, multiplier=sampling.dry_multiplier, base=sampling.dry_base,
        allowed=sampling.dry_allowed_length, last=sampling.dry_last,
    )  # fmt: skip


def candidate_probabilities(
    logits: Float32Array, sampling: Sampling, *, excludes_top: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The tokens left by top-k, typical, top-p, min-p and XTC (where it `excludes_top` this time), most
    likely first, and their probabilities."""
    order = _likeliest(logits, sampling.top_k)
    scores = logits[order].astype(np.float64)
    p = np.exp(scores - scores[0])
    p /= p.sum()
    if sampling.typical_p < 1:
        keep = _typical(p, sampling.typical_p)
        order, scores, p = order[keep], scores[keep], p[keep] / p[keep].sum()
    # The token that reaches top_p is kept, so at least one is.
    n_keep = int(np.searchsorted(p.cumsum(), min(sampling.top_p, 1 - 1e-12))) + 1
    if sampling.top_p < 1:
        order, scores, p = order[:n_keep], scores[:n_keep], p[:n_keep]
    keep = p >= sampling.min_p * p[0]
    order, scores, p = order[keep], scores[keep], p[keep]
    if excludes_top:
        n_top = int((p / p.sum() >= sampling.xtc_threshold).sum())
        order, scores = order[max(0, n_top - 1) :], scores[max(0, n_top - 1) :]
    tempered = np.exp((scores - scores[0]) / sampling.temperature)
    return order, tempered / tempered.sum()


def _typical(p: np.ndarray, typical_p: float) -> np.ndarray:
    """Indices, most likely first, of the tokens whose surprise is nearest to the entropy."""
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = -np.log(p)
        entropy = float(np.where(p > 0, p * surprise, 0).sum())
    nearest = np.argsort(np.abs(surprise - entropy), kind="stable")
    n_keep = int(np.searchsorted(p[nearest].cumsum(), min(typical_p, 1 - 1e-12))) + 1
    kept: np.ndarray = np.sort(nearest[:n_keep])
    return kept


def _likeliest(logits: Float32Array, k: int) -> np.ndarray:
    n = len(logits) if k == 0 else min(k, len(logits))
    chosen = np.argpartition(-logits, n - 1)[:n] if n < len(logits) else np.arange(n)
    order: np.ndarray = chosen[np.argsort(-logits[chosen], kind="stable")]
    return order[np.isfinite(logits[order])] if np.isneginf(logits[order[-1]]) else order
