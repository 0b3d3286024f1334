"""Speculative decoding: tokens are proposed, the model reads them at once and keeps its own.

Every token is sampled from the model's own logits at its own prefix; a proposal that equals it saves a
read. So any model or team (arXiv:2502.01662) writes what it would write alone, except for what the batch
size does to its logits (K-quants use another kernel from 4 tokens on). The next read rewinds rejected
proposals. How much is proposed, and by whom, is left to `controller`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from localcollab.errors import BadOption, VocabularyMismatch
from localcollab.language_model import LanguageModel, OnChunk, Reading


@dataclass(frozen=True, slots=True)
class Draft:
    """A model that proposes tokens, greedily, in the vocabulary of the main model: its own, or seen
    through it (`vocabularies.translated`)."""

    model: LanguageModel
    n_tokens: int = 16
    """At a time, at most; the controller asks for fewer."""

    def __post_init__(self) -> None:
        if not 1 <= self.n_tokens <= 64:
            raise BadOption(f"n_tokens of a draft is {self.n_tokens}: give 1 to 64")

    def tokens(
        self, tokens: Sequence[int], at_most: int, on_chunk: OnChunk | None = None
    ) -> Iterator[tuple[int, float]]:
        """Up to `at_most` tokens to follow `tokens`, each with the draft's probability of it; fewer at an
        end token, in a full context, and where the draft cannot write the text."""
        proposal: list[int] = []
        room = self.model.n_ctx - len(tokens)
        for _ in range(min(self.n_tokens, at_most, room)):
            try:
                reading = self.model.read([*tokens, *proposal], on_chunk=on_chunk)
            except VocabularyMismatch:
                return
            row = reading.logits[-1]
            token = int(row.argmax())
            if token in self.model.vocabulary.end:
                return
            proposal.append(token)
            yield token, float(1 / np.exp(row - row[token]).sum())

    def propose(
        self, tokens: Sequence[int], at_most: int, on_chunk: OnChunk | None = None
    ) -> list[int]:
        """All that `tokens` yields."""
        return [token for token, _ in self.tokens(tokens, at_most, on_chunk)]


def before_last(reading: Reading, n_rows: int) -> Reading:
    """The reading `n_rows` positions earlier, without members that had not been read by then."""
    if n_rows == 0:
        return reading
    n_kept = len(reading.logits) - n_rows
    members = {
        name: before_last(member, n_rows)
        for name, member in reading.members.items()
        if len(member.logits) > n_rows
    }
    return Reading(
        reading.logits[:n_kept],
        None if reading.hidden is None else reading.hidden[:n_kept],
        None if reading.p_defer is None else reading.p_defer[:n_kept],
        members,
    )
