"""Whether an expert knows the names it was asked about.

A small expert answers about a name it never read as fluently as about one it did. But it cannot spell
that name: after the opening of its own documents (`# `, for example) the later tokens of a known name are
nearly certain, and some token of an unknown one is not. Names are capitalized words of the question that
the answer repeats, or alters after their first letters.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcollab.catalog import Familiarity
from localcollab.language_model import LanguageModel, log_softmax

NAME = re.compile(r"\b[A-Z][\w'-]{3,}")
_N_ALIKE = 2
"""Leading letters that an altered name keeps."""
_N_FIRST = 1
"""Tokens that identify a name; the others follow from them if it is known."""


def spelling_logprob(model: LanguageModel, opening: str, name: str) -> float:
    """The lowest log-probability, in nats, of the later tokens of `name` after `opening`."""
    vocabulary = model.vocabulary
    start = vocabulary.encode(opening, bos=True)
    tokens = vocabulary.encode(opening + name, bos=True)
    n_shared = next(
        (i for i, (a, b) in enumerate(zip(start, tokens, strict=False)) if a != b), len(start)
    )
    first = n_shared + _N_FIRST
    if first >= len(tokens):
        return 0.0
    logprobs = log_softmax(model.read(tokens[:-1], last=len(tokens) - first).logits)
    later = tokens[first:]
    return float(min(row[token] for row, token in zip(logprobs, later, strict=True)))


def names_taken_over(question: str, answer: str) -> list[str]:
    """Names of a question that its answer repeats or, as models do with unknown ones, alters."""
    answered = set(NAME.findall(answer))
    asked = dict.fromkeys(NAME.findall(question))
    openings = {name[:_N_ALIKE] for name in answered.difference(asked)}
    return [name for name in asked if name in answered or name[:_N_ALIKE] in openings]


@dataclass(frozen=True, slots=True)
class Speller:
    """An expert with a separate context for spelling, so that a conversation keeps its cache."""

    model: LanguageModel
    familiarity: Familiarity

    def knows(self, name: str) -> bool:
        """False for a word too long for the context."""
        if len(name.encode()) > self.model.n_ctx // 2:
            return False
        found = spelling_logprob(self.model, self.familiarity.opening, name)
        return found >= self.familiarity.least_logprob


def unfamiliar(
    spellers: Mapping[str, Speller], authors: Mapping[str, int], question: str, answer: str
) -> Iterator[tuple[str, str]]:
    """(expert, name) for every name an expert wrote about and does not know."""
    for name in names_taken_over(question, answer):
        for expert, speller in spellers.items():
            if authors.get(expert) and not speller.knows(name):
                yield expert, name
