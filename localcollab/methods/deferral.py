"""Token-level deferral, Co-LLM (arXiv:2403.03870): the base writes, or asks one of K experts.

P(x_t) = sum_k P(z_t = k | x_<t) P_k(x_t | x_<t). A gate gives P(z); if the experts' share exceeds
the threshold, the most probable expert writes the token. An expert is read only when it is asked, and
then reads everything it skipped in one batch. `compose` is the paper's mixture instead. An expert whose
process is lost writes nothing there, and a note says so: the others go on.
"""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np

from localcollab.catalog.methods import check_threshold
from localcollab.errors import BadOption, VocabularyMismatch, WorkerLost
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading, log_softmax
from localcollab.methods.gates import Gate
from localcollab.vocabulary import Vocabulary, require_same

logger = logging.getLogger("localcollab.note")


class DeferralTeam:
    """A `LanguageModel`; `p_defer` of its readings is the gate's. Raises `VocabularyMismatch`."""

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
        names = [member.name for member in (base, *experts)]
        if len(set(names)) < len(names):
            raise BadOption(
                f"team {name!r} has two members of the same name ({', '.join(names)}): rename one"
            )
        if not experts:
            raise BadOption(f"team {name!r} has no expert: give at least one")
        for expert in experts:
            require_same(base.name, base.vocabulary, expert.name, expert.vocabulary)
        self.name = name
        self.base, self.experts = base, tuple(experts)
        self.gate, self.compose = gate, compose
        self.threshold = check_threshold(threshold)
        self._lost: set[str] = set()
        """Experts whose loss was told."""

    def with_gate(self, gate: Gate, *, threshold: float = 0.5) -> Self:
        """The same members, on the same contexts, under another gate; hard selection."""
        return type(self)(self.name, self.base, self.experts, gate, threshold=threshold)

    @property
    def vocabulary(self) -> Vocabulary:
        return self.base.vocabulary

    @property
    def n_embd(self) -> int:
        return self.base.n_embd

    @property
    def n_ctx(self) -> int:
        return min(member.n_ctx for member in (self.base, *self.experts))

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. `hidden` is the base's."""
        ask_hidden = hidden or (self.gate.needs_hidden and last > 0)
        base = self.base.read(tokens, last=last, hidden=ask_hidden, on_chunk=on_chunk)
        if last == 0:
            return Reading(base.logits, base.hidden, members={self.base.name: base})
        p_defer = self.gate.defer(base, len(tokens))  # (last, K)
        members, p_defer, authors = self._with_experts(tokens, base, p_defer, on_chunk)
        mix = self._mixture if self.compose else self._selected
        states = base.hidden if hidden else None
        return Reading(mix(members, authors, p_defer), states, p_defer, members)

    def _with_experts(
        self,
        tokens: Sequence[int],
        base: Reading,
        p_defer: Float32Array,
        on_chunk: OnChunk | None,
    ) -> tuple[dict[str, Reading], Float32Array, np.ndarray]:
        """(the readings that are needed, p_defer, authors); p_defer is 0 for an expert that is lost."""
        members, last, lost = {self.base.name: base}, len(p_defer), set[str]()
        authors = self.authors(p_defer)
        if not (self.compose or authors.any()):
            return members, p_defer, authors
        waiting = deque(enumerate(self.experts, start=1))
        while waiting:
            k, expert = waiting.popleft()
            asked = np.ones(last, bool) if self.compose else authors == k
            if expert.name in lost or not asked.any():
                continue
            try:
                n_rows = last - int(asked.argmax())
                members[expert.name] = expert.read(tokens, last=n_rows, on_chunk=on_chunk)
                self._lost.discard(expert.name)
            except WorkerLost as error:
                self._note_lost(expert.name, error)
                lost.add(expert.name)
                p_defer = p_defer.copy()
                p_defer[:, k - 1] = 0
                authors = self.authors(p_defer)
                waiting = deque(enumerate(self.experts, start=1))  # whose tokens these are now
        return members, p_defer, authors

    def _note_lost(self, name: str, error: WorkerLost) -> None:
        if name not in self._lost:
            self._lost.add(name)
            logger.warning("%s goes on without %s: %s", self.name, name, error)

    def authors(self, p_defer: Float32Array) -> np.ndarray:
        """(last, K) -> (last,): 0 for the base, k for expert k."""
        if (
            len(p_defer) == 1
        ):  # token by token, where arrays of one row cost more than what they hold
            return np.array([self._author(p_defer[0])])
        # Rounding may give a sum above 1, which must not pass a threshold of 1.
        defers = np.minimum(p_defer.sum(axis=1), 1) > self.threshold
        return np.where(defers, p_defer.argmax(axis=1) + 1, 0)

    def _author(self, p_defer: Float32Array) -> int:
        """(K,) -> the author; in float32, as for many rows."""
        threshold = np.float32(self.threshold)
        defers = threshold < 1 and p_defer.sum() > threshold
        return int(p_defer.argmax()) + 1 if defers else 0

    def writer(self, reading: Reading) -> LanguageModel | None:
        """The expert that writes after the last position; None where the base does, or all together."""
        if self.compose or reading.p_defer is None or len(reading.members) < 2:
            return None
        k = self._author(reading.p_defer[-1])
        return self.experts[k - 1] if k else None

    def others(self, tokens: Sequence[int], reading: Reading) -> Iterator[tuple[str, Float32Array]]:
        """(member, its logits (n_vocab,)) after `tokens`: those that `reading`'s author was preferred
        to, the likeliest first, then that author. Reads one by one; who cannot be read is left out."""
        assert reading.p_defer is not None
        p_defer = reading.p_defer[-1]
        pi = np.array([1 - p_defer.sum(), *p_defer])
        author = self._author(p_defer)
        pi[author] = -1
        for k in np.argsort(-pi, kind="stable"):
            member = (self.base, *self.experts)[int(k)]
            try:
                yield member.name, member.read(tokens).logits[-1]
            except (VocabularyMismatch, WorkerLost):
                continue

    def _selected(
        self, members: dict[str, Reading], authors: np.ndarray, p_defer: Float32Array
    ) -> Float32Array:
        base = members[self.base.name].logits
        if not authors.any():
            return base
        if len(authors) == 1:
            return members[self.experts[int(authors[0]) - 1].name].logits
        logits = base.copy()
        for k, expert in enumerate(self.experts, start=1):
            rows = np.flatnonzero(authors == k)
            if len(rows):
                theirs = members[expert.name].logits
                logits[rows] = theirs[rows - len(authors)]
        return logits

    def _mixture(
        self, members: dict[str, Reading], authors: np.ndarray, p_defer: Float32Array
    ) -> Float32Array:
        logits: Float32Array = np.logaddexp.reduce(self._weighted(members, p_defer))
        return logits

    def _weighted(self, members: dict[str, Reading], p_defer: Float32Array) -> Float32Array:
        """log pi_k + log P_k, (K+1, last, n_vocab)."""
        pi = np.concatenate([1 - p_defer.sum(axis=1, keepdims=True), p_defer], axis=1)
        with np.errstate(divide="ignore"):
            log_pi = np.log(np.clip(pi, 0, 1)).T[:, :, None]
        # One that is lost has no reading, and pi = 0.
        readings = [
            members.get(m.name, members[self.base.name]) for m in (self.base, *self.experts)
        ]
        weighted: Float32Array = np.stack([log_softmax(r.logits) for r in readings])
        weighted += log_pi
        return weighted

    def attribute(self, reading: Reading, token: int) -> str:
        """The member that wrote `token`; in a mixture, the one that gave it the highest probability."""
        assert reading.p_defer is not None
        if self.compose:
            last_row = {name: Reading(r.logits[-1:]) for name, r in reading.members.items()}
            k = int(self._weighted(last_row, reading.p_defer[-1:])[:, -1, token].argmax())
        else:
            k = self._author(reading.p_defer[-1])
        member = (self.base, *self.experts)[k]
        author = member.attribute(reading.members[member.name], token)
        return author if author == member.name else f"{member.name}/{author}"
