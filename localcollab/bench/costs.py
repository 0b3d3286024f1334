"""(m) What a read of several tokens costs beside one, for every member: the curve that decides how many
tokens are worth proposing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from localcollab.bench.figures import Figure, figure, skipped
from localcollab.bench.setting import Setting, llama_of
from localcollab.bench.texts import PASSAGE
from localcollab.decoding.costs import measure_curve
from localcollab.evaluation.plot import new_figure, save_figure

Points = Sequence[tuple[int, float]]
"""(tokens in one read, cost in reads of one token)"""
_LABEL = "speed in batches of 4 tokens / one by one"


def cost_curves(setting: Setting) -> Figure:
    """Of every member; the ratio is the base's speed in batches of 4."""
    curves: dict[str, Points] = {}
    for member in setting.members:
        context = llama_of(member)
        context.forget()
        tokens = context.vocabulary.encode(PASSAGE, bos=True)
        curves[member.name] = measure_curve(context, tokens).points
        context.forget()
    base = dict(next(iter(curves.values())))
    if 4 not in base:
        return skipped("batch_of_4", _LABEL, "a read of one token takes too long")
    note = "; ".join(f"{name} {_told(points)}" for name, points in curves.items())
    return figure(
        "batch_of_4", _LABEL, [4 / base[4]],
        f"cost of {' / '.join(str(size) for size in base)}: {note}", curves=curves,
    )  # fmt: skip


def _told(points: Points) -> str:
    return " / ".join(f"{cost:.2g}" for _, cost in points)


def draw_curves(curves: Mapping[str, Mapping[str, Points]], path: Path) -> None:
    """One line for each member of each team: cost of a read by its tokens."""
    canvas = new_figure(6, 4)
    axes = canvas.add_subplot()
    for team, members in curves.items():
        for member, points in members.items():
            steps, costs = zip(*points, strict=True)
            axes.plot(steps, costs, marker="o", ms=4, label=f"{team}: {member}")
    sizes = sorted({n for members in curves.values() for ps in members.values() for n, _ in ps})
    axes.plot(sizes, sizes, color="#b9c3c9", lw=1, label="one by one")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_yticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("tokens in one read")
    axes.set_ylabel("cost, in reads of one token")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(canvas, path)
