"""Deferral and mixtures word by word, for members of different vocabularies.

Whoever starts a word ends it: the gate decides at word starts, and the author of a word says where it
ends (its probability that the next token begins another segment is at least one half). With `compose` the
next word is drawn from the mixture instead,

    P(word) = sum_k pi_k P_k(word),   P_k(word) = P_k(first token | it begins a word) .. P_k(it ends here)

token by token: within a word pi is the posterior of its author, given what is written of it. Whether the
text ends is the base's to say, whose chat form it is: an expert that would end it leaves the word to the
base, and in a mixture is asked for the next word if there is one. A member
that cannot write a text (`VocabularyMismatch`), or whose process is lost, abstains there, and a note says
so once.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from localcollab.decoding.written_token import probability
from localcollab.errors import VocabularyMismatch, WorkerLost
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading, log_softmax
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate
from localcollab.vocabularies.prompts import PromptedModel
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabularies.words import Beginners, BoolArray, Kind, kind_at_end, last_starts
from localcollab.vocabularies.written import WrittenText, common_start

logger = logging.getLogger("localcollab.note")

_ABSTAINS = (VocabularyMismatch, WorkerLost)
ENDS = 0.5
"""A word has ended where its author gives this probability to tokens that begin another."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A position of the sequence: what is written before it, of the current word."""

    n: int
    """Tokens before it."""
    start: int
    """Tokens before the current word; `n` where none has begun."""
    begins: BoolArray
    """(n_vocab,): tokens that begin another segment here."""


class _Decision(NamedTuple):
    member: int
    p_defer: Float32Array
    """(K,); 0 where the base writes although the gate asks an expert."""


@dataclass
class _Members:
    """The members' readings of one sequence, each read when it is first asked for."""

    models: Sequence[LanguageModel]
    tokens: Sequence[int]
    on_chunk: OnChunk | None
    readings: dict[str, Reading] = field(default_factory=dict)

    def row(self, k: int, n: int, *, begins: bool = False) -> Float32Array:
        """Logits (n_vocab,) of member `k` after `n` tokens; `begins`: only what begins a word is asked.
        Raises `VocabularyMismatch`."""
        model, n_back = self.models[k], len(self.tokens) - n
        known = self.readings.get(model.name)
        if known is None and begins and not n_back and isinstance(model, TranslatedModel):
            known = Reading(model.after_word(self.tokens, self.on_chunk)[None])
            self.readings[model.name] = known
        if known is None or len(known.logits) <= n_back:
            known = model.read(self.tokens, last=n_back + 1, on_chunk=self.on_chunk)
            self.readings[model.name] = known
        row: Float32Array = known.logits[len(known.logits) - 1 - n_back]
        return row


class WordTeam(DeferralTeam):
    """A `DeferralTeam` whose unit is the word. `p_defer` of a reading is that of the word which goes on,
    or begins, there."""

    def __init__(
        self,
        name: str,
        base: LanguageModel,
        experts: Sequence[LanguageModel],
        gate: Gate,
        *,
        threshold: float = 0.5,
        compose: bool = False,
    ) -> None:
        super().__init__(name, base, experts, gate, threshold=threshold, compose=compose)
        self._beginners = Beginners(base.vocabulary)
        self._written = WrittenText(base.vocabulary)
        self._decided: dict[int, Float32Array] = {}
        """p_defer (K,) after so many tokens of `_tokens`."""
        self._decisions: dict[int, _Decision] = {}
        """At word starts."""
        self._rows: dict[int, dict[int, Float32Array]] = {}
        """Probabilities along the current word, for mixtures: by position and member."""
        self._tokens: list[int] = []
        self._noted: set[str] = set()
        self._is_end = np.zeros(base.vocabulary.n_tokens, np.bool_)
        self._is_end[sorted(base.vocabulary.end)] = True

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. `hidden` is the base's."""
        if last == 0:
            return super().read(tokens, last=0, hidden=hidden, on_chunk=on_chunk)
        self._follow(tokens)
        places = [self._place(tokens[:n]) for n in range(len(tokens) - last + 1, len(tokens) + 1)]
        base = self._decide(tokens, places, hidden, on_chunk)
        members = _Members((self.base, *self.experts), tokens, on_chunk, {self.base.name: base})
        logits = np.empty((last, self.vocabulary.n_tokens), np.float32)
        p_defer = np.empty((last, len(self.experts)), np.float32)
        for row, place in enumerate(places):
            mix = self._mixed if self.compose else self._handed
            logits[row], p_defer[row] = mix(place, members)
        readings = {name: _last(reading, last) for name, reading in members.readings.items()}
        states = base.hidden[-last:] if hidden and base.hidden is not None else None
        return Reading(logits, states, p_defer, readings)

    def attribute(self, reading: Reading, token: int) -> str:
        """The member that wrote the word; in a mixture, the one that favours `token` most."""
        if not self.compose:
            return super().attribute(reading, token)
        assert reading.p_defer is not None
        weights = [1 - reading.p_defer[-1].sum(), *reading.p_defer[-1]]
        shares = {
            model.name: weight * probability(reading.members[model.name].logits[-1], token)
            for model, weight in zip((self.base, *self.experts), weights, strict=True)
            if model.name in reading.members
        }
        return max(shares, key=lambda name: shares[name])

    def _follow(self, tokens: Sequence[int]) -> None:
        """Forget what was known of another sequence."""
        n_same = common_start(self._tokens, tokens)
        self._decided = {n: p for n, p in self._decided.items() if n <= n_same}
        self._decisions = {n: d for n, d in self._decisions.items() if n <= n_same}
        self._rows = {n: rows for n, rows in self._rows.items() if n <= n_same}
        self._tokens = list(tokens)

    def _place(self, tokens: Sequence[int]) -> _Place:
        text, breaks = self._written.of(tokens)
        n_prompt = own_prompt(self.experts, tokens)
        least, n = max([self._written.ends[n_prompt], *breaks[-1:]]), len(tokens)
        if least == len(text):
            return _Place(n, n, self._beginners.after(Kind.NOTHING))
        starts = (*reversed(last_starts(text, least)), least)
        bounded = (self._written.boundary(start) for start in starts)
        start = next(at for at in bounded if at is not None)
        return _Place(n, start, self._beginners.after(kind_at_end(text[least:][-_TAIL:])))

    def _decide(
        self,
        tokens: Sequence[int],
        places: Sequence[_Place],
        hidden: bool,
        on_chunk: OnChunk | None,
    ) -> Reading:
        """The gate at every position that is needed; returns the base's reading there."""
        needed = {n for place in places for n in (place.start, place.n) if n}
        unknown = [n for n in needed if n not in self._decided]
        first = min([*unknown, places[0].n])
        n_rows = len(tokens) - first + 1
        ask_hidden = hidden or self.gate.needs_hidden
        base = self.base.read(tokens, last=n_rows, hidden=ask_hidden, on_chunk=on_chunk)
        for n, p in enumerate(self.gate.defer(base, len(tokens)), first):
            self._decided.setdefault(n, p)
        # Earlier words are over.
        least = places[0].start
        self._decided = {n: p for n, p in self._decided.items() if n >= least}
        self._decisions = {n: d for n, d in self._decisions.items() if n >= least}
        return base

    def _at(self, n: int) -> Float32Array:
        """p_defer (K,) after `n` tokens; before the first token no expert is asked."""
        return self._decided.get(n, np.zeros(len(self.experts), np.float32))

    def _decision(self, n: int, begins: BoolArray, members: _Members) -> _Decision:
        """Who writes the word that begins after `n` tokens."""
        if n not in self._decisions:
            member, p_defer = int(self.authors(self._at(n)[None])[0]), self._at(n)
            if member and not self._writes(member, n, begins, members):
                member, p_defer = 0, np.zeros_like(p_defer)
            self._decisions[n] = _Decision(member, p_defer)
        return self._decisions[n]

    def _writes(self, member: int, n: int, begins: BoolArray, members: _Members) -> bool:
        """False where the expert abstains, or would end the text."""
        try:
            row = members.row(member, n, begins=True)
        except _ABSTAINS as error:
            self._note(members.models[member].name, error)
            return False
        return int(np.where(begins, row, -np.inf).argmax()) not in self.vocabulary.end

    def _note(self, name: str, error: VocabularyMismatch | WorkerLost) -> None:
        if name not in self._noted:
            self._noted.add(name)
            logger.warning("%s: %s does not write here: %s", self.name, name, error)

    def _handed(self, place: _Place, members: _Members) -> tuple[Float32Array, Float32Array]:
        """(logits, p_defer) where one member writes each word."""
        if place.start == place.n:
            following = self._decision(place.n, place.begins, members)
            return members.row(following.member, place.n), following.p_defer
        begun = self._place(self._tokens[: place.start]).begins
        author = self._decision(place.start, begun, members)
        try:
            row = members.row(author.member, place.n)
        except _ABSTAINS as error:  # it has no room for the rest of its word
            self._note(members.models[author.member].name, error)
            return members.row(0, place.n), np.zeros_like(author.p_defer)
        if int(self.authors(self._at(place.n)[None])[0]) == author.member == 0:
            return row, self._at(place.n)
        if _mass(row, place.begins) < ENDS:
            return _without(row, place.begins), author.p_defer
        following = self._decision(place.n, place.begins, members)
        if following.member == author.member:
            return row, following.p_defer
        row = members.row(following.member, place.n, begins=True)
        return _without(row, ~place.begins), following.p_defer

    def _mixed(self, place: _Place, members: _Members) -> tuple[Float32Array, Float32Array]:
        """(logits, p_defer) of the mixture of words."""
        positions = range(max(place.start, 1), place.n + 1)
        self._rows = {n: rows for n, rows in self._rows.items() if n >= place.start}
        for n in positions:
            for k in range(len(members.models)):
                self._add_row(k, n, members)
        present = [
            k for k in range(len(members.models)) if all(k in self._rows[n] for n in positions)
        ]
        rows, prior = self._present(place.n, present), self._prior(place.n, present)
        begins, shares = self._beginning(place, rows, prior), self._shares(prior, present)
        if place.start < place.n:
            posterior = self._posterior(place, present)
            ended = float(posterior @ rows[:, place.begins].sum(axis=1))
            begins = np.where(place.begins, ended * begins, posterior @ rows)
            shares = shares if ended >= ENDS else self._shares(posterior, present)
        with np.errstate(divide="ignore"):
            return np.log(begins).astype(np.float32), shares

    def _beginning(self, place: _Place, rows: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """P(token | a word has ended): the end as the base has it, else the mixture's next word."""
        base = np.where(place.begins, rows[0], 0)
        base /= base.sum() or 1
        text = place.begins & ~self._is_end
        mass = rows[:, text].sum(axis=1)
        weights = np.where(mass > 0, prior, 0)
        if not weights.sum():
            return np.asarray(base)
        weights /= weights.sum() * np.where(mass > 0, mass, 1)
        return np.asarray(np.where(text, base[text].sum() * (weights @ rows), base))

    def _present(self, n: int, present: Sequence[int]) -> np.ndarray:
        """Probabilities (members, n_vocab) after `n` tokens."""
        return np.stack([self._rows[n][k] for k in present])

    def _add_row(self, k: int, n: int, members: _Members) -> None:
        known = self._rows.setdefault(n, {})
        if k in known:
            return
        try:
            known[k] = np.exp(log_softmax(members.row(k, n)))
        except _ABSTAINS as error:
            if not k:
                raise
            self._note(members.models[k].name, error)

    def _prior(self, n: int, present: Sequence[int]) -> np.ndarray:
        """pi at a word start, of the members that are present; sums to 1."""
        p = self._at(n).astype(np.float64)
        weights = np.array([max(0.0, 1 - p.sum()), *p])[list(present)]
        if not weights.sum():
            weights = np.ones_like(weights)
        return np.asarray(weights / weights.sum())

    def _posterior(self, place: _Place, present: Sequence[int]) -> np.ndarray:
        """P(author | what is written of the word), of the members that are present."""
        prior = self._prior(place.start, present)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_p = np.log(prior)
            for n in range(max(place.start, 1), place.n):
                log_p += np.log(self._present(n, present)[:, self._tokens[n]])
            if place.start:
                text = self._place(self._tokens[: place.start]).begins & ~self._is_end
                log_p -= np.log(self._present(place.start, present)[:, text].sum(axis=1))
        p = np.exp(log_p - log_p.max()) if np.isfinite(log_p.max()) else np.zeros(len(present))
        return np.asarray(p / p.sum()) if p.sum() > 0 else prior

    def _shares(self, p: np.ndarray, present: Sequence[int]) -> Float32Array:
        found = np.zeros(1 + len(self.experts), np.float32)
        found[list(present)] = p
        return found[1:]


def deferring(
    name: str,
    base: LanguageModel,
    experts: Sequence[LanguageModel],
    gate: Gate,
    *,
    threshold: float = 0.5,
    compose: bool = False,
) -> DeferralTeam:
    """By tokens; by words where an expert has another vocabulary than the base."""
    made = WordTeam if are_strangers(experts) else DeferralTeam
    return made(name, base, experts, gate, threshold=threshold, compose=compose)


def own_prompt(members: Sequence[LanguageModel], tokens: Sequence[int]) -> int:
    """How many of `tokens` are a prompt that a member reads in its own form: no word crosses its end."""
    kinds = (TranslatedModel, PromptedModel)
    found = (m.prompts.at_start_of(tokens)[0] for m in members if isinstance(m, kinds))
    return max(found, default=0)


def are_strangers(members: Sequence[LanguageModel]) -> bool:
    return any(isinstance(model, TranslatedModel) for model in members)


_TAIL = 256
"""Bytes at the end that say what the text ends with."""


def _mass(logits: Float32Array, of: BoolArray) -> float:
    p = np.exp(logits - logits.max())
    return float(p[of].sum() / p.sum())


def _without(logits: Float32Array, tokens: BoolArray) -> Float32Array:
    return np.where(tokens, np.float32(-np.inf), logits)


def _last(reading: Reading, n: int) -> Reading:
    """At most its last `n` rows."""
    return Reading(
        reading.logits[-n:],
        None if reading.hidden is None else reading.hidden[-n:],
        None if reading.p_defer is None else reading.p_defer[-n:],
        {name: _last(member, n) for name, member in reading.members.items()},
    )
