"""A model with another model's token ids, if only padding and added tokens differ.

Families pad their vocabularies to different sizes (32016 and 32001, 151936 and 152064) or move a few
added tokens. Ids are mapped by token string; a token the inner model lacks has probability zero.
"""

from collections.abc import Sequence

import numpy as np

from localcollab.errors import VocabularyMismatch
from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper
from localcollab.vocabulary import Vocabulary

MAX_DIFFERENT = 1024
"""Tokens that may be missing on either side. More means another tokenizer, not padding."""


class RemappedVocabulary(Wrapper):
    """`inner` with the ids of `vocabulary`. Raises `VocabularyMismatch` for a token it lacks."""

    def __init__(self, inner: LanguageModel, vocabulary: Vocabulary, to_inner: np.ndarray) -> None:
        super().__init__(inner)
        self._vocabulary, self._to_inner = vocabulary, to_inner
        self._known = np.flatnonzero(to_inner >= 0)

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        ids = self._to_inner[np.asarray(tokens, dtype=np.int64)]
        if len(ids) and ids.min() < 0:
            token = tokens[int(ids.argmin())]
            raise VocabularyMismatch(
                f"{self.name!r} has no token {self.vocabulary.strings[token]!r}: remove it from the "
                "prompt, or use models of one vocabulary"
            )
        inner = self.inner.read(ids.tolist(), last=last, hidden=hidden, on_chunk=on_chunk)
        logits = np.full((last, self.vocabulary.n_tokens), -np.inf, np.float32)
        logits[:, self._known] = inner.logits[:, self._to_inner[self._known]]
        return Reading(logits, inner.hidden, inner.p_defer, {self.inner.name: inner})

    def attribute(self, reading: Reading, token: int) -> str:
        inner = reading.members[self.inner.name]
        return self.inner.attribute(inner, int(self._to_inner[token]))


def in_vocabulary(model: LanguageModel, vocabulary: Vocabulary, owner: str) -> LanguageModel:
    """`model` itself, or mapped to `vocabulary`, which is `owner`'s. Raises `VocabularyMismatch`.

    Only different tails are mapped: most ids must be the same in both, because tokenizers that share
    strings at other ids split texts differently.
    """
    mine = model.vocabulary
    if mine.strings == vocabulary.strings:
        return model
    ids = {string: token for token, string in enumerate(mine.strings)}
    to_inner = np.array([ids.get(string, -1) for string in vocabulary.strings], dtype=np.int64)
    n_lacking = int((to_inner < 0).sum())
    n_extra = mine.n_tokens - len(np.unique(to_inner[to_inner >= 0]))
    moved = int((to_inner != np.arange(len(to_inner))).sum()) - n_lacking
    if max(n_lacking, n_extra, moved) > min(MAX_DIFFERENT, mine.n_tokens // 20):
        raise VocabularyMismatch(
            f"{model.name!r} has {mine.n_tokens} tokens, {owner!r} {vocabulary.n_tokens}; {n_lacking} "
            f"are missing, {n_extra} are extra and {moved} have other ids: a team needs one "
            "vocabulary; choose models of one family"
        )
    return RemappedVocabulary(model, vocabulary, to_inner)
