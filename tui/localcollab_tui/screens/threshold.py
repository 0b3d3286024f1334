"""Set the threshold with the arrow keys, with a preview on the last answer."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Static

from localcollab_tui.formatting.threshold_preview import preview, threshold_bar

_WIDTH = 60


class ThresholdScreen(ModalScreen[float | None]):
    DEFAULT_CSS = """
    ThresholdScreen {
        align: center middle;
        Vertical {
            width: 70; max-width: 98%; height: auto; border: round $primary;
            background: $surface; padding: 1 2;
        }
        Static { height: auto; }
        .keys { color: $text-muted; margin: 1 0 0 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-0.01)", "Lower", id="threshold.lower"),
        Binding("right,l", "move(0.01)", "Higher", id="threshold.higher"),
        Binding("down,pagedown", "move(-0.1)", "Much lower", id="threshold.down"),
        Binding("up,pageup", "move(0.1)", "Much higher", id="threshold.up"),
        Binding("enter", "take", "Set"),
        Binding("escape", "dismiss", "Cancel"),
    ]
    threshold: reactive[float] = reactive(0.5, init=False)

    def __init__(self, threshold: float, along: Sequence[float | None], n_before: int) -> None:
        super().__init__()
        self._along, self._n_before = along, n_before
        self.set_reactive(ThresholdScreen.threshold, threshold)

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = "threshold"
            yield Static(id="line", markup=False)
            yield Static(id="bar", markup=False)
            yield Static(
                "left, right: 0.01 · up, down: 0.1 · Enter sets it · Esc cancels",
                classes="keys", markup=False,
            )  # fmt: skip

    def on_mount(self) -> None:
        self.watch_threshold()

    def watch_threshold(self) -> None:
        shown = preview(self._along, self.threshold, n_before=self._n_before)
        self.query_one("#line", Static).update(shown.line())
        bar = threshold_bar(self._along, self.threshold, _WIDTH)
        self.query_one("#bar", Static).update(f"0 {bar} 1")

    def action_move(self, step: float) -> None:
        self.threshold = round(min(max(self.threshold + step, 0.0), 1.0), 2)

    def action_take(self) -> None:
        self.dismiss(self.threshold)
