"""The calibration curve as a PNG: metric, deferral rate and speed over the threshold."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localcollab_convert.head.request import Point

_INK, _METRIC, _RATE, _SPEED = "#333333", "#1f6f8b", "#d98324", "#7a7a7a"
_MARGIN = 2e-5
"""Thresholds closer to 0 or 1 are drawn here: the axis is log p / (1 - p)."""


def plot_curve(points: Sequence[Point], chosen: Point, metric: str, title: str, path: Path) -> None:
    """Metric and deferral rate above; tokens per second below, where answers were generated."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    has_speed = any(point.tokens_per_second for point in points)
    figure = Figure(figsize=(7.2, 5.4 if has_speed else 3.8), dpi=150, layout="constrained")
    axes = figure.subplots(
        2 if has_speed else 1, 1, sharex=True, squeeze=False,
        height_ratios=[2.4, 1] if has_speed else [1],
    )[:, 0]  # fmt: skip
    _draw_quality(axes[0], points, chosen, metric)
    axes[0].set_title(title, loc="left", fontsize=11, color=_INK)
    if has_speed:
        _draw_speed(axes[1], points, chosen)
    axes[-1].set_xlabel("threshold on p(any expert)")
    axes[-1].set_xscale("logit")
    ticks = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
    axes[-1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[-1].set_xticks([], minor=True)
    axes[-1].set_xlim(_MARGIN / 2, 1 - _MARGIN / 2)
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, format="png")
    os.replace(partial, path)


def _draw_quality(axes: Any, points: Sequence[Point], chosen: Point, metric: str) -> None:
    x = [_x(point) for point in points]
    _style(axes, chosen)
    if metric.startswith("log-prob"):
        rates = axes.twinx()
        rates.spines[["top", "left"]].set_visible(False)
        rates.set_ylabel("deferral rate", color=_RATE)
    else:
        rates = axes
    axes.plot(x, [p.metric for p in points], "-o", color=_METRIC, ms=5, lw=1.8, label=metric)
    rates.plot(
        x, [p.deferral_rate for p in points], "--s", color=_RATE, ms=4, lw=1.4,
        label="deferral rate",
    )  # fmt: skip
    rates.set_ylim(-0.03, 1.03)
    axes.plot([_x(chosen)], [chosen.metric], "o", ms=11, mfc="none", mec=_METRIC, mew=1.6)
    shown = f"{chosen.metric:.2f} at {chosen.threshold:.2g}"
    right = chosen.threshold > 0.6
    axes.annotate(
        shown, (_x(chosen), chosen.metric), xytext=(-12 if right else 12, -16),
        textcoords="offset points", ha="right" if right else "left", color=_METRIC, fontsize=9,
    )  # fmt: skip
    axes.set_ylabel(metric if rates is not axes else "share")
    lines = [*axes.get_lines()[1:2], *(rates.get_lines()[-1:] if rates is not axes else [])]
    if rates is axes:
        lines = axes.get_lines()[1:3]
    axes.legend(handles=lines, frameon=False, loc="best", fontsize=9)


def _draw_speed(axes: Any, points: Sequence[Point], chosen: Point) -> None:
    _style(axes, chosen)
    x = [_x(point) for point in points]
    axes.plot(x, [p.tokens_per_second or 0 for p in points], "-o", color=_SPEED, ms=4, lw=1.4)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("tokens a second")


def _x(point: Point) -> float:
    return min(max(point.threshold, _MARGIN), 1 - _MARGIN)


def _style(axes: Any, chosen: Point) -> None:
    axes.axvline(_x(chosen), color=_METRIC, lw=1, alpha=0.35)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25, lw=0.6)
    axes.tick_params(colors=_INK, labelsize=9)
