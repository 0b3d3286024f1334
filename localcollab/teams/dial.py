"""The dial: a budget of expert tokens, or of time a token, picks the threshold on the calibration curve.

The curve is that of the team's evidence (`tune`), else the one that `convert head` wrote beside the head.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcollab.catalog.evidence import CurvePoint
from localcollab.errors import BadOption
from localcollab.teams.plan import TeamPlan

_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*(%|ms)")
_NEVER = 1.0
"""No probability exceeds it: the base alone."""
_LARGEST = 16 * 2**20
"""Bytes of a curve file."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a token may cost."""

    most: float
    """Share of the tokens that experts write, or milliseconds a token."""
    is_time: bool

    def cost(self, point: CurvePoint) -> float:
        return point.ms_per_token if self.is_time else point.rate


def parse_budget(text: str) -> Budget:
    """`20%` or `30ms`. Raises `BadOption`."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise BadOption(f"`expert_budget` is {text!r}: give a share as 20%, or a time as 30ms")
    number = float(found[1])
    if found[2] == "ms":
        return Budget(number, is_time=True)
    if number > 100:
        raise BadOption(f"`expert_budget` is {text!r}: give 0% to 100%")
    return Budget(number / 100, is_time=False)


def within_budget(plan: TeamPlan, text: str) -> TeamPlan:
    """With the threshold that answered best within the budget, and a note that says so.

    Raises `BadOption`: not a budget, a team that does not defer, no curve, or no point within it."""
    budget = parse_budget(text)
    if plan.method is not None or (plan.head is None and plan.gate is None):
        raise BadOption(
            f"{plan.name}: `expert_budget` sets the threshold of a team that defers: leave it out"
        )
    points = sorted(_curve(plan))
    if not points:
        raise BadOption(
            f"{plan.name} has no calibration curve, so `expert_budget` picks nothing: give `threshold`, "
            "or run localcollab tune or convert head"
        )
    allowed = [point for point in points if budget.cost(point) <= budget.most]
    if allowed:
        best = max(allowed, key=lambda point: (point.accuracy, -point.rate))
    elif budget.is_time:
        least = min(map(budget.cost, points))
        raise BadOption(
            f"`expert_budget` is {text!r}, and {plan.name} took {least:.3g} ms a token at least when it "
            "was calibrated: give more"
        )
    else:
        best = CurvePoint(_NEVER, 0.0, math.nan, math.nan)
    return replace(plan, threshold=best.threshold, notes=(*plan.notes, _said(text, best)))


def _said(text: str, point: CurvePoint) -> str:
    if point.threshold == _NEVER:
        return f"budget {text}: the base writes alone (every calibrated threshold exceeds it)"
    return (
        f"budget {text}: threshold {point.threshold:.3g}; when it was calibrated, experts wrote "
        f"{point.rate:.0%} of the tokens, and {point.accuracy:.3f} of the answers were right"
    )


def _curve(plan: TeamPlan) -> Iterator[CurvePoint]:
    if plan.evidence is not None and plan.evidence.curve:
        yield from plan.evidence.curve
    elif plan.head is not None:
        yield from _beside(plan.head.with_suffix(".curve.json"))


def _beside(path: Path) -> Iterator[CurvePoint]:
    """Raises `BadOption` for a damaged file."""
    if not path.is_file():
        return
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        points = json.loads(path.read_bytes())["points"]
        yield from [_point(point) for point in points]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadOption(
            f"{path}: not a calibration curve ({type(error).__name__}: {error}): calibrate the head "
            "again, or leave `expert_budget` out"
        ) from error


def _point(record: Any) -> CurvePoint:
    speed = record["tokens_per_second"]
    ms = 1000 / float(speed) if speed else math.inf
    found = CurvePoint(
        float(record["threshold"]), float(record["deferral_rate"]), float(record["metric"]), ms
    )
    if not 0 <= found.threshold <= 1 or math.isnan(found.rate) or math.isnan(found.accuracy):
        raise ValueError(f"threshold {found.threshold} with {found.rate} and {found.accuracy}")
    return found
