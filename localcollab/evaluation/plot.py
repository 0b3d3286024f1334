"""Where a picture goes: asked before anything is measured, written in one step. Needs matplotlib."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from localcollab.errors import BadOption


def require_drawable(plot: Path) -> None:
    """Before minutes of measuring. Raises `BadOption`."""
    if find_spec("matplotlib") is None:
        raise BadOption("`plot` needs matplotlib: pip install 'localcollab[convert]'")
    if plot.is_dir() or not os.access(plot.parent, os.W_OK):
        raise BadOption(f"`plot` {plot} cannot be written: give a file in a writable folder")


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure with axes, on a canvas without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: Path) -> None:
    """As PNG; a file that is there is replaced when the new one is complete."""
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, format="png", dpi=150)
    os.replace(partial, path)
