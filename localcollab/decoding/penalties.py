"""What changes logits before any token is left out: bias, repeat penalty, DRY. All as in llama.cpp."""

from collections.abc import Callable, Sequence

import numpy as np

from localcollab.language_model import Float32Array

BREAKERS = ("\n", ":", '"', "*")
"""Texts at which DRY's repetitions end; llama.cpp's defaults."""
_LARGEST_LOG = 88.7228391  # of a float32


def repeat_penalty(
    logits: Float32Array, tokens: Sequence[int], penalty: float, last: int
) -> Float32Array:
    """A copy with positive logits of the `last` tokens divided, negative multiplied; `logits` at 1."""
    if penalty == 1 or not last:
        return logits
    recent = np.unique(np.asarray(tokens[-last:], dtype=np.int64))
    penalized = logits.copy()
    values, factor = penalized[recent], np.float32(penalty)
    penalized[recent] = np.where(values > 0, values / factor, values * factor)
    return penalized


def subtract_counts(
    logits: Float32Array, tokens: Sequence[int], presence: float, frequency: float, last: int
) -> Float32Array:
    """A copy in which each of the `last` tokens loses `presence`, and `frequency` for each time it is
    among them; `logits` where both are 0."""
    if not (presence or frequency) or not last:
        return logits
    recent, counts = np.unique(np.asarray(tokens[-last:], dtype=np.int64), return_counts=True)
    penalized = logits.copy()
    penalized[recent] -= np.float32(presence) + np.float32(frequency) * counts.astype(np.float32)
    return penalized


def add_bias(logits: Float32Array, bias: Sequence[tuple[int, float]]) -> Float32Array:
    """A copy with `bias` added to its tokens; -inf forbids one."""
    if not bias:
        return logits
    biased = logits.copy()
    for token, value in bias:
        biased[token] += np.float32(value)
    return biased


def dry_penalty(
    logits: Float32Array,
    tokens: Sequence[int],
    is_breaker: Callable[[int], bool],
    *,
    multiplier: float,
    base: float,
    allowed: int,
    last: int,
) -> Float32Array:
    """A copy in which each token that would lengthen a repetition of `allowed` tokens or more loses
    multiplier * base ** (length - allowed), except breakers; `logits` where none does. (p-e-w, DRY.)"""
    window = list(tokens if last < 0 else tokens[-last:] if last else ())
    longest = longest_repetitions(window, is_breaker)
    penalized = logits
    for token, length in longest.items():
        if length < allowed or is_breaker(token):
            continue
        if penalized is logits:
            penalized = logits.copy()
        exponent = float(length - allowed)
        if base > 1:
            exponent = min(exponent, _LARGEST_LOG / np.log(base))
        penalized[token] -= np.float32(multiplier * base**exponent)
    return penalized


def longest_repetitions(tokens: Sequence[int], is_breaker: Callable[[int], bool]) -> dict[int, int]:
    """Token -> how many of the last tokens stood before it once, too: what writing it would repeat.

    Linear: the Z-function of the reversed text. Nothing reaches over the last breaker.
    """
    backwards = list(reversed(tokens))
    limit = next((n for n, token in enumerate(backwards) if is_breaker(token)), len(backwards))
    longest: dict[int, int] = {}
    for at, length in enumerate(_z_function(backwards)):
        if at and length:
            follower = backwards[at - 1]
            longest[follower] = max(longest.get(follower, 0), min(length, limit))
    return longest


def _z_function(text: Sequence[int]) -> list[int]:
    """At each place the length of the longest common prefix with the whole; 0 at the first."""
    n, left, right = len(text), 0, 0
    z = [0] * n
    for at in range(1, n):
        if at < right:
            z[at] = min(right - at, z[at - left])
        while at + z[at] < n and text[z[at]] == text[at + z[at]]:
            z[at] += 1
        if at + z[at] > right:
            left, right = at, at + z[at]
    return z
