"""The spans of the answer that is being written: who wrote them, and how likely the members found them.

What is known of a token comes from the reading it was drawn from, so that knowing it costs no read.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from localcollab.decoding.rewriting import marginal, root
from localcollab.decoding.triggers import AHEAD, Span
from localcollab.decoding.written_token import log, probability
from localcollab.language_model import Float32Array, Reading


class Place(NamedTuple):
    """Tokens [start, end) of an answer that one expert wrote in one go."""

    start: int
    end: int
    author: str


class _Known(NamedTuple):
    """Of one token, in nats."""

    own: float
    """Its author's."""
    base: float
    together: float


class WrittenSpans:
    """In order. Each trigger decides on each span once."""

    def __init__(self, members: Sequence[str]) -> None:
        """`members`: of the team, the base first, in the order of `p_defer`."""
        self._members, self._base = members, next(iter(members), "")
        self._places: list[Place] = []
        self._known: list[_Known] = []
        self._states: list[Float32Array | None] = []
        """The base's, before each token, and where the answer ends."""
        self._n_decided: dict[str, int] = {}
        """Of the spans, by trigger."""

    def n_settled(self, triggers: Sequence[str]) -> int:
        """Tokens before the first span that one of the triggers has not decided on."""
        least = min((self._n_decided.get(name, 0) for name in triggers), default=len(self._places))
        return self._places[least].start if least < len(self._places) else len(self._known)

    def add(self, reading: Reading, token: int, author: str) -> None:
        """`token` was drawn from `reading`."""
        member = root(author)
        own = reading.members.get(member, reading)
        base = reading.members.get(self._base, reading)
        known = _Known(
            log(probability(own.logits[-1], token)),
            log(probability(base.logits[-1], token)),
            marginal(reading, token, self._members),
        )
        self._states.append(self._state(reading))
        self._append(member, known)

    def add_end(self, reading: Reading) -> None:
        """The answer ends there."""
        self._states.append(self._state(reading))

    def _state(self, reading: Reading) -> Float32Array | None:
        hidden = reading.members.get(self._base, reading).hidden
        return None if hidden is None else hidden[-1]

    def add_decided(self, author: str, p: float) -> None:
        """A token of an alternative, which no trigger looks at again."""
        self._states.append(None)
        self._append(root(author), _Known(log(p), log(p), log(p)))

    def _append(self, member: str, known: _Known) -> None:
        at = len(self._known)
        self._known.append(known)
        if member == self._base:
            return
        last = self._places[-1] if self._places else None
        if last and (last.end, last.author) == (at, member):
            self._places[-1] = last._replace(end=at + 1)
        else:
            self._places.append(Place(at, at + 1, member))

    def due(self, trigger: str, n_ahead: int) -> Iterator[Place]:
        """Those that the trigger has not decided on, with so many tokens behind them."""
        for place in self._places[self._n_decided.get(trigger, 0) :]:
            if len(self._known) - place.end < n_ahead:
                return
            yield place

    def decide(self, trigger: str) -> None:
        """On the next one that is due."""
        self._n_decided[trigger] = self._n_decided.get(trigger, 0) + 1

    def decide_all(self, triggers: Sequence[str]) -> None:
        self._n_decided = dict.fromkeys(triggers, len(self._places))

    def forget(self, n_kept: int) -> None:
        """All but the first `n_kept` tokens."""
        del self._known[n_kept:], self._states[n_kept:]
        kept = [place for place in self._places if place.start < n_kept]
        self._places = [place._replace(end=min(place.end, n_kept)) for place in kept]
        self._n_decided = {name: min(n, len(kept)) for name, n in self._n_decided.items()}

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(self._places)

    def together(self, start: int) -> list[float]:
        """Marginal log-probabilities of the tokens from `start` on."""
        return [known.together for known in self._known[start:]]

    def span(self, place: Place, tokens: Sequence[int], decode: Callable[..., str]) -> Span:
        """`tokens`: of the answer."""
        start, end, author = place
        return Span(
            author, decode(tokens[:start]), decode(tokens[start:end]), decode(tokens[end:]),
            tuple(known.own for known in self._known[start:end]),
            tuple(known.base for known in self._known[start : end + AHEAD]),
            self._states[end] if end < len(self._states) else None,
        )  # fmt: skip
