"""What may be proposed for a team, and what was learned of it: how often each source is right, and what
reading several tokens at once costs here.

Sources are a draft model, the member that is writing anyway, and what was said before (`lookup`). What is
proposed at which token of an answer is left to `steps`.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from typing import Protocol

from localcollab.decoding.classes import new_tables
from localcollab.decoding.costs import TYPICAL, BatchCosts, Clock, CostCurve, measure_curve
from localcollab.decoding.speculation import Draft
from localcollab.language_model import LanguageModel, Reading

_NEWEST, _LEAST = 9, 3
"""Times that a median is of; fewer than so many say nothing."""
_ANSWERS_UNTIL_NEXT = 16
"""Before costs are measured again that were measured on a busy machine."""
_EARLIER_TOKENS = 4096
"""Of earlier answers, that are looked up."""

Writer = Callable[[LanguageModel, Reading], LanguageModel | None]
"""(a team, its reading) -> the member that wrote after the last position and may go on alone."""


class CurveStore(Protocol):
    """Where a measured curve is remembered."""

    def load(self) -> CostCurve | None: ...
    def save(self, curve: CostCurve) -> None: ...


class Speculation:
    """For one team and one conversation after another; what was learned stays.

    `measured` is the model whose reads are timed: the base of a team that asks others now and then.
    `depth`: always propose so many tokens, for tests and comparisons.
    """

    def __init__(
        self,
        measured: LanguageModel,
        *,
        draft: Draft | None = None,
        writer: Writer = lambda model, reading: None,
        curves: CurveStore | None = None,
        looks_up: bool = True,
        remembers: bool = True,
        depth: int | None = None,
        clock: Clock = time.perf_counter,
    ) -> None:
        self.measured, self.draft, self.writer = measured, draft, writer
        self.looks_up, self.remembers, self.depth = looks_up, remembers, depth
        self.curves, self.clock = curves, clock
        self.acceptance = new_tables()
        self.costs: dict[str, BatchCosts] = {}
        """By source; of a typical machine until this one's curve is known."""
        self.n_answers = 0
        self._measures_at = 0.0
        self._assume(TYPICAL)
        self._plain: dict[tuple[str, ...], deque[float]] = {}
        self._prices: dict[str, deque[float]] = {}
        self.draft_has_read: list[int] = []
        self.earlier: deque[tuple[int, ...]] = deque()

    def through(self, wrap: Callable[[LanguageModel], LanguageModel]) -> "Speculation":
        """The same sources, read by way of `wrap`. Remembers no answers: they may be another client's."""
        inner = self.writer

        def writer(team: LanguageModel, reading: Reading) -> LanguageModel | None:
            member = inner(team, reading)
            return None if member is None else wrap(member)

        return Speculation(
            wrap(self.measured),
            draft=self.draft and Draft(wrap(self.draft.model), self.draft.n_tokens),
            writer=writer, curves=self.curves, looks_up=self.looks_up, remembers=False,
            depth=self.depth, clock=self.clock,
        )  # fmt: skip

    @property
    def may_gain(self) -> bool:
        """Whether any batch costs less than its tokens one by one, as far as that is known."""
        return self._wants_costs or any(costs.may_gain for costs in self.costs.values())

    @property
    def _wants_costs(self) -> bool:
        """They are not known, or were measured while the machine did something else, some time ago."""
        return self.n_answers >= self._measures_at

    def recall_costs(self) -> None:
        """From where they are remembered, if anywhere."""
        curve = self.curves.load() if self._wants_costs and self.curves else None
        if curve is not None:
            self._assume(curve)
            self._measures_at = math.inf

    def measure_costs(self, tokens: Sequence[int]) -> None:
        """Behind `tokens`, where they are not known; a second or less, for the time after an answer."""
        if not self._wants_costs or len(tokens) >= self.measured.n_ctx:
            return
        curve = measure_curve(self.measured, tokens, clock=self.clock)
        if not curve.is_steady:
            self._measures_at = self.n_answers + _ANSWERS_UNTIL_NEXT
            return
        self._assume(curve)
        self._measures_at = math.inf
        if self.curves:
            self.curves.save(curve)

    def _assume(self, curve: CostCurve) -> None:
        self.costs = {source: BatchCosts(curve) for source in self.acceptance}

    def note_plain(self, members: tuple[str, ...], seconds: float) -> None:
        """A read of one token, after another one of the same members."""
        known = self._plain.get(members)
        if known is None:
            known = self._plain[members] = deque(maxlen=_NEWEST)
        known.append(seconds)

    def plain_seconds(self, members: tuple[str, ...]) -> float | None:
        """Of a read of one token; None where it is not known well."""
        seconds = self._plain.get(members, ())
        return median(seconds) if len(seconds) >= _LEAST else None

    def note_price(self, source: str, seconds: float) -> None:
        self._prices.setdefault(source, deque(maxlen=_NEWEST)).append(seconds)

    def price_seconds(self, source: str) -> float | None:
        """Of one token that a model proposes."""
        seconds = self._prices.get(source)
        return median(seconds) if seconds else None

    def remember(self, tokens: Sequence[int]) -> None:
        """An answer, with the last tokens before it."""
        if self.remembers:
            self.earlier.append(tuple(tokens[-_EARLIER_TOKENS:]))
            while sum(map(len, self.earlier)) > _EARLIER_TOKENS:
                self.earlier.popleft()
