"""Figures as a table, as JSON, and as a picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localcollab.bench.figures import Figure
from localcollab.errors import BadOption
from localcollab.evaluation.plot import new_figure, save_figure

Results = Mapping[str, Sequence[Figure]]
"""By team."""


def as_json(results: Results, machine: Mapping[str, object]) -> str:
    """{team: {key: value, ..., "details": {key: ...}}, ..., "machine": ...}; null: skipped."""
    teams = {team: _record(figures) for team, figures in results.items()}
    return json.dumps({**teams, "machine": machine}, indent=1, allow_nan=False)


def _record(figures: Sequence[Figure]) -> dict[str, object]:
    record: dict[str, object] = {f.key: f.value for f in figures}
    startup = next((f for f in figures if f.key == "startup"), None)
    if startup is not None and startup.value is not None:
        record["startup"] = dict(startup.details)
    record["details"] = {
        f.key: {"label": f.label, "quartiles": f.spread, "note": f.note, **f.details}
        for f in figures
    }
    return record


def curves(results: Results) -> dict[str, Mapping[str, Any]]:
    """Cost curves by team and member, where they were measured."""
    found = {
        team: next((f.details.get("curves") for f in figures if f.key == "batch_of_4"), None)
        for team, figures in results.items()
    }
    return {team: each for team, each in found.items() if isinstance(each, Mapping)}


def one_line(found: Figure) -> str:
    """For progress: a slow command says what it has."""
    return f"{found.label}: {found.note if found.value is None else _short(found.value)}"


def as_table(results: Results) -> str:
    """Ratio, quartiles, and what it was made of."""
    width = max(len(f.label) for figures in results.values() for f in figures)
    lines = []
    for team, figures in results.items():
        lines.append(f"{team:{width}}   ratio    quartiles")
        lines += [f"  {f.label:{width}} {_cells(f)}  {f.note}".rstrip() for f in figures]
    return "\n".join(lines)


def _cells(found: Figure) -> str:
    if found.value is None:
        return f"{'-':>7} {'':>16}"
    low, high = found.spread or (found.value, found.value)
    return f"{_short(found.value):>7} {_short(low):>7} ..{_short(high):>7}"


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def draw(results: Results, path: Path) -> None:
    """One row per ratio, one mark per team, on a logarithmic axis. Raises `BadOption` without a ratio."""
    drawn = {
        team: [f for f in figures if f.value is not None and f.key != "startup"]
        for team, figures in results.items()
    }
    keys = list(dict.fromkeys(f.key for figures in drawn.values() for f in figures))
    if not keys:
        raise BadOption(
            "`plot`: none of the chosen figures is a ratio: add one of a to f to `only`"
        )
    canvas = new_figure(8, 0.62 * len(keys) + 1.5)
    axes = canvas.add_subplot()
    for n, (team, figures) in enumerate(drawn.items()):
        _draw_team(axes, team, figures, keys, offset=0.16 * (n - (len(drawn) - 1) / 2), n=n)
    _dress(axes, keys)
    save_figure(canvas, path)


_NAMES = {
    "base_vs_raw": "base / bare loop (speed)",
    "team_vs_limit": "team / additive limit (speed)",
    "vs_published_style": "team / published style (speed)",
    "second_turn_tokens": "second turn: read / new tokens",
    "export_vs_prompt": "export / prompt (speed)",
    "second_start": "second start / first (time)",
    "rss_ratio": "peak memory / (weights + cache)",
    "speculation_vs_plain": "proposed tokens / plain (speed)",
    "speculation_vs_base": "proposed tokens / base alone (speed)",
    "quotes_vs_plain": "quoted sentence / plain (speed)",
    "batch_of_4": "batches of 4 / one by one (speed)",
}
_COLOURS = ("#2a7f9e", "#d98324", "#7a7a7a")


def _draw_team(
    axes: Any, team: str, figures: Sequence[Figure], keys: Sequence[str], *, offset: float, n: int
) -> None:
    colour = _COLOURS[n % len(_COLOURS)]
    for i, found in enumerate(figures):
        value, y = found.value or 0.0, keys.index(found.key) + offset
        low, high = found.spread or (value, value)
        axes.plot([low, high], [y, y], color=colour, lw=2)
        axes.plot([value], [y], "os^"[n % 3], color=colour, ms=7, label=None if i else team)
        axes.annotate(
            _short(value), (max(high, value), y), xytext=(9, 0), textcoords="offset points",
            va="center", color=colour, fontsize=9,
        )  # fmt: skip


def _dress(axes: Any, keys: Sequence[str]) -> None:
    axes.set_xscale("log")
    axes.axvline(1, color="#b9c3c9", lw=1, zorder=0)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.5), max(high * 1.6, 2))
    ticks = [t for t in (0.5, 1, 2, 5, 10, 20, 50, 100, 200) if t <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(keys)), [_NAMES[key] for key in keys])
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.set_xlabel("ratio: median, with quartiles")
    axes.legend(loc="best", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
