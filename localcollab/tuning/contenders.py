"""The teams to try with some members: one list of offers, each a method of a catalogue's team.

A team is tried as it would stand in models.toml. One that cannot be opened (two vocabularies that no
method joins yet) is left out and said; when `open_team` accepts it, it takes part by itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from localcollab.catalog import Blend, Deferral, Method, Mixture
from localcollab.tuning.cast import Cast, is_deferral

Kind = Literal["tokens", "answers", "samples"]
"""Members write together, token by token; one of their answers is picked; samples of one vote."""
THRESHOLDS = (0.3, 0.5, 0.7)
HEAD = "tune-head"


@dataclass(frozen=True, slots=True)
class Contender:
    name: str
    method: Method
    kind: Kind = "tokens"
    head: Path | None = None
    """The file of a head that was trained for it; its method names it `HEAD`."""


Offer = Callable[[Cast], Iterator[Contender]]


def as_asked(cast: Cast) -> Iterator[Contender]:
    """The team that was named; a member may have the same name."""
    if cast.team is not None and not isinstance(cast.team.method, Blend):
        yield Contender(f"team {cast.team.name}", cast.team.method)


def entropy_gates(cast: Cast) -> Iterator[Contender]:
    """Thresholds of the untrained gate: they are also the curve of the dial."""
    for threshold in THRESHOLDS if is_deferral(cast.team) else ():
        method = Deferral(_base(cast), _experts(cast), gate="entropy", threshold=threshold)
        yield Contender(f"entropy gate at {threshold:g}", method)


def margin_gate(cast: Cast) -> Iterator[Contender]:
    if is_deferral(cast.team):
        method = Deferral(_base(cast), _experts(cast), gate="margin", threshold=0.5)
        yield Contender("margin gate at 0.5", method)


def equal_mixture(cast: Cast) -> Iterator[Contender]:
    if is_deferral(cast.team):
        yield Contender("equal mixture", Mixture(cast.members))


def surest_answer(cast: Cast) -> Iterator[Contender]:
    """The answer that its own author finds most probable, per token."""
    yield Contender("surest answer", Blend(cast.members, "confidence"), "answers")


OFFERS: tuple[Offer, ...] = (as_asked, entropy_gates, margin_gate, equal_mixture, surest_answer)
"""Of two members or more."""


def contenders(cast: Cast) -> list[Contender]:
    if len(cast.members) < 2:
        return []
    found = list[Contender]()
    for contender in (each for offer in OFFERS for each in offer(cast)):
        if all(contender.method != other.method for other in found):
            found.append(contender)
    return found


def with_head(cast: Cast, head: Path) -> Iterator[Contender]:
    """By a head that was trained on the questions that choose: who writes, and who weighs how much."""
    deferral = Deferral(_base(cast), _experts(cast), head=HEAD)
    yield Contender("trained head", deferral, head=head)
    yield Contender("trained mixture", replace(deferral, compose=True), head=head)


def self_consistency(member: str, n_samples: int) -> Contender:
    """Several answers of one member, and the one that most of them give (arXiv:2203.11171)."""
    return Contender(
        f"{member}, {n_samples} answers", Blend((member,), "vote", samples=n_samples), "samples"
    )


def _base(cast: Cast) -> str:
    return cast.members[0]


def _experts(cast: Cast) -> tuple[str, ...]:
    return cast.members[1:]
