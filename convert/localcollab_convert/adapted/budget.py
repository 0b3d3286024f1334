"""What the training of these documents takes on this machine, and what fits the minutes given.

Speed is measured on the rows themselves; memory is computed. Both are told before the work starts.
"""

import math
import time
from dataclasses import dataclass

from localcollab.errors import BadOption
from localcollab.llama.header import Header
from localcollab.llama.machine import available_bytes
from localcollab_convert.adapted.layers import Shape
from localcollab_convert.adapted.rows import Batch
from localcollab_convert.adapted.train import PRACTICE_EVERY, LoraTraining

LEAST_ROUNDS, BEST_ROUNDS = 6, 24
"""With fewer rounds passages are not known; more change little, where there are enough steps."""
TRAINING_SHARE = 0.7
"""Of the minutes; the rest is the base's general text, the checks, the head and the table."""
_STEPS, _LEAST_STEPS = 500, 120
"""About so many are wanted, and fewer do not suffice."""
_LEAST_STEP, _MOST_STEP = 160, 640
"""Tokens. Smaller steps are slow, larger ones learn no more."""
_WARM, _MEASURED = 1, 4
"""Steps."""
PRACTICE_SHARE = 0.4
"""Of the tokens of a step: general text, in some of them."""
_MOST_SECONDS = 20.0
_IMPORTS = 450 * 2**20
"""Bytes: Python, PyTorch, transformers."""
_FLOAT, _HALF = 4, 2
_LIVE = 34
"""Values of n_embd width that a token keeps in one block for the backward pass, about."""


@dataclass(frozen=True, slots=True)
class Budget:
    n_rounds: int
    tokens_per_second: float
    training_minutes: float

    @property
    def minutes(self) -> float:
        return self.training_minutes / TRAINING_SHARE


def best_rounds(tokens_per_round: float) -> int:
    """More for few documents: an adapter needs some steps, whatever it learns."""
    return max(BEST_ROUNDS, math.ceil(_LEAST_STEPS * _LEAST_STEP / tokens_per_round))


def step_tokens(tokens_per_round: int) -> int:
    return max(_LEAST_STEP, min(_MOST_STEP, BEST_ROUNDS * tokens_per_round // _STEPS))


def measure_speed(training: LoraTraining, some: list[Batch]) -> float:
    """Tokens a second of some steps, at most 20 s; the training must be restored or new afterwards."""
    started = n_tokens = 0.0
    first = time.monotonic()
    for n in range(_WARM + _MEASURED):
        if n == _WARM:
            started = time.monotonic()
        lesson = some[n % len(some)]
        training.advance(lesson, None if n % PRACTICE_EVERY else _end_of(lesson), 1000)
        n_tokens += lesson.n_tokens if n >= _WARM else 0
        if n >= _WARM and time.monotonic() - first > _MOST_SECONDS:
            break
    return n_tokens / max(time.monotonic() - started, 1e-6)


def _end_of(lesson: Batch) -> Batch:
    """As many tokens as a step reads of general text; the answers are at the end."""
    n = math.ceil(PRACTICE_SHARE * lesson.ids.shape[1])
    return Batch(lesson.ids[:, -n:], lesson.learned[:, -n:])


def plan_rounds(
    n_statements: int, tokens_per_round: float, tokens_per_second: float, minutes: float | None
) -> Budget:
    """Raises `BadOption` where the minutes do not suffice, with the number that does."""
    minutes_per_round = tokens_per_round / tokens_per_second / 60
    best = best_rounds(tokens_per_round)
    if minutes is None:
        return Budget(best, tokens_per_second, best * minutes_per_round)
    n_rounds = min(best, math.floor(TRAINING_SHARE * minutes / minutes_per_round))
    if n_rounds < LEAST_ROUNDS:
        needed = LEAST_ROUNDS * minutes_per_round / TRAINING_SHARE
        possible = int(n_statements * minutes / needed)
        raise BadOption(
            f"`minutes` is {minutes:g}: this machine learns {tokens_per_second:.0f} tokens a second, so "
            f"{n_statements} statements need {math.ceil(needed)} minutes, and about {possible} can "
            f"be learned in {minutes:g}: give more `minutes`, or fewer documents"
        )
    return Budget(n_rounds, tokens_per_second, n_rounds * minutes_per_round)


def memory_bytes(base: Header, shape: Shape, tokens_a_step: int) -> int:
    """The peak of the process: loading the base, or a training step, whichever is larger."""
    layers, width = base.number("block_count") or 1, base.number("embedding_length") or 1
    inner = base.number("feed_forward_length") or 4 * width
    n_vocab = base.lengths.get("tokenizer.ggml.tokens", 0)
    n_parameters = sum(math.prod(tensor.shape) for tensor in base.tensors)
    lora = layers * shape.rank * (4 * 2 * width + 3 * (width + inner))
    activations = tokens_a_step * layers * (_LIVE * width + 8 * inner) * _HALF
    logits = 4 * (tokens_a_step // 2) * n_vocab * _FLOAT
    training = _HALF * n_parameters + 4 * _FLOAT * lora + activations + logits
    return _IMPORTS + max((_FLOAT + _HALF) * n_parameters, training)


def require_memory(needed: int) -> None:
    """Raises `BadOption`."""
    free = available_bytes()
    if free is not None and needed > free:
        raise BadOption(
            f"`base` needs about {needed / 2**30:.1f} GiB of memory for its training, and "
            f"{free / 2**30:.1f} GiB are free: close programs, or take a smaller base"
        )
