"""A model with another model's token ids.

Families pad their vocabularies to different sizes (32016 and 32001, 151936 and 152064) or move a few
added tokens: these ids are mapped by token string; a token the inner model lacks has probability zero.
Any other model is translated (`vocabularies.translated`), for arithmetic on logits lifted
(`vocabularies.lifted`).
"""

from collections.abc import Sequence

import numpy as np

from localcollab.errors import VocabularyMismatch
from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper
from localcollab.vocabularies.lifted import LiftedModel
from localcollab.vocabularies.prompts import OwnPrompts, PromptedModel
from localcollab.vocabularies.translated import TranslatedModel
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


def in_vocabulary(model: LanguageModel, vocabulary: Vocabulary) -> LanguageModel:
    """`model` itself, or with the ids of `vocabulary`.

    Only different tails are mapped: most ids must be the same in both, because tokenizers that share
    strings at other ids split texts differently. Every other model is translated, through text.
    """
    mine = model.vocabulary
    if mine.strings == vocabulary.strings:
        return model
    most = min(MAX_DIFFERENT, mine.n_tokens // 20)
    if mine.n_tokens - vocabulary.n_tokens > most or vocabulary.n_tokens - mine.n_tokens > most:
        return TranslatedModel(model, vocabulary)
    ids = {string: token for token, string in enumerate(mine.strings)}
    to_inner = np.array([ids.get(string, -1) for string in vocabulary.strings], dtype=np.int64)
    n_lacking = int((to_inner < 0).sum())
    n_extra = mine.n_tokens - len(np.unique(to_inner[to_inner >= 0]))
    moved = int((to_inner != np.arange(len(to_inner))).sum()) - n_lacking
    if max(n_lacking, n_extra, moved) > most:
        return TranslatedModel(model, vocabulary)
    return RemappedVocabulary(model, vocabulary, to_inner)


def with_own_prompts(model: LanguageModel, prompts: OwnPrompts) -> LanguageModel:
    """A member of `in_vocabulary`, which reads these prompts in its own form."""
    if isinstance(model, TranslatedModel):
        return TranslatedModel(model.inner, model.vocabulary, model.spelling, prompts)
    if isinstance(model, RemappedVocabulary):
        return TranslatedModel(model.inner, model.vocabulary, prompts=prompts)
    return PromptedModel(model, prompts)


def over_tokens_of_first(members: Sequence[LanguageModel]) -> list[LanguageModel]:
    """For methods that calculate token by token: a member of another vocabulary as a distribution over
    the first one's tokens."""
    first, *others = members
    return [
        first,
        *(
            LiftedModel(model.inner, first, spelling=model.spelling, prompts=model.prompts)
            if isinstance(model, TranslatedModel)
            else model
            for model in others
        ),
    ]
