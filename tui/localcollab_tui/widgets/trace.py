"""The token under the cursor: its author, probability and p_defer, and what each member predicts."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from localcollab.events import Token
from localcollab.terminal.visible_text import visible
from localcollab_tui.formatting.provenance import Place
from localcollab_tui.messages import Prediction
from localcollab_tui.widgets.palette import painted_author

_BAR = 10


class TracePane(VerticalScroll, can_focus=False):
    DEFAULT_CSS = """
    TracePane {
        display: none;
        width: 44;
        height: 1fr;
        border-left: solid $primary 50%;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        Static { height: auto; }
        #predictions { margin: 1 0; }
        &.-shown { display: block; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="token", markup=False)
        yield Static(id="predictions", markup=False)
        yield Static(id="places", markup=False)

    def show_token(self, token: Token, at: int, n: int, members: Sequence[str]) -> None:
        shown = repr(visible(token.text)) if token.text else "(part of a character)"
        lines = [
            Content.styled(shown, "bold"),
            Content(f"  token {at + 1} of {n}\n"),
            Content("by "),
            painted_author(token.author, members),
            Content(f", probability {token.probability:.2f}"),
            Content.styled(", no member was confident" if token.unsure else "", "underline"),
            Content(f"\np_defer {bar(token.p_defer)}"),
        ]
        self.query_one("#token", Static).update(Content("").join(lines))
        self.query_one("#predictions", Static).update(Content("asking the members …"))

    def show_predictions(self, predictions: Sequence[Prediction], members: Sequence[str]) -> None:
        lines = [self._prediction(prediction, members) for prediction in predictions]
        self.query_one("#predictions", Static).update(Content("\n").join(lines))

    def show_problem(self, text: str) -> None:
        self.query_one("#predictions", Static).update(Content(visible(text)))

    def show_places(self, places: Sequence[Place], cursor: int | None) -> None:
        title = f"double-check ({len(places)}): n next, N previous" if places else ""
        lines = [Content.styled(title, "bold")] if title else [Content("nothing to double-check")]
        for place in places:
            here = "▶ " if place.token is not None and place.token == cursor else "  "
            lines.append(Content(f"{here}{place.words}: {place.why}"))
        self.query_one("#places", Static).update(Content("\n").join(lines))

    def _prediction(self, prediction: Prediction, members: Sequence[str]) -> Content:
        top = "  ".join(f"{c.text!r} {c.probability:.2f}" for c in prediction.top)
        written = Content.styled(f"  (this one {prediction.p_written:.2f})", "dim")
        name = painted_author(prediction.member, members)
        return Content("").join([name, Content(f": {top}"), written])


def bar(p: float | None) -> str:
    """`0.62 ██████░░░░`"""
    if p is None:
        return "none: no expert could be asked"
    full = round(p * _BAR)
    return f"{p:.2f} {'█' * full}{'░' * (_BAR - full)}"
