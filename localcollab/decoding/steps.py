"""The reads of one answer: before each, the source and the depth that promise most, or none.

The controller's numbers are used, and corrected by what became of each proposal. Every token is still
drawn from the model's own logits at its own prefix: see `speculation`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from localcollab.decoding.acceptance import Acceptance, best_depth, deepest
from localcollab.decoding.classes import (
    ANY_CONFIDENCE,
    DRAFT,
    LOOKUP,
    MEMBER,
    confidence_class,
    copy_class,
    depth_class,
    source_of,
)
from localcollab.decoding.controller import Speculation
from localcollab.decoding.costs import LONGEST, WORTH_IT
from localcollab.decoding.lookup import Lookup
from localcollab.decoding.speculation import Draft, before_last
from localcollab.errors import WorkerLost
from localcollab.events import Drafted
from localcollab.language_model import LanguageModel, OnChunk, Reading

_PLAIN_EVERY = 32
"""Reads: what one token costs alone must stay known."""
_WRITTEN_FIRST = 4
"""Tokens before anything is looked up: a word or two need no index of the prompt."""
_MEASURED_AFTER = 16
"""Tokens of an answer; a shorter one shall not be followed by a second of measuring."""
_MAY_LOSE = ((0.4, 0.08), (1.6, 0.025))
"""Tokens' time, once and for each token of an answer; the lesser counts. So much may be lost if all that
is proposed from now on is wrong: the first proposals are short, and their gain pays for longer ones."""
_UNKNOWN_PRICE = 0.3
"""Of a draft's token, in tokens of the team, before one was measured."""
_CATCHING_UP = 0.25
"""Of the time for one token, when a draft reads many."""
_CATCH_UP_SHARE, _FREE_CATCH_UP = 0.05, 16
"""Of an answer's time so far: what a draft may take to read the text; so few tokens it always may."""
_TAIL = 4
"""Tokens before an answer by which it is found again."""


class Proposal(NamedTuple):
    tokens: list[int]
    source: str
    classes: list[int]
    """Of a model's tokens, for what is learned from them."""
    seconds: float


_NONE = Proposal([], "", [], 0.0)


class _Batch(NamedTuple):
    source: str
    n_tokens: int
    seconds: float
    plain: float
    """Seconds of one token."""


@dataclass(slots=True)
class _Count:
    proposed: int = 0
    accepted: int = 0


class Steps:
    """The reads of one answer: before each, what to propose; after it, what became of that."""

    def __init__(self, owner: Speculation, model: LanguageModel, prompt: Sequence[int]) -> None:
        owner.recall_costs()
        self._owner, self._model = owner, model
        self._started = owner.clock()
        self._n_prompt = self._n_seen = len(prompt)
        self._lookup: Lookup | None = None
        self._tail = tuple(prompt[-_TAIL:])
        self._before: Mapping[str, Acceptance] | None = None
        """What was learned before this answer could be a loop."""
        self._proposal = _NONE
        self._reading: Reading | None = None
        self._seconds = 0.0
        self._members: tuple[str, ...] = ()
        """Who was read before the last read."""
        self._n_since_plain = 0
        self._batch: _Batch | None = None
        """Whose whole cost the next read shows."""
        self._saved = 0.0
        """Tokens' time won, by what was proposed, so far."""
        self._counts: dict[str, _Count] = {}

    def propose(
        self, tokens: Sequence[int], at_most: int, on_chunk: OnChunk | None = None
    ) -> list[int]:
        """What may follow `tokens`, at most so much; nothing where that is the fastest."""
        self._settle(tokens)
        self._proposal = _NONE
        if at_most > 0 and self._reading is not None:
            if self._owner.depth is None:
                self._proposal = self._chosen(tokens, min(at_most, LONGEST), on_chunk)
            else:
                self._proposal = self._fixed(tokens, min(at_most, self._owner.depth), on_chunk)
        return self._proposal.tokens

    def read(self, tokens: Sequence[int], on_chunk: OnChunk | None = None) -> Reading:
        """After `tokens` and after each proposed one."""
        proposal = self._proposal.tokens
        started = self._owner.clock()
        reading = self._model.read([*tokens, *proposal], last=len(proposal) + 1, on_chunk=on_chunk)
        # The first read is of the prompt.
        self._seconds = 0.0 if self._reading is None else self._owner.clock() - started
        self._members = () if self._reading is None else tuple(self._reading.members)
        self._reading = reading
        return reading

    def finish(self, tokens: Sequence[int], *, is_loop: bool) -> Mapping[str, Drafted]:
        """Accepted and proposed tokens, by source. What a loop teaches is forgotten."""
        self._settle(tokens)
        owner = self._owner
        owner.n_answers += 1
        if is_loop and self._before is not None:
            owner.acceptance.update(self._before)
        elif not is_loop:
            for table in owner.acceptance.values():
                table.fade()
            owner.remember([*self._tail, *tokens[self._n_prompt :]])
        return {
            name: Drafted(count.proposed, count.accepted) for name, count in self._counts.items()
        }

    def measure(self, tokens: Sequence[int]) -> None:
        """What several tokens at once cost here, if it is not known, now that the answer is there."""
        if len(tokens) - self._n_prompt >= _MEASURED_AFTER:
            with suppress(WorkerLost):  # The next answer tells.
                self._owner.measure_costs(tokens)

    def _settle(self, tokens: Sequence[int]) -> None:
        """Learn from what was written since the last proposal."""
        written = tokens[self._n_seen :]
        self._n_seen = len(tokens)
        if self._lookup:
            for token in written:
                self._follow(self._lookup, token)
        elif self._owner.looks_up and len(tokens) - self._n_prompt >= _WRITTEN_FIRST:
            # A word or two need no index of the prompt.
            self._lookup = Lookup(self._owner.earlier)
            self._lookup.extend(tokens)
            self._before = {name: table.copy() for name, table in self._owner.acceptance.items()}
        if self._reading is None or not written:
            return
        proposal, n = self._proposal, 0
        for mine, theirs in zip(proposal.tokens, written, strict=False):
            if mine != theirs:
                break
            n += 1
        if self._seconds:
            self._learn_costs(self._reading, n)
        if proposal.tokens:
            self._learn_acceptance(n, len(written))
            # What comes after the last token that was kept is nothing that was said.
            self._reading = before_last(self._reading, len(proposal.tokens) - n)

    def _follow(self, lookup: Lookup, token: int) -> None:
        source, which = source_of(lookup), copy_class(lookup, 0)
        is_hit = lookup.add(token)
        if is_hit is not None:
            self._owner.acceptance[source].add(which, is_hit=is_hit)

    def _learn_costs(self, reading: Reading, n_accepted: int) -> None:
        owner, proposal = self._owner, self._proposal
        members = tuple(reading.members)
        if proposal is _NONE:
            self._n_since_plain = 0
            if self._batch is not None:
                self._settle_batch(self._seconds - (owner.plain_seconds(members) or self._seconds))
            # A member that was not read before reads all that it skipped.
            elif members == self._members:
                owner.note_plain(members, self._seconds)
            return
        self._settle_batch(0.0)
        self._n_since_plain += 1
        plain = owner.plain_seconds(members)
        if plain is None:
            return
        if proposal.tokens:
            self._batch = _Batch(proposal.source, len(proposal.tokens) + 1, self._seconds, plain)
        self._saved += n_accepted + 1 - (self._seconds + proposal.seconds) / plain

    def _settle_batch(self, more: float) -> None:
        """The last batch also cost what the read after it took `more` than others, in seconds."""
        batch, self._batch = self._batch, None
        if batch is not None:
            more = max(more, 0.0)
            self._saved -= more / batch.plain
            costs = self._owner.costs[batch.source]
            costs.correct(batch.n_tokens, (batch.seconds + more) / batch.plain)

    def _learn_acceptance(self, n_accepted: int, n_written: int) -> None:
        proposal = self._proposal
        count = self._counts.setdefault(proposal.source, _Count())
        count.proposed += len(proposal.tokens)
        count.accepted += n_accepted
        if not proposal.classes:  # a cursor has learned already
            return
        table = self._owner.acceptance[proposal.source]
        for which in proposal.classes[:n_accepted]:
            table.add(which, is_hit=True)
        if n_accepted < min(n_written, len(proposal.tokens)):
            table.add(proposal.classes[n_accepted], is_hit=False)
        if proposal.source == DRAFT:
            for n in range(min(n_accepted + 1, n_written, len(proposal.tokens))):
                table.add(ANY_CONFIDENCE, is_hit=n < n_accepted)

    def _fixed(self, tokens: Sequence[int], at_most: int, on_chunk: OnChunk | None) -> Proposal:
        assert self._reading is not None
        member = self._owner.writer(self._model, self._reading)
        if member is not None:
            return self._drafted(Draft(member), MEMBER, tokens, at_most, on_chunk)
        if self._owner.draft:
            return self._drafted(self._owner.draft, DRAFT, tokens, at_most, on_chunk)
        return self._looked_up(at_most)

    def _chosen(self, tokens: Sequence[int], at_most: int, on_chunk: OnChunk | None) -> Proposal:
        assert self._reading is not None
        owner = self._owner
        member = owner.writer(self._model, self._reading)
        if not (member or owner.draft or self._copy_may_gain()):
            return _NONE
        plain = owner.plain_seconds(tuple(self._reading.members))
        if plain is None or self._n_since_plain >= _PLAIN_EVERY:
            return _NONE
        source, depth, speed = LOOKUP, 0, WORTH_IT
        most = self._may_lose(tokens)
        for name, rates, price in self._offers(tokens, at_most, plain, member):
            costs = owner.costs[name].costs
            n, found = best_depth(rates[: deepest(costs, most, price)], costs, price)
            if found > speed:
                source, depth, speed = name, n, found
        if source == MEMBER and member is not None:
            return self._drafted(Draft(member), MEMBER, tokens, depth, on_chunk)
        if source == DRAFT and owner.draft:
            return self._drafted(owner.draft, DRAFT, tokens, depth, on_chunk)
        return self._looked_up(depth)

    def _copy_may_gain(self) -> bool:
        """Looked at before every token, so at once: most copies are too short."""
        lookup = self._lookup
        if lookup is None or lookup.expected is None:
            return False
        source = source_of(lookup)
        rate = self._owner.acceptance[source].rates[copy_class(lookup, 0)]
        return rate > self._owner.costs[source].least_rate

    def _may_lose(self, tokens: Sequence[int]) -> float:
        """Tokens' time that the next proposal may lose."""
        n_written = len(tokens) - self._n_prompt
        return self._saved + min(once + each * n_written for once, each in _MAY_LOSE)

    def _offers(
        self, tokens: Sequence[int], at_most: int, plain: float, member: LanguageModel | None
    ) -> list[tuple[str, list[float], float]]:
        """(source, the rates of its tokens, the price of one)."""
        owner, offers = self._owner, list[tuple[str, list[float], float]]()
        lookup = self._lookup
        if lookup is not None and self._copy_may_gain():
            name = source_of(lookup)
            rates = owner.acceptance[name].rates
            run = lookup.expected_run(at_most)
            offers.append((name, [rates[copy_class(lookup, n)] for n in range(len(run))], 0.0))
        if member is not None:
            rates = owner.acceptance[MEMBER].rates
            by_depth = [rates[depth_class(n)] for n in range(1, at_most + 1)]
            offers.append((MEMBER, by_depth, self._price(MEMBER, plain)))
        elif owner.draft and self._draft_may_read(tokens, plain):
            rate = owner.acceptance[DRAFT].rates[ANY_CONFIDENCE]
            offers.append((DRAFT, [rate] * at_most, self._price(DRAFT, plain)))
        return offers

    def _price(self, source: str, plain: float) -> float:
        seconds = self._owner.price_seconds(source)
        return _UNKNOWN_PRICE if seconds is None else seconds / plain

    def _draft_may_read(self, tokens: Sequence[int], plain: float) -> bool:
        """A draft that would read much of the text first waits until the answer has taken long."""
        n_new = self._n_new_to_draft(tokens)
        if n_new <= _FREE_CATCH_UP:
            return True
        so_far = self._owner.clock() - self._started
        each = self._owner.price_seconds(DRAFT) or _UNKNOWN_PRICE * plain
        return n_new * each * _CATCHING_UP <= _CATCH_UP_SHARE * so_far

    def _n_new_to_draft(self, tokens: Sequence[int]) -> int:
        return len(tokens) - _n_shared(self._owner.draft_has_read, tokens)

    def _looked_up(self, depth: int) -> Proposal:
        lookup = self._lookup
        if not depth or lookup is None or lookup.expected is None:
            return _NONE
        run = lookup.expected_run(depth)
        end = self._model.vocabulary.end
        n = next((n for n, token in enumerate(run) if token in end), len(run))
        return Proposal(run[:n], source_of(lookup), [], 0.0) if n else _NONE

    def _drafted(
        self,
        draft: Draft,
        source: str,
        tokens: Sequence[int],
        at_most: int,
        on_chunk: OnChunk | None,
    ) -> Proposal:
        """Token by token while one more is expected to gain; cut where reading it costs too much."""
        owner = self._owner
        is_level = source == MEMBER or self._n_new_to_draft(tokens) <= _FREE_CATCH_UP
        started = owner.clock()
        proposal, classes, rates = list[int](), list[int](), list[float]()
        table = owner.acceptance[source].rates
        for token, confidence in draft.tokens(tokens, at_most, on_chunk):
            proposal.append(token)
            depth = len(proposal)
            which = depth_class(depth) if source == MEMBER else confidence_class(confidence)
            classes.append(which)
            rates.append(table[which])
            if owner.depth is None and source == DRAFT and not self._goes_on(rates, at_most):
                break
        seconds = owner.clock() - started
        if source == DRAFT:
            owner.draft_has_read = [*tokens, *proposal[:-1]]
        if not proposal:
            return Proposal([], source, [], seconds)
        if is_level:
            owner.note_price(source, seconds / len(proposal))
        n = len(proposal)
        if owner.depth is None:
            n, _ = best_depth(rates, owner.costs[source].costs)
        return Proposal(proposal[:n], source, classes[:n], seconds)

    def _goes_on(self, rates: Sequence[float], at_most: int) -> bool:
        """Whether drafting further beats reading what is there."""
        owner = self._owner
        assert self._reading is not None
        costs = owner.costs[DRAFT].costs
        plain = owner.plain_seconds(tuple(self._reading.members))
        price = _UNKNOWN_PRICE if plain is None else self._price(DRAFT, plain)
        further = [owner.acceptance[DRAFT].rates[ANY_CONFIDENCE]] * (at_most - len(rates))
        depth, _ = best_depth([*rates, *further], costs, price)
        return depth > len(rates)


def _n_shared(known: Sequence[int], tokens: Sequence[int]) -> int:
    n = min(len(known), len(tokens))
    if list(known[:n]) == list(tokens[:n]):
        return n
    return next(i for i in range(n) if known[i] != tokens[i])
