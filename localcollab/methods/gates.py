"""Gates: from the base's reading to P(z = k | prefix), the probability that expert k writes next.

Several need no training; one is the trained head's. A gate is a pure function of the reading and the
tokens. `deferral` applies the threshold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from localcollab.errors import BadOption
from localcollab.language_model import Float32Array, Reading, log_softmax, log_sum_exp

GateName = Literal["head", "entropy", "margin", "always", "never", "random", "weights"]


@dataclass(frozen=True, slots=True)
class Gate:
    """`defer(reading, n_tokens)` -> (last, K): the probability that expert 1..K writes next.

    `n_tokens` is the length of the sequence the reading ends at.
    """

    name: GateName
    needs_hidden: bool
    defer: Callable[[Reading, int], Float32Array]


def parse_gate(text: str, n_experts: int, *, seed: int = 0) -> Gate:
    """`entropy`, `margin`, `always`, `never` or `random(0.3)`. Raises `BadOption`."""
    name, _, argument = text.partition("(")
    if name == "random" and argument.endswith(")"):
        return random_gate(_rate(argument[:-1], text), n_experts, seed=seed)
    simple = {"entropy": entropy_gate, "margin": margin_gate, "always": always, "never": never}
    if text not in simple:
        known = ", ".join(n for n in get_args(GateName) if n not in ("head", "random", "weights"))
        raise BadOption(f"`gate` is {text!r}, which is not known: give {known}, or random(RATE)")
    return simple[text](n_experts)


def _rate(argument: str, text: str) -> float:
    try:
        rate = float(argument)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise BadOption(f"`gate` is {text!r}: give a rate from 0 to 1, as in random(0.3)")
    return rate


def entropy_gate(n_experts: int) -> Gate:
    """1 - 1/perplexity of the base's next-token distribution, divided evenly among the experts."""

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        logprobs = log_softmax(reading.logits)
        finite = np.where(np.isneginf(logprobs), 0.0, logprobs)  # 0 log 0 = 0
        plogp = np.exp(logprobs) * finite
        return _shared(1 - np.exp(plogp.sum(axis=-1)), n_experts)

    return Gate("entropy", False, defer)


def margin_gate(n_experts: int) -> Gate:
    """1 - (p1 - p2), for the base's two most probable tokens, divided evenly among the experts."""

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        top2 = np.partition(reading.logits, -2, axis=-1)[:, -2:]
        p2, p1 = np.exp(top2 - log_sum_exp(reading.logits)).T
        return _shared(1 - (p1 - p2), n_experts)

    return Gate("margin", False, defer)


def always(n_experts: int) -> Gate:
    return Gate(
        "always", False, lambda reading, _: _shared(np.ones(len(reading.logits)), n_experts)
    )


def never(n_experts: int) -> Gate:
    return Gate(
        "never", False, lambda reading, _: _shared(np.zeros(len(reading.logits)), n_experts)
    )


def random_gate(rate: float, n_experts: int, *, seed: int = 0) -> Gate:
    """Defers at `rate`, to a random expert, by a hash of (seed, position), so a reading stays pure."""

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        n_rows = len(reading.logits)
        positions = np.arange(n_tokens - n_rows, n_tokens)
        p_defer = np.zeros((n_rows, n_experts), np.float32)
        chosen = (_uniform(positions, seed * 2 + 1) * n_experts).astype(int)
        defers = _uniform(positions, seed * 2) < rate
        p_defer[np.arange(n_rows), chosen] = defers
        return p_defer

    return Gate("random", False, defer)


def _uniform(positions: np.ndarray, seed: int) -> np.ndarray:
    """SplitMix64 (Steele et al. 2014) of each position, as floats in [0, 1)."""
    with np.errstate(over="ignore"):
        z = positions.astype(np.uint64) + np.uint64(seed % 2**32 * 2**20)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))) / 2.0**64)


def _shared(p: np.ndarray, n_experts: int) -> Float32Array:
    column = np.asarray(p, np.float32)[:, None] / n_experts
    return np.repeat(column, n_experts, axis=1)  # (last, K)


def weighted_gate(shares: Float32Array) -> Gate:
    """The same everywhere: `shares` (K + 1,), the base's first."""

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        return np.tile(shares[1:].astype(np.float32), (len(reading.logits), 1))

    return Gate("weights", False, defer)


def softmax_gate(p_defer: Callable[[Float32Array], Float32Array]) -> Gate:
    """A trained head: `p_defer` maps hidden states (last, n_embd) to (last, K)."""

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        assert reading.hidden is not None, "deferral asks for hidden states where a gate needs them"
        return p_defer(reading.hidden)

    return Gate("head", True, defer)
