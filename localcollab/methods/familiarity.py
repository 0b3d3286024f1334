"""Does an expert know the names it was asked about? Where it does not: double-check.

A small expert answers about a name it never read as fluently as about one it did. What it cannot do
is spell that name: behind the opening of its own documents (`# `, say) the later tokens of a known
name are near certain, and some token of an unknown one is a surprise. Names are the capitalised
words of the question that the answer repeats, or alters behind their first letters.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcollab.catalog import Familiarity
from localcollab.language_model import LanguageModel, log_softmax

NAME = re.compile(r"\b[A-Z][\w'-]{3,}")
_N_ALIKE = 2
"""Letters that an altered name still begins with."""
_N_FIRST = 1
"""Tokens of a name that say which name it is; the others follow from them, if it is known."""


def spelling_logprob(model: LanguageModel, opening: str, name: str) -> float:
    """The lowest log-probability, in nats, of the later tokens of `name` behind `opening`."""
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
    """The names of a question that its answer repeats or, as models do with strange ones, alters."""
    answered = set(NAME.findall(answer))
    asked = dict.fromkeys(NAME.findall(question))
    openings = {name[:_N_ALIKE] for name in answered.difference(asked)}
    return [name for name in asked if name in answered or name[:_N_ALIKE] in openings]


@dataclass(frozen=True, slots=True)
class Speller:
    """An expert's reader for spelling: a context of its own, so that no conversation's is lost."""

    model: LanguageModel
    familiarity: Familiarity

    def knows(self, name: str) -> bool:
        """A word too long to be read is no name that it knows."""
        if len(name.encode()) > self.model.n_ctx // 2:
            return False
        found = spelling_logprob(self.model, self.familiarity.opening, name)
        return found >= self.familiarity.least_logprob


def unfamiliar(
    spellers: Mapping[str, Speller], authors: Mapping[str, int], question: str, answer: str
) -> Iterator[tuple[str, str]]:
    """(expert, name) for every name that an expert wrote about without knowing it."""
    for name in names_taken_over(question, answer):
        for expert, speller in spellers.items():
            if authors.get(expert) and not speller.knows(name):
                yield expert, name
