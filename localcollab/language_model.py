"""The contract: whatever predicts the next token is a `LanguageModel`, and so is a team of them.

Knows neither llama.cpp nor any method. Generation, sampling, chat, bench and evaluation are written
against it once.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from localcollab.vocabulary import Vocabulary

Float32Array = npt.NDArray[np.float32]
OnChunk = Callable[[int, int], None]
"""`on_chunk(done, total)`: tokens evaluated by this read so far, and in all. May raise `Stopped`.

Called between chunks, and every few milliseconds inside a long one.
"""

_BLOCK_BYTES, _TILE = 64 * 2**20, 64


def rows_at_once(n_vocab: int) -> int:
    """How many rows of logits are held at a time: 64 MiB, and 64, 128, 256 or 512.

    llama.cpp reads fewer than 64 tokens at a time at less than half the speed, and 320 slower than 256.
    """
    n_tiles = _BLOCK_BYTES // (4 * n_vocab * _TILE)
    return int(_TILE * 2 ** (min(max(n_tiles, 1), 8).bit_length() - 1))


class Stopped(Exception):
    """Raised by an `on_chunk` to end a read; the model's cache stays valid."""


class Reading(NamedTuple):
    """A model's output at each of the last `last` positions."""

    logits: Float32Array
    """(last, n_vocab), in this model's ids; -inf where a member lacks a token."""
    hidden: Float32Array | None = None
    """(last, n_embd), after the final norm: what the LM head reads."""
    p_defer: Float32Array | None = None
    """(last, K): the probability that expert 1..K should write the next token."""
    members: Mapping[str, "Reading"] = MappingProxyType({})
    """Only the members that were read; rows align at the end with this reading's rows."""


class LanguageModel(Protocol):
    """One reader of one sequence. Open another context for a second conversation."""

    @property
    def name(self) -> str: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def n_embd(self) -> int: ...
    @property
    def n_ctx(self) -> int: ...

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """Read the WHOLE sequence so far; only what the cache lacks is evaluated.

        `last=0` evaluates only. A pure function of the model and the tokens. Raises `ContextFull`,
        `BadOption` (an empty sequence, `last` out of range, an unknown id), `EvaluationFailed`,
        and whatever `on_chunk` raises.
        """
        ...

    def attribute(self, reading: Reading, token: int) -> str:
        """The author of `token`, sampled after the last position; `expert/anti` in nested teams."""
        ...


class Wrapper:
    """A `LanguageModel` around another: whatever a subclass does not override is `inner`'s."""

    def __init__(self, inner: LanguageModel) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def vocabulary(self) -> Vocabulary:
        return self.inner.vocabulary

    @property
    def n_embd(self) -> int:
        return self.inner.n_embd

    @property
    def n_ctx(self) -> int:
        return self.inner.n_ctx

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`."""
        return self.inner.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.inner.attribute(reading, token)


def log_sum_exp(logits: Float32Array) -> Float32Array:
    """log of the sum of exp over the last axis, which is kept with length 1."""
    largest = logits.max(axis=-1, keepdims=True)
    log_sum: Float32Array = largest + np.log(np.exp(logits - largest).sum(axis=-1, keepdims=True))
    return log_sum


def log_softmax(logits: Float32Array) -> Float32Array:
    """Logits (..., n_vocab) -> log-probabilities in nats, over the last axis; -inf stays -inf."""
    logprobs: Float32Array = logits - log_sum_exp(logits)
    return logprobs
