"""An `Evaluation` as a table, as JSON, and as a picture."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcollab.evaluation.evaluate import Evaluation
from localcollab.evaluation.plot import new_figure, save_figure
from localcollab.evaluation.scores import Score, score


def as_json(evaluation: Evaluation) -> str:
    return json.dumps(evaluation.record(), indent=1)


def rows(evaluation: Evaluation) -> Iterator[tuple[str, Score]]:
    """Name and score: the team first, then every member, then chance."""
    if evaluation.is_one_model:
        yield f"{evaluation.team_name} (one model)", score(evaluation.team)
    else:
        yield f"{evaluation.team_name} (team)", score(evaluation.team)
        for name, outcomes in evaluation.members.items():
            yield f"{name} alone", score(outcomes)
    for name, outcomes in evaluation.beside.items():
        yield f"{name} (one model)", score(outcomes)
    if evaluation.random:
        yield "random deferral", score(evaluation.random)
    for name, outcomes in evaluation.own_form.items():
        yield f"{name}, in its own form", score(outcomes)


def as_table(evaluation: Evaluation) -> str:
    """For a terminal: one row per system, one column per kind of question, then what the team did."""
    record: dict[str, Any] = evaluation.record()
    kinds = list(score(evaluation.team).by_kind)
    width = max(len(name) for name, _ in rows(evaluation))
    lines = [f"{'':{width}}  accuracy  95 % interval  tokens/s  " + "  ".join(kinds)]
    for name, found in rows(evaluation):
        low, high = found.interval
        cells = "  ".join(_cell(found.by_kind.get(kind), len(kind)) for kind in kinds)
        lines.append(
            f"{name:{width}}  {found.accuracy:8.3f}  {low:.3f} .. {high:.3f} "
            f"{found.tokens_per_second:8.0f}  {cells}"
        )
    notes = _notes_of_one(record) if evaluation.is_one_model else _notes(record)
    return "\n".join([*lines, *notes])


def _cell(accuracy: float | None, width: int) -> str:
    return f"{'' if accuracy is None else f'{accuracy:.3f}':>{width}}"


def _notes_of_one(record: dict[str, Any]) -> Iterator[str]:
    yield f"questions: {record['n']}"
    yield from _last_notes(record)


def _notes(record: dict[str, Any]) -> Iterator[str]:
    team = record["team"]
    yield f"questions: {record['n']}; oracle of the members alone: {record['oracle']:.3f}"
    if team["by_wording"]:
        wordings = ", ".join(f"{name} {value:.3f}" for name, value in team["by_wording"].items())
        yield f"team by wording: {wordings}"
    authors = ", ".join(f"{name} {n}" for name, n in team["tokens_by_author"].items())
    rate = team["deferral_rate"]
    yield ("" if rate is None else f"deferral rate: {rate:.3f}; ") + f"tokens by author: {authors}"
    shares = ", ".join(f"{kind} {share:.3f}" for kind, share in team["all_authors_share"].items())
    yield f"right answers that every member wrote a part of: {shares}"
    yield (
        f"against the best member ({record['best_member']}): "
        f"p = {record['p_value_against_best_member']:.2g} (McNemar, exact)"
    )
    yield from _last_notes(record)


def _last_notes(record: dict[str, Any]) -> Iterator[str]:
    team, unknown = record["team"], record["unknown"]
    if team["measures"]:
        means = ", ".join(
            f"{name} {found['value']:.3f} ({found['low']:.3f} .. {found['high']:.3f})"
            for name, found in team["measures"].items()
        )
        yield f"mean score by measure: {means}"
    if unknown["n"]:
        yield (
            f"double-check: {unknown['flagged']:.3f} of {unknown['n']} questions without an answer, "
            f"{team['flagged']:.3f} of the others"
        )
    yield f"peak memory: {record['peak_rss_bytes'] / 2**20:.0f} MiB"


def draw(evaluation: Evaluation, path: Path) -> None:
    """Accuracy with its interval, one bar per system, as PNG."""
    found = list(rows(evaluation))[::-1]
    figure = new_figure(8, 0.6 * len(found) + 1.4)
    axes = figure.add_subplot()
    values = [s.accuracy for _, s in found]
    errors = [
        [max(0.0, s.accuracy - s.interval[0]) for _, s in found],
        [max(0.0, s.interval[1] - s.accuracy) for _, s in found],
    ]
    colours = ["#2a7f9e" if name.endswith("(team)") else "#b9c3c9" for name, _ in found]
    axes.barh(
        [name for name, _ in found], values, xerr=errors, color=colours, ecolor="#40484d", capsize=3
    )
    for y, value in enumerate(values):
        axes.text(1.02, y, f"{value:.3f}", va="center", transform=axes.get_yaxis_transform())
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"accuracy on {len(evaluation.team)} questions, with 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
