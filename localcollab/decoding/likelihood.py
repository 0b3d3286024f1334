"""Log-probabilities of given tokens, row by row: never more than one block of rows is in memory.

What a block holds is `rows_at_once`; every row becomes two numbers before the next is looked at. What a
sequence is and which of its tokens count is left to the callers.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading, rows_at_once

OnRow = Callable[[int, Float32Array, Float32Array | None], None]
"""`on_row(position, logits, hidden)`: the logits (n_vocab,) for the token at `position`, and the state
(n_embd,) that they come from where it was asked for."""


class Gold(NamedTuple):
    """What a model thinks of the tokens that are there, at the positions that were asked for."""

    logprobs: Float32Array
    """(n,), nats; -inf where the model lacks the token."""
    is_argmax: npt.NDArray[np.bool_]
    """(n,)"""
    hidden: Float32Array | None
    """(n, n_embd), of the position before each token; None unless it was asked for."""


def read_gold(
    model: LanguageModel,
    tokens: Sequence[int],
    positions: Sequence[int],
    *,
    hidden: bool = False,
    on_chunk: OnChunk | None = None,
    n_rows: int | None = None,
) -> Gold:
    """Of the tokens at `positions` (ascending, from 1: position 0 has no prefix).

    `n_rows`: rows a block. Raises what `read` raises.
    """
    logprobs = np.empty(len(positions), np.float32)
    is_argmax = np.empty(len(positions), np.bool_)
    states: list[Float32Array] = []
    score = GoldRows(model.vocabulary.n_tokens)
    n_rows = n_rows or rows_at_once(model.vocabulary.n_tokens)
    for some, first, reading in _blocks(model, tokens, positions, n_rows, hidden, on_chunk):
        rows = np.array(positions[some]) - first
        for n, row in enumerate(rows, some.start):
            logprobs[n], is_argmax[n] = score(reading.logits[row], tokens[positions[n]])
        if reading.hidden is not None:
            states.append(reading.hidden[rows])
    return Gold(logprobs, is_argmax, np.concatenate(states) if states else None)


class GoldRows:
    """One row of logits -> (log softmax of the gold token, whether it is the argmax)."""

    def __init__(self, n_vocab: int) -> None:
        # Reused: a fresh array a row costs as much as the arithmetic.
        self._scratch = np.empty(n_vocab, np.float32)

    def __call__(self, logits: Float32Array, gold: int) -> tuple[float, bool]:
        best = int(logits.argmax())
        return float(logits[gold] - self.log_sum(logits, logits[best])), best == gold

    def log_sum(self, logits: Float32Array, largest: np.float32) -> float:
        """log of the sum of exp, given the largest logit."""
        np.subtract(logits, largest, out=self._scratch)
        np.exp(self._scratch, out=self._scratch)
        return float(largest) + float(np.log(self._scratch.sum()))


def read_rows(
    model: LanguageModel,
    tokens: Sequence[int],
    positions: Sequence[int],
    on_row: OnRow,
    *,
    hidden: bool = False,
    on_chunk: OnChunk | None = None,
) -> None:
    """Calls `on_row` for each of `positions`, as in `read_gold`, perhaps also the one behind the last
    token. A row is valid during its call."""
    n_rows = rows_at_once(model.vocabulary.n_tokens)
    for some, first, reading in _blocks(model, tokens, positions, n_rows, hidden, on_chunk):
        for position in positions[some]:
            state = None if reading.hidden is None else reading.hidden[position - first]
            on_row(position, reading.logits[position - first], state)


def _blocks(
    model: LanguageModel,
    tokens: Sequence[int],
    positions: Sequence[int],
    n_rows: int,
    hidden: bool,
    on_chunk: OnChunk | None,
) -> Iterator[tuple[slice, int, Reading]]:
    """(which of `positions`, the position that the reading's first row predicts, reading)."""
    at = np.asarray(positions, np.int64)
    start = 0
    while start < len(at):
        first = int(at[start])
        stop = int(np.searchsorted(at, first + n_rows))
        until = int(at[stop - 1])  # the token there is the last one predicted
        reading = model.read(
            tokens[:until], last=until - first + 1, hidden=hidden, on_chunk=on_chunk
        )
        yield slice(start, stop), first, reading
        start = stop
