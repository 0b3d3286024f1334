"""What is recorded of a token when it is written: author, probability, whether anybody was sure."""

import math

import numpy as np

from localcollab.events import Token
from localcollab.language_model import LanguageModel, Reading

_LEAST = 1e-30
"""A probability of 0 has no logarithm."""
UNSURE_BELOW = 0.5
"""A token is unsure if no member that was read gave it this probability, and its word is new."""


def written(
    model: LanguageModel, reading: Reading, token: int, *, is_known: bool, author: str | None = None
) -> Token:
    """`is_known`: its word begins a word of the prompt. `author`: whom it is forced from."""
    p = probability(reading.logits[-1], token)
    p_defer = None if reading.p_defer is None else float(reading.p_defer[-1].sum())
    return Token(
        id=token,
        text="",
        author=author or model.attribute(reading, token),
        probability=p,
        p_defer=p_defer,
        unsure=not is_known and p < UNSURE_BELOW and _most_confident(reading, token) < UNSURE_BELOW,
    )


def probability(logits: np.ndarray, token: int) -> float:
    """Softmax of one row, at one token."""
    if not np.isfinite(logits[token]):
        return 0.0
    with np.errstate(over="ignore"):  # a very improbable token: 1 / inf = 0
        return float(1.0 / np.exp(logits - logits[token]).sum())


def log(p: float) -> float:
    """Nats; of 0 a number far below all others."""
    return math.log(max(p, _LEAST))


def _most_confident(reading: Reading, token: int) -> float:
    """The highest probability that the team or any member that was read gave to `token`."""
    own = probability(reading.logits[-1], token) if token < reading.logits.shape[1] else 0.0
    return max([own, *(_most_confident(member, token) for member in reading.members.values())])
