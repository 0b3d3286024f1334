"""What another threshold would change in a finished answer, counted on its stored p_defer."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preview:
    """Token by token; the text before each token is taken as it was written."""

    threshold: float
    n_deferred: int
    n_before: int
    n_known: int
    """Tokens whose p_defer is known."""

    def line(self) -> str:
        if not self.n_known:
            return f"threshold {self.threshold:g} · the last answer has no p_defer for a preview"
        return (
            f"threshold {self.threshold:g} · on the last answer {self.n_deferred} of {self.n_known} "
            f"tokens would be deferred ({percent(self.n_deferred, self.n_known)}), "
            f"now {percent(self.n_before, self.n_known)}"
        )


def preview(p_defer: Sequence[float | None], threshold: float, *, n_before: int) -> Preview:
    known = [p for p in p_defer if p is not None]
    return Preview(threshold, sum(p > threshold for p in known), n_before, len(known))


def percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)} %" if whole else "0 %"


def threshold_bar(p_defer: Sequence[float | None], threshold: float, width: int = 40) -> str:
    """Histogram of p_defer from 0 to 1, with the threshold as a line."""
    known = [p for p in p_defer if p is not None]
    counts = [0] * width
    for p in known:
        counts[min(int(p * width), width - 1)] += 1
    top = max(counts, default=0) or 1
    bars = " ▁▂▃▄▅▆▇█"
    line = [bars[-(-count * (len(bars) - 1) // top)] for count in counts]
    line[min(int(threshold * width), width - 1)] = "│"
    return "".join(line)
