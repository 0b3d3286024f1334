"""A model seen through another vocabulary: it reads and predicts the token ids of the base.

The base's tokens are bytes; these are read by `inner` in its own canonical tokens up to the last word
start, and what stands behind it, a word or a part of one, is pending. Its continuations are inner's
canonical tokens of it (the path), and at each step of the path every token that begins with what is still
pending and goes beyond. An inner token's probability goes to the base token that its spelling has there;
tokens whose spelling the pending text contradicts have none. So, at every position:

- the probabilities sum to 1, and depend on the text, not on how it was tokenized;
- with equal vocabularies they are inner's own;
- sampling token by token writes what inner would write, spelled by the base.

Inner evaluates its own tokens of the text once, and a part of a word once more where the base needs
several tokens for one of inner's. Steps of the path that are less likely than `NEGLIGIBLE` are left out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from localcollab.errors import BadOption, ContextFull, UnknownCharacter, VocabularyMismatch
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading, Wrapper
from localcollab.vocabularies.encoded import EncodedText
from localcollab.vocabularies.prompts import OwnPrompts
from localcollab.vocabularies.spelling import IntArray, Spelling
from localcollab.vocabularies.stored import stored_spelling
from localcollab.vocabularies.words import last_starts
from localcollab.vocabularies.written import WrittenText, common_start
from localcollab.vocabulary import Vocabulary

NEGLIGIBLE = 1e-3
"""Relative to the other continuations of a pending text: what one more token may be worth unread."""

_LEAST = 1e-100
Float64Array = npt.NDArray[np.float64]


class TranslatedModel(Wrapper):
    """`inner` with the ids of `vocabulary`. Its readings have no hidden states.

    Raises `VocabularyMismatch` where inner cannot write the text, or has no room for it.
    """

    def __init__(
        self,
        inner: LanguageModel,
        vocabulary: Vocabulary,
        spelling: Spelling | None = None,
        prompts: OwnPrompts | None = None,
    ) -> None:
        super().__init__(inner)
        self.prompts = prompts or OwnPrompts()
        self._vocabulary = vocabulary
        self.spelling = spelling or stored_spelling(inner.vocabulary, vocabulary)
        self._written = WrittenText(vocabulary)
        self._encoded = EncodedText(inner.vocabulary)
        self._start = inner.vocabulary.encode("", bos=True)
        self._rows: dict[int, Float32Array] = {}
        """Inner's probabilities (n_inner,) after so many of its tokens."""
        self._rows_of: list[int] = []

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
        """See `LanguageModel.read`. Row by row: score texts with `word_scores`."""
        self._check(tokens, last, hidden)
        rows = np.empty((last, self.vocabulary.n_tokens), np.float32)
        try:
            if not last:
                self._evaluate(tokens, on_chunk)
            for row in range(last):
                rows[row] = self._row(tokens[: len(tokens) - last + row + 1], on_chunk)
        except (UnknownCharacter, ContextFull) as error:
            raise VocabularyMismatch(f"{self.name!r} cannot read this text: {error}") from error
        return Reading(rows)

    def after_word(self, tokens: Sequence[int], on_chunk: OnChunk | None = None) -> Float32Array:
        """Logits (n_vocab,) behind a word that is whole: what would continue it is left out.

        One row of inner's, where `read` takes two. Raises what `read` raises.
        """
        self._check(tokens, 1, hidden=False)
        try:
            context, _, _ = self._context(tokens)
            n = len(context)
            self._catch_up(context, n, on_chunk)
            p = self._probabilities(context, n, n, on_chunk)
        except (UnknownCharacter, ContextFull) as error:
            raise VocabularyMismatch(f"{self.name!r} cannot read this text: {error}") from error
        mass = summed(self.spelling.first, p, self.spelling.n_outer + 1)[:-1]
        return _as_logits(mass)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def _check(self, tokens: Sequence[int], last: int, hidden: bool) -> None:
        if hidden:
            raise BadOption(
                f"{self.name!r} has hidden states of its own tokens only: read it itself"
            )
        if not tokens or not 0 <= last <= len(tokens):
            raise BadOption(
                f"{self.name}: last is {last} for {len(tokens)} tokens: give 0 to {len(tokens)}, and at "
                "least one token"
            )
        if not 0 <= min(tokens) <= max(tokens) < self.vocabulary.n_tokens:
            raise BadOption(
                f"{self.name}: token ids {min(tokens)}..{max(tokens)} are outside its vocabulary of "
                f"{self.vocabulary.n_tokens}"
            )

    def _evaluate(self, tokens: Sequence[int], on_chunk: OnChunk | None) -> None:
        part = self.prompts.part_of(tokens)
        if part:
            self.inner.read(part, last=0, on_chunk=on_chunk)
            return
        context, n_stable, _ = self._context(tokens)
        if n_stable:
            self.inner.read(context[:n_stable], last=0, on_chunk=on_chunk)

    def _context(self, tokens: Sequence[int]) -> tuple[list[int], int, bytes]:
        """Inner's tokens of the text, how many of them are before the last word, and that word."""
        n_prompt, own = self.prompts.at_start_of(tokens)
        text, breaks = self._written.of(tokens[n_prompt:])
        encoded = self._encoded
        encoded.update(text, breaks)
        least = max([0, *breaks[-1:]])
        starts = last_starts(text, max(least, encoded.last_start))
        for start in (*reversed(starts), least):
            n_stable = encoded.boundary(start)
            if n_stable is not None and (start == least or self._stays(start, least)):
                break
        if breaks and breaks[-1] == len(text):
            start, n_stable = len(text), len(encoded.tokens)
        assert n_stable is not None, "no token crosses a break"
        begin = list(own) or self._start
        if not begin and not n_stable:
            begin = start_of(self.inner.vocabulary)
        return [*begin, *encoded.tokens], len(begin) + n_stable, text[start:]

    def _stays(self, start: int, least: int) -> bool:
        """Whether `start` will be a boundary of inner's tokens however the text goes on."""
        return stays_boundary(self._encoded, start, least, self.spelling)

    def _row(self, tokens: Sequence[int], on_chunk: OnChunk | None) -> Float32Array:
        """Logits (n_vocab,) after `tokens`."""
        context, n_stable, pending = self._context(tokens)
        mass = self._mass(context, n_stable, pending, on_chunk)
        return _as_logits(mass)

    def _mass(
        self, context: list[int], n_stable: int, pending: bytes, on_chunk: OnChunk | None
    ) -> Float64Array:
        """(n_vocab,), not normalized: all continuations of `pending` by their next base token."""
        path = context[n_stable:]
        first, left = self._steps_left(path, pending)
        mass, weight = np.zeros(self.spelling.n_outer + 1), 1.0
        written = self._vocabulary.encode_bytes(pending) if path else []
        self._catch_up(context, n_stable + first, on_chunk)
        for n in range(first, len(path)):
            p = self._probabilities(context, n_stable + n, n_stable + first, on_chunk)
            tokens, following = self._beyond(path[:n], left[n], written)
            mass += weight * summed(following, p[tokens], self.spelling.n_outer + 1)
            weight *= float(p[path[n]])
            if weight < _LEAST:  # long words would underflow
                scale = max(weight, mass[:-1].sum())
                mass, weight = mass / scale, weight / scale
        if weight >= NEGLIGIBLE * mass[:-1].sum():
            p = self._probabilities(context, len(context), n_stable + first, on_chunk)
            mass += weight * summed(self.spelling.first, p, self.spelling.n_outer + 1)
        return mass[:-1]

    def _steps_left(self, path: Sequence[int], pending: bytes) -> tuple[int, list[bytes]]:
        """(the first step of the path at which one token can go beyond it, what is pending at each)."""
        pieces = [self.inner.vocabulary.piece(token) for token in path]
        left = [pending[n:] for n in accumulate(map(len, pieces), initial=0)]
        longest = self.inner.vocabulary.longest_piece
        return next(n for n, rest in enumerate(left) if len(rest) < longest), left

    def _beyond(
        self, path: Sequence[int], left: bytes, written: Sequence[int]
    ) -> tuple[IntArray, IntArray]:
        """(inner tokens that begin with what is `left` and go on, the base token there of each)."""
        spelled = [token for step in path for token in self.spelling.of(step)]
        tokens = self.spelling.longer_than(left)
        if list(written[: len(spelled)]) == spelled:
            following = self.spelling.following(tokens, written[len(spelled) :])
        else:  # the base joins what are two tokens to inner
            following = self.spelling.following_bytes(tokens, len(left))
        return tokens, following

    def _catch_up(self, context: list[int], first: int, on_chunk: OnChunk | None) -> None:
        """Forgets rows before `first`, and of other tokens. Where inner is behind by more than a word,
        the last word is most likely whole: it is read with the rest."""
        n = common_start(self._rows_of, context)
        self._rows = {at: row for at, row in self._rows.items() if first <= at <= n}
        self._rows_of = context
        if n < first:
            self._probabilities(context, len(context), first, on_chunk)

    def _probabilities(
        self, context: list[int], at: int, first: int, on_chunk: OnChunk | None
    ) -> Float32Array:
        """After `at` tokens of `context`. What is missing from `first` on is read in one batch."""
        if at not in self._rows:
            known = max([first - 1, *(n for n in self._rows if n < at)])
            reading = self.inner.read(context[:at], last=at - known, on_chunk=on_chunk)
            for n, logits in enumerate(reading.logits, known + 1):
                self._rows[n] = softmax(logits)
        return self._rows[at]


def _as_logits(mass: Float64Array) -> Float32Array:
    with np.errstate(divide="ignore"):
        logits: Float32Array = np.log((mass / mass.sum()).astype(np.float32))
    return logits


def stays_boundary(encoded: EncodedText, offset: int, least: int, spelling: Spelling) -> bool:
    """Whether no token of `spelling` writes what stands from a token before `offset` to the end, and
    more. `least`: no token crosses that."""
    n = bisect_right(encoded.ends, offset)
    for k in range(n - 1, -1, -1):
        begin = encoded.ends[k - 1] if k else 0
        if begin < least or len(encoded.text) - begin >= len(spelling.longest):
            return True
        if len(spelling.longer_than(encoded.text[begin:])):
            return False
    return True


def start_of(vocabulary: Vocabulary) -> list[int]:
    """What a model predicts its first word from, even without a BOS of its own."""
    begin = vocabulary.encode("", bos=True)
    if begin:
        return begin
    known = (vocabulary.bos, vocabulary.eos, min(vocabulary.end, default=None), 0)
    return [next(token for token in known if token is not None)]


def summed(tokens: IntArray, p: Float32Array, n: int) -> Float64Array:
    """(n,): the probabilities of each token."""
    return np.bincount(tokens, p, n).astype(np.float64, copy=False)


def softmax(logits: Float32Array) -> Float32Array:
    p: Float32Array = np.exp(logits - logits.max())
    p /= p.sum()
    return p
