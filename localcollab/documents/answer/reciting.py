"""A sentence as a `LanguageModel`, which says a given text and ends, and as the tokens of one.

No model is read for either.
"""

from collections.abc import Sequence

import numpy as np

from localcollab.decoding.encoding import TextStream, encode_continuation
from localcollab.documents.answer.quoting import QUOTES
from localcollab.events import Token
from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper
from localcollab.vocabulary import Vocabulary


class Reciting(Wrapper):
    """Takes a team's place for one answer; what it says has the author `quotes`."""

    def __init__(self, team: LanguageModel, text: str, n_prompt: int) -> None:
        """`n_prompt`: tokens that stand before the text."""
        super().__init__(team)
        said = encode_continuation(team.vocabulary, text, special=False)
        self._script = [*said, *sorted(team.vocabulary.end)[:1]]
        self._n_prompt = n_prompt

    @property
    def n_tokens(self) -> int:
        """Of the text and its end."""
        return len(self._script)

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`; there is no hidden state."""
        logits = np.full((last, self.vocabulary.n_tokens), -np.inf, np.float32)
        for row in range(last):
            at = len(tokens) - last + 1 + row - self._n_prompt
            logits[row, self._script[min(max(at, 0), len(self._script) - 1)]] = 0.0
        return Reading(logits)

    def attribute(self, reading: Reading, token: int) -> str:
        return QUOTES


def recited(text: str, vocabulary: Vocabulary) -> list[Token]:
    """The text as tokens that `quotes` wrote."""
    stream = TextStream()
    return [
        Token(token, stream.add(vocabulary.piece(token)), QUOTES, 1.0)
        for token in encode_continuation(vocabulary, text, special=False)
    ]
