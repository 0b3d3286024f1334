"""Speculative decoding: a small draft proposes tokens, the model reads them at once and keeps matches.

Every token is sampled from the model's own logits at its own prefix; a proposal that equals it saves a
read. So any model or team (arXiv:2502.01662) writes what it would write alone, except for what the batch
size does to its logits (K-quants use another kernel from 4 tokens on). The next read rewinds rejected
proposals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from localcollab.errors import BadOption, VocabularyMismatch
from localcollab.language_model import LanguageModel, OnChunk, Reading


@dataclass(frozen=True, slots=True)
class Draft:
    """A model that proposes `n_tokens` at a time, greedily, in the vocabulary of the main model: its own,
    or seen through it (`vocabularies.translated`)."""

    model: LanguageModel
    n_tokens: int = 3
    """Default: a batch of 4 with the next token, which costs less than two single reads."""

    def __post_init__(self) -> None:
        if not 1 <= self.n_tokens <= 64:
            raise BadOption(f"n_tokens of a draft is {self.n_tokens}: give 1 to 64")

    def propose(
        self, tokens: Sequence[int], at_most: int, on_chunk: OnChunk | None = None
    ) -> list[int]:
        """Up to `at_most` tokens to follow `tokens`; fewer at an end token, in a full context, and where
        the draft cannot write the text."""
        proposal: list[int] = []
        room = self.model.n_ctx - len(tokens)
        for _ in range(min(self.n_tokens, at_most, room)):
            try:
                reading = self.model.read([*tokens, *proposal], on_chunk=on_chunk)
            except VocabularyMismatch:
                break
            token = int(reading.logits[-1].argmax())
            if token in self.model.vocabulary.end:
                break
            proposal.append(token)
        return proposal


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
