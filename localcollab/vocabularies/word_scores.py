"""Log-probabilities of the words of a text, for members of different vocabularies.

P(word) = P(first token | a word begins) P(the other tokens) P(a word begins or the text ends behind it),
each in the member's own canonical tokens, read in blocks. A word that does not begin and end between
tokens of every member joins the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from localcollab.decoding.likelihood import read_rows
from localcollab.errors import UnknownCharacter
from localcollab.language_model import Float32Array, LanguageModel, OnChunk
from localcollab.vocabularies.encoded import EncodedText
from localcollab.vocabularies.translated import TranslatedModel, start_of
from localcollab.vocabularies.words import Beginners, Kind, kind_at_end, word_starts
from localcollab.vocabularies.written import WrittenText

FLOOR = -100.0
"""Nats; of a word that a member cannot write."""
_ENDS = 0.5


@dataclass(frozen=True, slots=True)
class WordScores:
    """One row a word, and one for the end of a span that has one; columns by member, the base first."""

    positions: tuple[int, ...]
    """Of the word's first token in the base's sequence."""
    n_bytes: npt.NDArray[np.int64]
    """(n,); 0 for an end."""
    logprobs: Float32Array
    """(n, K + 1), nats: of the word, if one begins here; of the end, if a word has ended."""
    goes_on: Float32Array
    """(n, K + 1), nats: that the text does not end before the word; 0 for an end."""
    is_argmax: npt.NDArray[np.bool_]
    """(n, K + 1): greedy decoding would write it."""
    hidden: Float32Array | None
    """(n, n_embd), of the base before the word."""


@dataclass(frozen=True, slots=True)
class _Word:
    """Bytes `first` to `last`, none for an end; what the text ends with before and behind it."""

    first: int
    last: int
    before: Kind
    behind: Kind
    is_end: bool = False


class _Start(NamedTuple):
    """What a member says where a word may begin, in nats."""

    begins: float
    """That one begins, or the text ends."""
    ends: float
    would_end: bool


class _Member:
    """A text in one member's tokens, and what the member says of it."""

    def __init__(
        self, model: LanguageModel, tokens: Sequence[int], ends: Sequence[int], begin: Beginners
    ) -> None:
        """`ends[n]`: the bytes that are written before token `n`."""
        self.model, self.tokens, self._beginners = model, tokens, begin
        self.begins_at = {end: n for n, end in enumerate(ends)}
        """Byte offset -> the token that begins there, behind control tokens."""
        self.stops_at = {end: n for n, end in reversed(list(enumerate(ends)))}
        """Byte offset -> the first token that is not before it."""
        self._end = np.array(sorted(model.vocabulary.end), np.int64)
        self._gold: dict[int, tuple[float, bool]] = {}
        self._starts: dict[int, _Start] = {}
        self.hidden: dict[int, Float32Array] = {}

    def read(self, words: Sequence[_Word], hidden: bool, on_chunk: OnChunk | None) -> None:
        kinds, positions = dict[int, Kind](), set[int]()
        for word in words:
            first, last = self.begins_at[word.first], self.stops_at[word.last]
            kinds |= {last: word.behind} if word.is_end else {first: word.before, last: word.behind}
            positions |= {last} if word.is_end else set(range(first, last + 1))

        def on_row(position: int, logits: Float32Array, state: Float32Array | None) -> None:
            kind = kinds.get(position)
            self._note(position, logits, kind)
            if state is not None and kind is not None:
                self.hidden[position] = state.copy()

        read_rows(
            self.model, self.tokens, sorted(positions), on_row, hidden=hidden, on_chunk=on_chunk
        )

    def _note(self, position: int, logits: Float32Array, kind: Kind | None) -> None:
        p = np.exp(logits - logits.max())
        total = float(p.sum())
        token = self.tokens[position] if position < len(self.tokens) else None
        best = int(logits.argmax())
        if kind is not None:
            begins = self._beginners.after(kind)
            best = int(np.where(begins, p, -1).argmax())
            self._starts[position] = _Start(
                _log(float(p[begins].sum()) / total),
                _log(float(p[self._end].sum()) / total),
                best in self.model.vocabulary.end,
            )
        if token is not None:
            self._gold[position] = _log(float(p[token]) / total), best == token

    def score(self, word: _Word) -> tuple[float, float, bool]:
        """(log-probability, that the text goes on, whether greedy decoding writes it)."""
        behind = self._starts[self.stops_at[word.last]]
        if word.is_end:
            return behind.ends - behind.begins, 0.0, behind.would_end
        first, last = self.begins_at[word.first], self.stops_at[word.last]
        before = self._starts[first]
        gold = [self._gold[position] for position in range(first, last)]
        goes_on = _log(1 - np.exp(before.ends - before.begins))
        logprob = sum(p for p, _ in gold) - before.begins - goes_on + behind.begins
        is_argmax = all(hit for _, hit in gold) and behind.begins >= np.log(_ENDS)
        return max(logprob, FLOOR), goes_on, is_argmax


def _log(p: float) -> float:
    return float(np.log(max(p, 1e-40)))


class WordScorer:
    """Scores the texts of one team: `members`, the base first."""

    def __init__(self, members: Sequence[LanguageModel]) -> None:
        self._is_other = [isinstance(model, TranslatedModel) for model in members]
        self._models = [m.inner if isinstance(m, TranslatedModel) else m for m in members]
        self._beginners = [Beginners(model.vocabulary) for model in self._models]

    def score(
        self,
        tokens: Sequence[int],
        spans: Sequence[tuple[int, int]],
        *,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> WordScores:
        """Words within half-open `spans` of the base's tokens; an end token there is a row of its own.

        The last word of a span that has no end is left out: it may go on. Raises what `read` raises."""
        written = WrittenText(self._models[0].vocabulary)
        text, breaks = written.of(tokens)
        members = [self._member(k, tokens, text, breaks, written) for k in range(len(self._models))]
        able = [member for member in members if member is not None]
        words = [w for span in spans for w in _words(span, tokens, text, breaks, written, able)]
        for member in able:
            member.read(words, hidden and member is able[0], on_chunk)
        return _table(words, members, able[0], hidden)

    def _member(
        self,
        k: int,
        tokens: Sequence[int],
        text: bytes,
        breaks: Sequence[int],
        written: WrittenText,
    ) -> _Member | None:
        """None where it cannot write the text, or has no room for it."""
        model = self._models[k]
        if not self._is_other[k]:
            return _Member(model, tokens, written.ends, self._beginners[k])
        encoded = EncodedText(model.vocabulary)
        try:
            encoded.update(text, breaks)
        except UnknownCharacter:
            return None
        start = start_of(model.vocabulary)
        own = [*start, *encoded.tokens]
        if len(own) > model.n_ctx:
            return None
        return _Member(model, own, [*[0] * len(start), 0, *encoded.ends], self._beginners[k])


def _words(
    span: tuple[int, int],
    tokens: Sequence[int],
    text: bytes,
    breaks: Sequence[int],
    written: WrittenText,
    members: Sequence[_Member],
) -> list[_Word]:
    first, last = span
    has_end = last > first and tokens[last - 1] in members[0].model.vocabulary.end
    start, stop = written.ends[first], written.ends[last - has_end]
    broken = max([0, *(at for at in breaks if at <= start)])
    starts = (at for at in word_starts(text[:stop], broken) if at >= start)
    bounds = [
        at
        for at in dict.fromkeys((*starts, stop))
        if all(member.begins_at.get(at, 0) > 0 for member in members)
    ]
    kinds = [kind_at_end(text[broken:at][-256:]) for at in bounds]
    places = pairwise(zip(bounds, kinds, strict=True))
    words = [_Word(a, b, before, behind) for (a, before), (b, behind) in places]
    if not has_end:
        return words[:-1]
    end = kind_at_end(text[broken:stop][-256:])
    return [*words, _Word(stop, stop, end, end, is_end=True)]


def _table(
    words: Sequence[_Word], members: Sequence[_Member | None], base: _Member, hidden: bool
) -> WordScores:
    absent = FLOOR, 0.0, False
    found = [[absent if m is None else m.score(word) for m in members] for word in words]
    values = np.array(found, np.float32).reshape(len(words), len(members), 3)
    places = [base.stops_at[w.last] if w.is_end else base.begins_at[w.first] for w in words]
    n_bytes = np.array([word.last - word.first for word in words], np.int64)
    states = [base.hidden[position] for position in places] if hidden else []
    return WordScores(
        tuple(places), n_bytes, values[:, :, 0], values[:, :, 1], values[:, :, 2] > 0,
        np.array(states, np.float32).reshape(len(words), base.model.n_embd) if hidden else None,
    )  # fmt: skip
