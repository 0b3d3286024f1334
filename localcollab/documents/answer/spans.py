"""A model that answers with a span of the text it was given: every word it writes is copied.

Its distribution is limited to what may come next: the beginning of any word of the text, then the
token that follows in the text or the end. What ends an answer for the model (the end token, a line break,
a full stop) ends the span. So a small model chooses where to begin and where to stop, and nothing else.
"""

import re
from collections.abc import Sequence

import numpy as np

from localcollab.documents.answer.quoting import QUOTES
from localcollab.language_model import (
    Float32Array,
    LanguageModel,
    OnChunk,
    Reading,
    Wrapper,
    log_softmax,
)
from localcollab.vocabulary import Vocabulary

_START = re.compile(r"(?<![\w.,'’-])[$€£¥]?\w")
_IN_WORD = re.compile(rb"[\w\x80-\xff]")
_SENTENCE_END = re.compile(rb"[.!?][\"')]*(?:\s|$)|$")
_AHEAD = 32
"""Bytes that a token is found from."""
_STOPS = (".", "\n", ",", ".\n")
MOST_WORDS = 12
"""Of a span."""


class Span(Wrapper):
    """Takes a model's place for one answer."""

    def __init__(self, model: LanguageModel, text: str, n_prompt: int) -> None:
        """`text`: what may be copied; `n_prompt`: tokens that stand before the answer."""
        super().__init__(model)
        self._spans = Spans(text, model.vocabulary)
        self._n_prompt = n_prompt
        self._ends = _ending_tokens(model.vocabulary)
        self._end = min(model.vocabulary.end, default=None)

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. `hidden` is the model's."""
        reading = self.inner.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)
        ends = range(len(tokens) - last + 1, len(tokens) + 1)
        rows = [
            self._limited(log_softmax(row), tokens[self._n_prompt : end])
            for row, end in zip(reading.logits, ends, strict=True)
        ]
        logits = np.stack(rows) if rows else reading.logits
        return Reading(logits, reading.hidden, members={self.inner.name: reading})

    def attribute(self, reading: Reading, token: int) -> str:
        return QUOTES

    def _limited(self, logprobs: Float32Array, said: Sequence[int]) -> Float32Array:
        """What follows what was said, and the end with the probability of all that ends an answer."""
        following, may_end = self._spans.after(said)
        limited = np.full_like(logprobs, -np.inf)
        limited[list(following)] = logprobs[list(following)]
        if self._end is not None and (may_end or not following):
            limited[self._end] = np.logaddexp.reduce(logprobs[self._ends]) if following else 0.0
        return limited


class Spans:
    """The text as bytes, tokenized so that it can be continued from any of them."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        one_line = " ".join(text.split())
        self._data, self._vocabulary = one_line.encode(), vocabulary
        self._starts = [
            len(one_line[: found.start()].encode()) for found in _START.finditer(one_line)
        ]

    def after(self, said: Sequence[int]) -> tuple[frozenset[int], bool]:
        """The tokens that may follow, and whether the span may end here."""
        spoken = b"".join(map(self._vocabulary.piece, said)).lstrip()
        if not spoken:
            return frozenset(map(self._token, self._starts)), False
        ends = [at + len(spoken) for at in self._starts if self._data.startswith(spoken, at)]
        is_whole = any(_IN_WORD.match(self._data, end) is None for end in ends)
        if is_whole and len(spoken.split()) >= MOST_WORDS:
            return frozenset(), True
        going_on = (end for end in ends if _SENTENCE_END.match(self._data, end) is None)
        return frozenset(map(self._token, going_on)), is_whole

    def _token(self, at: int) -> int:
        return self._vocabulary.encode_bytes(self._data[at : at + _AHEAD])[0]


def _ending_tokens(vocabulary: Vocabulary) -> list[int]:
    written = (vocabulary.token_of.get(stop.encode()) for stop in _STOPS)
    return sorted({*vocabulary.end, *(token for token in written if token is not None)})
