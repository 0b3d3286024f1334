"""What `tune` measured of a team on somebody's questions: part of its entry in models.toml."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

Decision = Literal["team", "member", "unknown"]
"""Use the team; a member alone is better, or as good at less cost; not known yet."""


class CurvePoint(NamedTuple):
    """A team at one threshold."""

    threshold: float
    rate: float
    """Share of the tokens that experts write."""
    accuracy: float
    ms_per_token: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Accuracies are of questions that chose neither forms nor team."""

    verdict: Decision
    member: str
    """The best member: a model or team of the catalogue."""
    n: int
    team_accuracy: float
    member_accuracy: float
    p: float
    """That both are equally good: McNemar's exact test."""
    all_wrong: float
    """Share of the questions that every member alone answers wrongly (beta)."""
    data: str
    """sha256 of the questions."""
    date: str
    """UTC, YYYY-MM-DD."""
    version: str
    """Of localcollab."""
    n_more: int = 0
    """About so many more questions would tell, where it is not known."""
    curve: tuple[CurvePoint, ...] = ()
    """By rising threshold; empty where no threshold decides."""


def evidence_of(table: Mapping[str, Any]) -> Evidence:
    """Of a checked table."""
    known = {each.name: table[each.name] for each in fields(Evidence) if each.name in table}
    curve = tuple(CurvePoint(*map(float, point)) for point in table.get("curve", ()))
    return Evidence(**known | {"curve": curve})


def evidence_table(evidence: Evidence) -> dict[str, Any]:
    """As models.toml has it."""
    table = asdict(evidence) | {"curve": [list(point) for point in evidence.curve]}
    return {name: value for name, value in table.items() if value != []}
