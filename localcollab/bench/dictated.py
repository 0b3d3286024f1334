"""A model that writes what it is told to: its reads cost what they cost, whatever it would say itself."""

from collections.abc import Sequence

import numpy as np

from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper


class Dictated(Wrapper):
    """`inner`, with logits that force the dictated tokens after a prompt; it reads any tokens."""

    def __init__(self, inner: LanguageModel) -> None:
        super().__init__(inner)
        self._script: Sequence[int] = ()
        self._start = 0

    def dictate(self, n_prompt: int, script: Sequence[int]) -> None:
        self._start, self._script = n_prompt, script

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. Rows before the script and behind it are `inner`'s."""
        reading = self.inner.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)
        logits = reading.logits.copy()
        for row, n_read in enumerate(range(len(tokens) - last + 1, len(tokens) + 1)):
            if 0 <= n_read - self._start < len(self._script):
                logits[row, self._script[n_read - self._start]] = np.finfo(np.float32).max
        return reading._replace(logits=logits)
