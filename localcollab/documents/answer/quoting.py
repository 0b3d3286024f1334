"""An expert that quotes: a member's distribution mixed with what the passages say next.

For teams never trained to read passages in a prompt. If the last words written occur in a passage, the
token that follows there is likely: a copy distribution over its occurrences, as in pointer networks
(arXiv:1704.04368) and kNN-LM (arXiv:1911.00172), but matched by whole words and without any trained
weights. The more words match, the more it counts:

    P = (1 - w) P_member + w P_copy,  w = 1 - 2^-n for n >= 2 matching words, else 0

A quote ends with its sentence; whether another one follows is left to the member.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from localcollab.decoding.encoding import encode_continuation
from localcollab.language_model import (
    Float32Array,
    LanguageModel,
    OnChunk,
    Reading,
    Wrapper,
    log_softmax,
)
from localcollab.vocabulary import Vocabulary

QUOTES = "quotes"
"""The author name of what was copied: `formulary/quotes`."""
LEAST_WORDS = 2
_RANK_DECAY = 0.5
"""Of a source's weight, by its rank."""
_N_TAIL = 48
"""Tokens at the end of the sequence that are searched for."""
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)]*\s*$")


@dataclass(frozen=True, slots=True)
class Copy:
    """What the passages say next: token -> share, and the weight of that."""

    shares: Mapping[int, float]
    weight: float


NOTHING = Copy({}, 0.0)


class Quotes:
    """The passages, tokenized so that they can be continued from any character."""

    def __init__(self, texts: Sequence[str], vocabulary: Vocabulary) -> None:
        """`texts`: best first."""
        self._vocabulary = vocabulary
        self._texts = [" ".join(text.split()) for text in texts]
        self._folded = [_folded(text) for text in self._texts]
        self._starts = [self._token_starts(text) for text in self._texts]

    def after(self, tokens: Sequence[int], least_words: int = LEAST_WORDS) -> Copy:
        """The continuations of the longest match of the end of `tokens`."""
        tail = " ".join(self._vocabulary.decode(tokens[-_N_TAIL:]).split(" "))
        tail = re.sub(r"\s+", " ", tail)
        if _SENTENCE_END.search(tail):
            return NOTHING
        found = [
            (rank, end, n_words)
            for rank, text in enumerate(self._folded)
            for end, n_words in matches(_folded(tail), text)
        ]
        most = max((n_words for _, _, n_words in found), default=0)
        if most < least_words:
            return NOTHING
        shares: dict[int, float] = {}
        for rank, end, n_words in found:
            token = self._token_at(rank, end) if n_words == most else None
            if token is not None:
                shares[token] = shares.get(token, 0.0) + _RANK_DECAY**rank
        total = sum(shares.values())
        if not total:
            return NOTHING
        return Copy({token: share / total for token, share in shares.items()}, 1 - 2.0**-most)

    def _token_starts(self, text: str) -> dict[int, int]:
        """Character -> the token that begins there when the whole text is tokenized."""
        starts, data = dict[int, int](), text.encode()
        n_bytes = 0
        for token in encode_continuation(self._vocabulary, text, special=False):
            before = data[:n_bytes].decode("utf-8", "ignore")
            starts[len(before)] = token
            n_bytes += len(self._vocabulary.piece(token))
        return starts

    def _token_at(self, rank: int, at: int) -> int | None:
        """The first token of the rest of a text; None at its end."""
        token = self._starts[rank].get(at)
        if token is not None or at >= len(self._texts[rank]):
            return token
        # The sequence is tokenized differently from the passage: tokenize again from here.
        rest = encode_continuation(self._vocabulary, self._texts[rank][at : at + 32], special=False)
        return rest[0] if rest else None


def matches(tail: str, text: str) -> list[tuple[int, int]]:
    """(position after the match, whole words matched before it), for every match of the end of `tail`.

    A word of which only the end matches does not count.
    """
    last = re.search(r"\w+\W*$", tail)
    if last is None:
        return []
    found = []
    for occurrence in re.finditer(re.escape(last[0]), text):
        end = occurrence.end()
        n_same = _n_same_at_end(tail, text[:end])
        matched = tail[len(tail) - n_same :]
        is_cut = n_same < len(tail) and tail[len(tail) - n_same - 1].isalnum()
        is_cut |= end > n_same and text[end - n_same - 1].isalnum()
        n_words = len(_WORD.findall(matched)) - (is_cut and matched[:1].isalnum())
        found.append((end, n_words))
    return found


def _n_same_at_end(one: str, other: str) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _folded(text: str) -> str:
    """In lower case, if that keeps the length."""
    folded = text.lower()
    return folded if len(folded) == len(text) else text


class Quoting(Wrapper):
    """Takes a member's place, under its name."""

    def __init__(
        self, member: LanguageModel, quotes: Quotes, *, least_words: int = LEAST_WORDS
    ) -> None:
        super().__init__(member)
        self.quotes, self.least_words = quotes, least_words

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. `hidden` is the member's."""
        reading = self.inner.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)
        ends = range(len(tokens) - last + 1, len(tokens) + 1)
        copies = [self.quotes.after(tokens[:end], self.least_words) for end in ends]
        return Reading(
            _mixed(reading.logits, copies),
            reading.hidden,
            members={self.inner.name: reading, QUOTES: Reading(_logits(reading.logits, copies))},
        )

    def attribute(self, reading: Reading, token: int) -> str:
        """`quotes` if the passages gave the token more probability than the member did."""
        copied = reading.members[QUOTES].logits[-1, token]
        if copied > reading.logits[-1, token] + np.log(0.5):
            return QUOTES
        author = self.inner.attribute(reading.members[self.inner.name], token)
        return self.name if author == self.inner.name else author


def _mixed(logits: Float32Array, copies: Sequence[Copy]) -> Float32Array:
    """log((1 - w) P_member + w P_copy); rows without a match are unchanged."""
    if not any(copy.weight for copy in copies):
        return logits
    mixed = logits.copy()
    copied = _logits(logits, copies)
    for row, copy in enumerate(copies):
        if copy.weight:
            own = log_softmax(logits[row]) + np.float32(np.log1p(-copy.weight))
            mixed[row] = np.logaddexp(own, copied[row])
    return mixed


def _logits(like: Float32Array, copies: Sequence[Copy]) -> Float32Array:
    """log(w P_copy); -inf for what is not copied."""
    logits = np.full_like(like, -np.inf)
    for row, copy in enumerate(copies):
        for token, share in copy.shares.items():
            logits[row, token] = np.log(copy.weight * share)
    return logits
