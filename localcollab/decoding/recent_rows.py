"""A model that keeps the last rows it gave: what it proposed is not read again to verify it."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from localcollab.decoding.costs import LONGEST
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading, Wrapper


class RecentRows(Wrapper):
    """`inner` with the logits of its last positions at hand. Readings with hidden states, and those of
    teams, are `inner`'s as they are."""

    def __init__(self, inner: LanguageModel) -> None:
        super().__init__(inner)
        self._tokens: list[int] = []
        self._rows: deque[Float32Array] = deque(maxlen=LONGEST + 1)
        """(n_vocab,) each, of the last positions of `_tokens`."""

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`."""
        wanted = list(tokens)
        if hidden or not 0 < last <= LONGEST + 1:
            return self.inner.read(wanted, last=last, hidden=hidden, on_chunk=on_chunk)
        n_new = len(wanted) - self._keep(wanted)
        n_missing = n_new if last <= n_new + len(self._rows) else last
        n_missing = min(n_missing, last)
        if n_missing:
            reading = self.inner.read(wanted, last=n_missing, on_chunk=on_chunk)
            if reading.members:  # a team's rows are more than logits
                return self.inner.read(wanted, last=last, on_chunk=on_chunk)
            if n_new != n_missing:
                self._rows.clear()
            self._rows.extend(reading.logits)
            self._tokens = wanted
            if n_missing == last:
                return reading
        return Reading(np.stack(list(self._rows)[-last:]))

    def _keep(self, wanted: list[int]) -> int:
        """Drops the rows of another text. Returns how many tokens of `wanted` are left."""
        n_known = len(self._tokens)
        if wanted[:n_known] != self._tokens:
            pairs = enumerate(zip(self._tokens, wanted, strict=False))
            n_same = next((n for n, (a, b) in pairs if a != b), min(n_known, len(wanted)))
            for _ in range(min(n_known - n_same, len(self._rows))):
                self._rows.pop()
            del self._tokens[n_same:]
        return len(self._tokens)
