"""The log-probability of a text that follows another, and the likeliest of several choices."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from localcollab.decoding.encoding import encode_continuation
from localcollab.decoding.likelihood import read_gold
from localcollab.evaluation.expected import Choice
from localcollab.language_model import LanguageModel, log_sum_exp

_LEAST = -100.0
"""Log-probability of a token that a member lacks: low, but finite."""


class Likelihood(NamedTuple):
    total: float
    """Nats, of all tokens together."""
    is_greedy: bool
    """Every token is the most probable one at its place."""
    n_tokens: int


def likelihood_of(
    model: LanguageModel, prompt: Sequence[int], continuation: Sequence[int]
) -> Likelihood:
    """Of `continuation` behind a prompt of at least one token. Raises what `read` raises."""
    tokens = [*prompt, *continuation]
    found = read_gold(model, tokens, range(len(prompt), len(tokens)))
    total = float(np.maximum(found.logprobs, _LEAST).sum(dtype=np.float64))
    return Likelihood(total, bool(found.is_argmax.all()), len(continuation))


def choose(model: LanguageModel, prompt: Sequence[int], choice: Choice) -> tuple[str, float]:
    """(label, log of its share): the choice of the highest likelihood per byte, as the share of a
    softmax over the choices; by letter the highest likelihood."""
    scores = []
    for label, text in choice.choices:
        written = label if choice.measure == "letter" else text
        continuation = encode_continuation(model.vocabulary, _joined(model, prompt, written))
        found = likelihood_of(model, prompt, continuation)
        n = 1 if choice.measure == "letter" else len(written.encode("utf-8", "surrogatepass"))
        scores.append(found.total / max(n, 1))
    values = np.array(scores, np.float32)
    best = int(values.argmax())
    return choice.choices[best][0], float(values[best] - log_sum_exp(values)[0])


def _joined(model: LanguageModel, prompt: Sequence[int], text: str) -> str:
    """With a blank where the prompt ends within a line and writes none."""
    end = model.vocabulary.piece(prompt[-1])
    return text if not end or end[-1:].isspace() or text[:1].isspace() else f" {text}"
