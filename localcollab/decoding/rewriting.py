"""A span written again: what others would have written in its place, and how likely all find each.

An alternative begins with another first token and goes on as the team does, greedily, until its own span
and a few tokens more are written. The marginal likelihood is of the members that the team itself reads:
sum_k pi_k P_k, over those.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from localcollab.decoding.prompt_words import PromptWords
from localcollab.decoding.triggers import Span
from localcollab.decoding.written_token import log, probability, written
from localcollab.events import Token
from localcollab.language_model import LanguageModel, OnChunk, Reading


@dataclass(frozen=True, slots=True)
class First:
    """How an alternative begins: the model that writes it and, of a forced first token, whose it is."""

    model: LanguageModel
    token: int | None = None
    author: str = ""
    reading: Reading | None = None
    """There, with that author's."""


@dataclass(frozen=True, slots=True)
class Alternative:
    tokens: tuple[Token, ...]
    ended: bool
    """Whether the answer ends there."""
    logprob: float
    """Marginal, in nats a token."""
    n_span: int
    """Tokens of the span itself."""

    def span(self, model: LanguageModel, author: str, before: str = "") -> Span:
        """As triggers see it; its probabilities are judged together."""
        ids, decode = [token.id for token in self.tokens], model.vocabulary.decode
        return Span(author, before, decode(ids[: self.n_span]), decode(ids[self.n_span :]), (), ())


def marginal(reading: Reading, token: int, members: Sequence[str]) -> float:
    """log sum_k pi_k P_k(token) over the members that were read. `members`: all, the base first."""
    p = probability(reading.logits[-1], token)
    if reading.p_defer is not None and members:
        p_defer = reading.p_defer[-1]
        pi = dict(zip(members, [1 - float(p_defer.sum()), *map(float, p_defer)], strict=False))
        read = {name: each for name, each in reading.members.items() if pi.get(name, 0) > 0}
        total = sum(pi[name] for name in read)
        if total > 0:
            shares = (pi[n] * probability(each.logits[-1], token) for n, each in read.items())
            p = sum(shares) / total
    return log(p)


def write(
    first: First,
    prefix: Sequence[int],
    known: PromptWords,
    members: Sequence[str],
    *,
    base: str,
    n_ahead: int,
    at_most: int,
    on_chunk: OnChunk | None = None,
) -> Alternative | None:
    """None where `at_most` tokens are too few."""
    tokens, found, total, n_span = list(prefix), list[Token](), 0.0, 0
    model = first.model
    while len(found) < at_most:
        is_forced = first.token is not None and not found
        known_there = first.reading if is_forced else None
        reading = known_there or model.read(tokens, on_chunk=on_chunk)
        token = first.token if is_forced else int(reading.logits[-1].argmax())
        assert token is not None
        if token in model.vocabulary.end:
            return Alternative(tuple(found), True, total / len(found), n_span) if found else None
        total += marginal(reading, token, members)
        author = first.author if is_forced else None
        is_known = known.begins_one(token)
        found.append(written(model, reading, token, is_known=is_known, author=author))
        tokens.append(token)
        author = root(found[-1].author)
        goes_on = author != base and author == root(found[0].author)
        if n_span == len(found) - 1 and (goes_on or not n_span):
            n_span += 1
        alternative = Alternative(tuple(found), False, total / len(found), n_span)
        if len(found) - n_span >= n_ahead and alternative.span(model, author).ends_word:
            return alternative
    return None


def root(author: str) -> str:
    """The member: of `expert/anti`, `expert`."""
    return author.partition("/")[0]
