"""Log-likelihoods of answer tokens, in NumPy: single members, mixtures, the head, the oracle.

Columns are always base first, then expert 1..K.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from localcollab.language_model import Float32Array
from localcollab.methods.heads import Head

Float64Array = npt.NDArray[np.float64]

_MIN_GAIN = 1e-9
"""Nats a token; a step that gains less is the last one."""
_MAX_STEPS = 10_000
FLOOR = -100.0
"""Log-prob of a token that a member cannot write: -inf would make every mean infinite."""


@dataclass(frozen=True, slots=True)
class TokenTable:
    """One row per answer token."""

    hidden: npt.NDArray[np.float16]
    """(n, n_embd): the base's state at the position before the token."""
    logprobs: Float32Array
    """(n, K+1), nats, of the gold token; never below `FLOOR`."""
    is_argmax: npt.NDArray[np.bool_]
    """(n, K+1)"""

    def __len__(self) -> int:
        return len(self.logprobs)


def log_pi(head: Head, hidden: npt.NDArray[np.float16], n_rows: int = 65536) -> Float64Array:
    """log P(z = k | hidden), (n, K+1)."""
    parts = []
    for at in range(0, len(hidden), n_rows):
        logits = head.logits(hidden[at : at + n_rows].astype(np.float32)).astype(np.float64)
        parts.append(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    return np.concatenate(parts)


def log_marginal(log_weights: Float64Array, logprobs: Float32Array) -> Float64Array:
    """log sum_k w_k P_k(gold), (n,)."""
    total: Float64Array = np.logaddexp.reduce(log_weights + logprobs.astype(np.float64), axis=1)
    return total


def fit_weights(logprobs: Float32Array) -> tuple[float, ...]:
    """Maximum-likelihood weights; logprobs (n, K), nats, of the gold tokens."""
    table = logprobs.astype(np.float64)
    log_weights: Float64Array = np.full(table.shape[1], -np.log(table.shape[1]))
    before = -np.inf
    for _ in range(_MAX_STEPS):
        total = np.logaddexp.reduce(log_weights + table, axis=1, keepdims=True)  # (n, 1)
        if total.mean() - before < _MIN_GAIN:
            break
        before = float(total.mean())
        shares = np.exp(log_weights + table - total)  # (n, K): responsibilities
        with np.errstate(divide="ignore"):
            log_weights = np.log(shares.mean(axis=0))
    weights = np.exp(log_weights)
    return tuple(float(weight) for weight in weights / weights.sum())


def measure_nll(table: TokenTable, head: Head) -> dict[str, float]:
    """Mean nats a token, with the names of `HeadMetadata.metrics`."""
    logprobs = table.logprobs.astype(np.float64)
    n_members = logprobs.shape[1]
    equal = np.full_like(logprobs, -np.log(n_members))
    singles = {("base" if k == 0 else f"expert {k}"): logprobs[:, k] for k in range(n_members)}
    return {
        name: float(-values.mean())
        for name, values in {
            **singles,
            "mixture": log_marginal(equal, table.logprobs),
            "head": log_marginal(log_pi(head, table.hidden), table.logprobs),
            "oracle": logprobs.max(axis=1),
        }.items()
    }


def best_single(nll: dict[str, float]) -> str:
    return min((n for n in nll if n == "base" or n.startswith("expert ")), key=lambda n: nll[n])


def p_any(head: Head, hidden: npt.NDArray[np.float16]) -> Float64Array:
    """The probability that any expert should write, (n,)."""
    p: Float64Array = 1.0 - np.exp(log_pi(head, hidden)[:, 0])
    return p


def concatenate(tables: Sequence[TokenTable]) -> TokenTable:
    return TokenTable(
        np.concatenate([table.hidden for table in tables]),
        np.concatenate([table.logprobs for table in tables]),
        np.concatenate([table.is_argmax for table in tables]),
    )
