"""The matrix of a ranking as a heat map: text that needs no colour, and the strength of the colour."""

from collections.abc import Iterator
from dataclasses import dataclass

from localcollab.blend.events import Ranked

_SHADES = "░▒▓█"
_WIDE = 9
"""Width of a cell with a number, and of one with a sign only."""
_NARROW = 3
_GAP = 1


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    strength: float
    """-1 to 1: how much better the row is than the column, relative to the largest difference."""


def heat_rows(ranked: Ranked, width: int) -> Iterator[tuple[str, list[Cell]]]:
    """(label, cells) of each row; the first row numbers the columns. `width`: of the screen."""
    n = len(ranked.ranks)
    label = len(f"{n} #{n} ")
    column = _WIDE if label + n * (_WIDE + _GAP) <= width else _NARROW
    yield " " * label, [Cell(str(k).rjust(column), 0) for k in range(1, n + 1)]
    most = max((abs(v) for row in ranked.logits for v in row if v is not None), default=0) or 1.0
    for k, (rank, row) in enumerate(zip(ranked.ranks, ranked.logits, strict=True)):
        cells = [_cell(v, v / most if v else 0.0, k == j, column) for j, v in enumerate(row)]
        yield f"{k + 1} #{rank}".ljust(label), cells


def _cell(value: float | None, strength: float, is_itself: bool, width: int) -> Cell:
    if is_itself or value is None:
        return Cell(("·" if is_itself else "?").rjust(width), 0)
    if width < _WIDE:
        sign = "=" if not value else ("+" if value > 0 else "-") * (1 + (abs(strength) > 0.5))
        return Cell(sign.rjust(width), strength)
    shade = _SHADES[min(int(abs(strength) * len(_SHADES)), len(_SHADES) - 1)] if value else " "
    number = f"{value:+.2f}" if abs(value) < 100 else f"{value:+.0f}"
    return Cell(f"{shade}{number.rjust(width - 1)}"[:width], strength)
