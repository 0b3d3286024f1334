"""The losses of a training as a PNG."""

import os
from pathlib import Path

from localcollab_convert.calm.request import TrainedBridge

_INK, _TRAIN, _VALID, _ANCHOR = "#333333", "#d98324", "#1f6f8b", "#7a7a7a"


def plot_losses(trained: TrainedBridge, title: str, path: Path) -> None:
    """Training and validation loss over the steps, and the loss of the anchor alone."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.8), dpi=150, layout="constrained")
    axes = figure.subplots()
    steps = [point.step for point in trained.curve]
    axes.axhline(trained.anchor_loss, color=_ANCHOR, lw=1.2, ls=":", label="anchor alone")
    axes.plot(
        steps[1:], [p.train_loss for p in trained.curve[1:]], "-", color=_TRAIN, lw=1.4,
        label="training",
    )  # fmt: skip
    axes.plot(
        steps, [p.valid_loss for p in trained.curve], "-o", color=_VALID, ms=4, lw=1.8,
        label="validation",
    )  # fmt: skip
    best = trained.best
    axes.plot([best.step], [best.valid_loss], "o", ms=11, mfc="none", mec=_VALID, mew=1.6)
    axes.annotate(
        f"{best.valid_loss:.3f}", (best.step, best.valid_loss), xytext=(0, 12), ha="right",
        textcoords="offset points", color=_VALID, fontsize=9,
    )  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("nats an answer token")
    axes.set_title(title, loc="left", fontsize=11, color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25, lw=0.6)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.legend(frameon=False, fontsize=9)
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, format="png")
    os.replace(partial, path)
