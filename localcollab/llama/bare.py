"""A bare decode loop for `bench` to compare with: llama.cpp by ctypes, nothing else.

It takes over the context of a `LlamaModel` that is no longer read, so that both have the same options.
Each call clears the cache first.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from localcollab.errors import EvaluationFailed
from localcollab.llama.bindings import api
from localcollab.llama.context import LlamaModel


class BareAnswer(NamedTuple):
    tokens: tuple[int, ...]
    seconds_prompt: float
    """Until the first token."""
    seconds_answer: float


class BareLoop:
    """llama_decode and argmax, without chunks, rewinding or events."""

    def __init__(self, model: LlamaModel, clock: Callable[[], float] = time.perf_counter) -> None:
        self._model = model  # keeps the context open
        self._context = model._context
        self._batch = model._batch
        self._clock = clock
        self._n_vocab = model.vocabulary.n_tokens

    def answer(self, prompt: Sequence[int], n_tokens: int) -> BareAnswer:
        """Greedy decoding; end tokens do not end it."""
        self._clear()
        started = self._clock()
        self._decode(prompt, 0, n_outputs=1)
        tokens = [self._argmax()]
        first = self._clock()
        for position in range(len(prompt), len(prompt) + n_tokens - 1):
            self._decode(tokens[-1:], position, n_outputs=1)
            tokens.append(self._argmax())
        return BareAnswer(tuple(tokens), first - started, self._clock() - first)

    def replay(self, tokens: Sequence[int], sizes: Sequence[int]) -> float:
        """Seconds to read `tokens` in batches of `sizes`, each with logits for its last token."""
        self._clear()
        started = self._clock()
        position = 0
        for size in sizes:
            self._decode(tokens[position : position + size], position, n_outputs=1)
            self._argmax()
            position += size
        return self._clock() - started

    def read(self, tokens: Sequence[int], n_outputs: int) -> float:
        """Seconds to read `tokens` at once, with logits at the last `n_outputs`."""
        self._clear()
        started = self._clock()
        self._decode(tokens, 0, n_outputs=n_outputs)
        api.llama_get_logits(self._context)
        return self._clock() - started

    def _clear(self) -> None:
        api.llama_memory_clear(api.llama_get_memory(self._context), False)

    def _decode(self, tokens: Sequence[int], position: int, *, n_outputs: int) -> None:
        batch = self._batch
        batch.n_tokens = n = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = position + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = i >= n - n_outputs
        if code := api.llama_decode(self._context, batch):
            raise EvaluationFailed(f"{self._model.name}: llama_decode returned {code}")

    def _argmax(self) -> int:
        logits = api.llama_get_logits_ith(self._context, -1)
        return int(np.ctypeslib.as_array(logits, (self._n_vocab,)).argmax())
