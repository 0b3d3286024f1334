"""Difference between a model's predictions and its original's, token by token on one text.

KL(original || file) in nats, agreement of the most probable token, and perplexity of both. Works on
windows of tokens and blocks of logits, which `readers` provides.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from localcollab.language_model import Float32Array, log_softmax

BUCKETS = (0, 16, 64, 256)
"""First positions of the groups of token positions."""


class Block(NamedTuple):
    """Consecutive positions of a window."""

    logits: Float32Array
    """(n, n_vocab)"""
    hidden: Float32Array
    """(n, n_embd), after the final norm."""


Read = Callable[[Sequence[int]], Iterator[Block]]
"""The blocks of a window in order, of equal lengths for both models."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One row a predicted token."""

    position: np.ndarray
    kl: np.ndarray
    agrees: np.ndarray
    nll: np.ndarray
    """Nats of the next token of the text; NaN at the last position of a window."""
    nll_original: np.ndarray
    hidden: Float32Array
    hidden_original: Float32Array
    largest_difference: float
    """Of two logits, relative to the largest absolute logit of the original."""


@dataclass(frozen=True, slots=True)
class Summary:
    n_tokens: int
    kl: float
    kl_largest: float
    agreement: float
    perplexity: float
    perplexity_original: float


def score(
    windows: Sequence[Sequence[int]], ours: Read, theirs: Read, on_window: Callable[[int], None]
) -> Scores:
    """Both models over the same windows."""
    parts: list[_Part] = []
    for n, window in enumerate(windows):
        on_window(n)
        parts += _score_window(window, ours, theirs)
    difference = max(part.difference for part in parts)
    return Scores(
        position=np.concatenate([part.position for part in parts]),
        kl=np.concatenate([part.kl for part in parts]),
        agrees=np.concatenate([part.agrees for part in parts]),
        nll=np.concatenate([part.nll for part in parts]),
        nll_original=np.concatenate([part.nll_original for part in parts]),
        hidden=np.concatenate([part.hidden for part in parts]),
        hidden_original=np.concatenate([part.hidden_original for part in parts]),
        largest_difference=difference / max(part.largest for part in parts),
    )


class _Part(NamedTuple):
    """Scores of one block; `difference` and `largest` give `Scores.largest_difference`."""

    position: np.ndarray
    kl: np.ndarray
    agrees: np.ndarray
    nll: np.ndarray
    nll_original: np.ndarray
    hidden: Float32Array
    hidden_original: Float32Array
    difference: float
    largest: float


def _score_window(window: Sequence[int], ours: Read, theirs: Read) -> Iterator[_Part]:
    start = 0
    for own, other in zip(ours(window), theirs(window), strict=True):
        n = len(own.logits)
        n_vocab = min(own.logits.shape[1], other.logits.shape[1])
        a, b = own.logits[:, :n_vocab], other.logits[:, :n_vocab]
        p, q = log_softmax(b).astype(np.float64), log_softmax(a).astype(np.float64)
        following = window[start + 1 : start + n + 1]
        yield _Part(
            np.arange(start, start + n),
            np.maximum((np.exp(p) * (p - q)).sum(axis=1), 0),
            a.argmax(axis=1) == b.argmax(axis=1),
            _nll(q, following),
            _nll(p, following),
            own.hidden,
            other.hidden,
            float(np.abs(a - b).max()),
            float(np.abs(b).max()),
        )
        start += n


def _nll(logprobs: np.ndarray, following: Sequence[int]) -> np.ndarray:
    nll = np.full(len(logprobs), np.nan)
    n = len(following)
    nll[:n] = -logprobs[np.arange(n), np.array(following, int)]
    return nll


def summarize(scores: Scores, chosen: np.ndarray | None = None) -> Summary:
    """Of the `chosen` rows (bool); None: all."""
    rows = np.ones(len(scores.kl), bool) if chosen is None else chosen
    return Summary(
        n_tokens=int(rows.sum()),
        kl=float(scores.kl[rows].mean()),
        kl_largest=float(scores.kl[rows].max()),
        agreement=float(scores.agrees[rows].mean()),
        perplexity=_perplexity(scores.nll[rows]),
        perplexity_original=_perplexity(scores.nll_original[rows]),
    )


def _perplexity(nll: np.ndarray) -> float:
    known = nll[~np.isnan(nll)]
    with np.errstate(over="ignore"):
        return float(np.exp(known.mean())) if len(known) else float("nan")


def by_position(scores: Scores) -> dict[str, Summary]:
    """Groups of positions in their window: `0-15`, `16-63`, ..."""
    found = {}
    for start, end in zip(BUCKETS, (*BUCKETS[1:], None), strict=True):
        rows = scores.position >= start
        if end is not None:
            rows &= scores.position < end
        if rows.any():
            found[f"{start}-{end - 1}" if end else f"{start}-"] = summarize(scores, rows)
    return found
