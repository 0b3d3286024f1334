"""Full-text search in all messages of all conversations, on every branch."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from localcollab.errors import LocalcollabError
from localcollab.history import History
from localcollab.history.records import Hit
from localcollab.terminal.visible_text import visible

_MOST = 50
_SECONDS_BEFORE_SEARCH = 0.1


class SearchScreen(ModalScreen[tuple[str, int | None] | None]):
    DEFAULT_CSS = """
    SearchScreen {
        align: center middle;
        Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
        OptionList { height: 1fr; border: none; }
        Input { margin: 0 1 1 1; }
        #found { color: $text-muted; height: 1; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", priority=True),
        Binding("down", "cursor(1)", show=False, priority=True),
        Binding("up", "cursor(-1)", show=False, priority=True),
    ]

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history
        self._hits: tuple[Hit, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = "search all conversations"
            yield Input(placeholder="words", compact=True)
            yield OptionList(markup=False)
            yield Static("Enter opens · Esc closes", id="found", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        text = event.value
        self.set_timer(_SECONDS_BEFORE_SEARCH, lambda: self._search(text))

    def _search(self, text: str) -> None:
        if text != self.query_one(Input).value:
            return
        try:
            self._hits = self._history.search(text, _MOST) if text.strip() else ()
        except LocalcollabError as error:
            self.query_one("#found", Static).update(visible(str(error)))
            return
        options = self.query_one(OptionList)
        options.set_options([Option(_shown(hit)) for hit in self._hits])
        if self._hits:
            options.highlighted = 0
        more = " or more" if len(self._hits) == _MOST else ""
        self.query_one("#found", Static).update(
            f"{len(self._hits)}{more} found · Enter opens · Esc closes"
        )

    @on(Input.Submitted)
    def enter(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._hits):
            self._choose(at)

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option_index)

    def _choose(self, at: int) -> None:
        self.dismiss((self._hits[at].conversation, self._hits[at].message))

    def action_cursor(self, step: int) -> None:
        options = self.query_one(OptionList)
        (options.action_cursor_down if step > 0 else options.action_cursor_up)()


def _shown(hit: Hit) -> Content:
    """The title, then the words in context. `visible` keeps every position."""
    snippet = Content(visible(hit.snippet).replace("\n", " ").replace("\t", " "))
    for start, end in hit.marks:
        snippet = snippet.stylize("bold reverse", start, end)
    kind = "question" if hit.role == "user" else "answer"
    head = f"{visible(hit.title)[:50]}  {hit.created.astimezone():%Y-%m-%d}, {kind}\n  "
    return Content("").join([Content.styled(head, "dim"), snippet])
