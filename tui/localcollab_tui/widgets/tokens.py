"""An answer token by token: colours, marks, and a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Offset, Region
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from localcollab.events import Token
from localcollab_tui.formatting.provenance import Place, next_place, spans
from localcollab_tui.widgets.palette import painted


class TokensView(Static, can_focus=True):
    DEFAULT_CSS = """
    TokensView {
        height: auto;
        padding: 0 1;
        border-left: blank;
        &:focus { border-left: wide $accent; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", "Next token", id="token.next"),
        Binding("left,h", "move(-1)", "Previous token", id="token.previous"),
        Binding("n", "jump(1)", "Next to double-check", id="place.next"),
        Binding("N,p", "jump(-1)", "Previous to double-check", id="place.previous"),
        Binding("home", "edge(0)", "First token", id="token.first", show=False),
        Binding("end", "edge(-1)", "Last token", id="token.last", show=False),
    ]
    cursor: reactive[int | None] = reactive(None, init=False)

    @dataclass
    class Pointed(Message):
        """The cursor is on token `at` of the answer `message`."""

        message: int
        at: int

    def __init__(
        self, message: int, tokens: Sequence[Token], members: Sequence[str], places: Sequence[Place]
    ) -> None:
        super().__init__(markup=False)
        self.answer = message
        self.tokens, self.members, self.places = tuple(tokens), tuple(members), tuple(places)
        self._spans = spans(self.tokens, self.members)

    def render(self) -> Content:
        return painted(self._spans, self.cursor)

    def watch_cursor(self, cursor: int | None) -> None:
        self.refresh()
        if cursor is not None:
            self._show_cursor(cursor)
            self.post_message(self.Pointed(self.answer, cursor))

    def on_focus(self) -> None:
        if self.cursor is None and self.tokens:
            first = next_place(self.places, -1, 1)
            self.cursor = 0 if first is None else first
        elif self.cursor is not None:
            self.post_message(self.Pointed(self.answer, self.cursor))

    def action_move(self, step: int) -> None:
        """Tokens without text (part of a character) are skipped."""
        at = (self.cursor or 0) + step
        while 0 <= at < len(self.tokens) and not self.tokens[at].text:
            at += step
        if 0 <= at < len(self.tokens):
            self.cursor = at

    def action_jump(self, step: int) -> None:
        found = next_place(self.places, -1 if self.cursor is None else self.cursor, step)
        if found is None:
            self.notify("there is nothing to double-check in this answer")
        else:
            self.cursor = found

    def action_edge(self, at: int) -> None:
        if self.tokens:
            self.cursor = at % len(self.tokens)

    def _show_cursor(self, cursor: int) -> None:
        """Keep the cursor's line in view; estimated from characters, which is close enough."""
        before = sum(len(span.text) for span in self._spans[: self._index_of(cursor)])
        total = max(1, sum(len(span.text) for span in self._spans))
        line = before * self.region.height // total
        log = next((w for w in self.ancestors if isinstance(w, VerticalScroll)), None)
        if log is not None and self.region.height:
            at = Offset(0, self.region.y + line) - log.region.offset + log.scroll_offset
            log.scroll_to_region(Region(0, at.y - 1, 1, 3), animate=False)

    def _index_of(self, cursor: int) -> int:
        return next((i for i, span in enumerate(self._spans) if span.token == cursor), 0)
