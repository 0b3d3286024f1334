"""Going back: what was written turns out wrong, is taken back, and is written again in another way.

One trigger so far: a loop (`repetition`). Its first copy stays, the token that began the second one may
not follow it, and from there on DRY keeps the answer from repeating itself. Never changes an answer in
which nothing triggers.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from localcollab.decoding.answer_text import Answer
from localcollab.decoding.repetition import Loop
from localcollab.decoding.sampling import Sampler, Sampling, make_sampler
from localcollab.events import Retracted
from localcollab.language_model import Float32Array

MOST = 3
"""Times that one answer goes back."""
DRY_MULTIPLIER = 0.8
"""llama.cpp's usual value."""


class SecondThoughts:
    """Of one answer: how its tokens are drawn, and what was taken back."""

    def __init__(
        self, sampling: Sampling, piece: Callable[[int], bytes], *, most: int = MOST
    ) -> None:
        """`most` 0: never goes back."""
        self._sampling, self._left = sampling, most
        self._sample = make_sampler(sampling, piece)
        self._forbidden: dict[int, set[int]] = {}
        """By length of the text before."""

    @property
    def are_left(self) -> bool:
        return self._left > 0

    def sample(self, logits: Float32Array, tokens: Sequence[int]) -> int:
        """The next token, drawn as a plain sampler does until something was taken back."""
        forbidden = self._forbidden.get(len(tokens))
        if forbidden:
            logits = logits.copy()
            logits[sorted(forbidden)] = -np.inf
        return self._sample(logits, tokens)

    def take_back(self, loop: Loop, answer: Answer, tokens: list[int]) -> Retracted:
        """All copies but the first, from `answer` and from `tokens`, which end with it."""
        self._left -= 1
        n_prompt = len(tokens) - len(answer.tokens)
        taken = answer.tokens[loop.start + loop.period :]
        event = answer.take_back(loop.start + loop.period)
        del tokens[n_prompt + len(answer.tokens) :]
        self._forbidden.setdefault(len(tokens), set()).add(taken[0])
        self._sample = self._sampler()
        return event

    def _sampler(self) -> Sampler:
        # Lines repeat each other, too, so nothing breaks a repetition here.
        multiplier = max(self._sampling.dry_multiplier, DRY_MULTIPLIER)
        return make_sampler(replace(self._sampling, dry_multiplier=multiplier))
