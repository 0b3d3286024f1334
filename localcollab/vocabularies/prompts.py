"""A member that is given prompts in a form of its own: the conversation in its own chat template.

A sequence that begins with a known prompt is read as the member's form of that prompt, and what follows
it; every other sequence as it is. Who makes these forms is left to `chat`.
"""

from collections.abc import Sequence

import numpy as np

from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper

_KEPT = 4
"""Prompts: of the conversation, of a question that is asked beside it, and those before them."""


class OwnPrompts:
    """The last few prompts by the base's tokens, and the member's own tokens for each."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[int, ...]] = {}

    def give(self, prompt: Sequence[int], own: Sequence[int]) -> None:
        """From now on `prompt` is read as `own`."""
        key = tuple(prompt)
        self._known.pop(key, None)
        if len(self._known) == _KEPT:
            del self._known[next(iter(self._known))]
        self._known[key] = tuple(own)

    def at_start_of(self, tokens: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        """(how many of `tokens` are a known prompt, the member's own for it); 0 where none is."""
        fitting = [known for known in self._known if tuple(tokens[: len(known)]) == known]
        longest = max(fitting, key=len, default=())
        return len(longest), self._known.get(longest, ())

    def part_of(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """Of a prompt that begins with `tokens`, as large a part in the member's form; () of none."""
        n = len(tokens)
        whole = next((known for known in self._known if known[:n] == tuple(tokens)), ())
        own = self._known.get(whole, ())
        return own[: max(1, n * len(own) // max(1, len(whole)))]

    @property
    def n_more(self) -> int:
        """How many tokens longer the member's form is, at most."""
        return max([0, *(len(own) - len(prompt) for prompt, own in self._known.items())])


class PromptedModel(Wrapper):
    """`inner`, of the base's vocabulary, with prompts in its own form."""

    def __init__(self, inner: LanguageModel, prompts: OwnPrompts | None = None) -> None:
        super().__init__(inner)
        self.prompts = prompts or OwnPrompts()

    @property
    def n_ctx(self) -> int:
        return self.inner.n_ctx - self.prompts.n_more

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. Rows within a prompt are those of the plain text."""
        n, own = self.prompts.at_start_of(tokens)
        n_within = last - (len(tokens) - n + 1)
        if not n or n_within >= last:
            part = () if last else self.prompts.part_of(tokens)
            return self.inner.read(part or tokens, last=last, hidden=hidden, on_chunk=on_chunk)
        behind = [*own, *tokens[n:]]
        if n_within <= 0:
            return self.inner.read(behind, last=last, hidden=hidden, on_chunk=on_chunk)
        before = self.inner.read(tokens[: n - 1], last=n_within, hidden=hidden, on_chunk=on_chunk)
        after = self.inner.read(behind, last=last - n_within, hidden=hidden, on_chunk=on_chunk)
        return _joined(before, after)


def _joined(one: Reading, other: Reading) -> Reading:
    states = None
    if one.hidden is not None and other.hidden is not None:
        states = np.concatenate([one.hidden, other.hidden])
    return Reading(np.concatenate([one.logits, other.logits]), states)
