"""A member that is given prompts in a form of its own: the conversation in its own chat template.

A sequence that begins with a known prompt is read as the member's form of that prompt, and what follows
it; every other sequence as it is. Who makes these forms is left to `chat`.
"""

from collections.abc import Sequence

import numpy as np

from localcollab.language_model import LanguageModel, OnChunk, Reading, Wrapper

_KEPT = 32
"""Prompts: of conversations side by side, of questions that are asked beside them."""


class OwnPrompts:
    """The last few prompts by the base's tokens, and the member's own tokens for each.

    Shared by the conversations of one team, which may read in threads of their own.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[int, ...]] = {}

    def give(self, prompt: Sequence[int], own: Sequence[int]) -> None:
        """From now on `prompt` is read as `own`."""
        known = [pair for pair in self._known.items() if pair[0] != tuple(prompt)]
        # Replaced, not changed: another thread may be looking.
        self._known = dict([*known[1 - _KEPT :], (tuple(prompt), tuple(own))])

    def at_start_of(self, tokens: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        """(how many of `tokens` are a known prompt, the member's own for it); 0 where none is."""
        every = self._known
        longest = max((p for p in every if p and _begins(tokens, p)), key=len, default=())
        return len(longest), every.get(longest, ())

    def part_of(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """Of a prompt that begins with `tokens`, as large a part in the member's form; () of none."""
        n, every = len(tokens), self._known
        whole = next((p for p in every if len(p) > n and _begins(p, tokens)), ())
        own = every.get(whole, ())
        return own[: max(1, n * len(own) // max(1, len(whole)))]

    @property
    def n_more(self) -> int:
        """How many tokens longer the member's form is, at most."""
        return max([0, *(len(own) - len(prompt) for prompt, own in self._known.items())])


def _begins(tokens: Sequence[int], start: Sequence[int]) -> bool:
    n = len(start)
    if len(tokens) < n or not n or tokens[n - 1] != start[-1]:
        return False
    return tuple(tokens[:n]) == tuple(start)


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
