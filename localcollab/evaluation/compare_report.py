"""A comparison as a table, as JSON, and as a picture: accuracy beside cost."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from localcollab.evaluation.compare import Entry
from localcollab.evaluation.plot import new_figure, save_figure

_COLOURS = {
    "deferral": "#2a7f9e", "calm": "#7a4fa3", "proxy": "#d98324", "contrast": "#b5495b",
    "mixture": "#4f8a3c", "one model": "#40484d",
}  # fmt: skip
_MEMBER = "#b9c3c9"


def as_json(entries: Sequence[Entry]) -> str:
    records = [
        {"name": entry.contender.name, "kind": entry.contender.kind}
        | {"score": asdict(entry.score), "cost": asdict(entry.cost)}
        for entry in entries
    ]
    return json.dumps({"contenders": records}, indent=1)


def as_table(entries: Sequence[Entry]) -> str:
    """Teams first, then their members alone; milliseconds per generated token over whole answers."""
    width = max(len(entry.contender.name) for entry in entries)
    lines = [
        f"{'':{width}}  method     accuracy  95 % interval    ms/token  CPU ms/token  peak MiB"
    ]
    for entry in entries:
        low, high = entry.score.interval
        lines.append(
            f"{entry.contender.name:{width}}  {entry.contender.kind:9}  {entry.score.accuracy:8.3f}  "
            f"{low:.3f} .. {high:.3f}  {entry.cost.ms_per_token:8.2f}  "
            f"{entry.cost.cpu_ms_per_token:12.2f}  {entry.cost.peak_rss_bytes / 2**20:8.0f}"
        )
    return "\n".join([*lines, f"questions: {entries[0].score.n}"])


def draw(entries: Sequence[Entry], path: Path) -> None:
    """Accuracy with its interval against time per token, as PNG."""
    figure = new_figure(8, 4.5)
    axes = figure.add_subplot()
    width = 1.25 * max(entry.cost.cpu_ms_per_token for entry in entries)
    for n, entry in enumerate(entries):
        low, high = entry.score.interval
        accuracy, at = entry.score.accuracy, entry.cost.cpu_ms_per_token
        colour = _COLOURS.get(entry.contender.kind, _MEMBER)
        errors = [[max(0.0, accuracy - low)], [max(0.0, high - accuracy)]]
        axes.errorbar(
            [at], [accuracy], yerr=errors, fmt="o", ms=7, color=colour, ecolor=colour, capsize=3
        )
        axes.annotate(
            entry.contender.name, (at, accuracy), xytext=(8, 4 + 13 * _n_near(entries[:n], entry, width)),
            textcoords="offset points", color=colour, fontsize=9,
        )  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel("CPU milliseconds per generated token, prompts included")
    axes.set_ylabel(f"accuracy on {entries[0].score.n} questions, 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def _n_near(drawn: Sequence[Entry], entry: Entry, width: float) -> int:
    """How many labels stand where this one's would, at the right of its point."""
    return sum(
        abs(other.score.accuracy - entry.score.accuracy) < 0.06
        and abs(other.cost.cpu_ms_per_token - entry.cost.cpu_ms_per_token) < width / 4
        for other in drawn
    )
