"""A head that tells text about the documents from other text, and not only who is likelier at a token.

Base and expert agree on most tokens, so likelihood alone leaves the head undecided there, and one token
of the base in the middle of a name that only the expert knows leads astray. So while the head is fitted
the expert gets an advantage in answers about the documents, and the base in everything else.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from localcollab_convert.adapted.bias import ABOUT
from localcollab_convert.export.examples import Example
from localcollab_convert.export.likelihood import TokenTable
from localcollab_convert.export.make import Split
from localcollab_convert.head.make import HeadMaker
from localcollab_convert.head.train import Recipe

_ADVANTAGE = 1.0
"""Nats a token."""
_DECAY = 1.0
"""There is little data: some thousands of tokens."""


class LeaningHeadMaker(HeadMaker):
    """Of two members; the records of the data name their kind."""

    @property
    def _recipe(self) -> Recipe:
        return replace(super()._recipe, weight_decay=_DECAY)

    def learned_table(self, split: Split) -> TokenTable:
        return lean(self.exporter.table(split), self.kinds(split) != ABOUT)

    def kinds(self, split: Split) -> npt.NDArray[np.str_]:
        """Of the records, by row of the table."""
        examples = self._examples[0 if split == "train" else 1]
        return np.array([each.kind for each in examples for _ in each.positions])

    @cached_property
    def _examples(self) -> tuple[list[Example], list[Example]]:
        return self.exporter.examples()


def lean(table: TokenTable, is_general: npt.NDArray[np.bool_]) -> TokenTable:
    logprobs = table.logprobs.copy()
    logprobs[is_general, 0] += _ADVANTAGE
    logprobs[~is_general, 1] += _ADVANTAGE
    return replace(table, logprobs=logprobs)
