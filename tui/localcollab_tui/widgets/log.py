"""The conversation on the screen: only the latest messages are widgets, older ones come on request.

Follows the end while the reader is there, and only then.
"""

from collections.abc import Callable, Sequence

from textual.containers import VerticalScroll
from textual.widgets import Static

from localcollab.events import Token
from localcollab.history.records import StoredMessage
from localcollab_tui.widgets.messages import AnswerView, MessageBox, QuestionView, plain

PAGE = 12
"""Messages that become widgets at once, in a terminal of 24 lines."""
MOST = 3
"""Pages that stay widgets while the reader follows the end: every widget costs each layout."""
_LINES = 2
"""A message has at least so many: a page must fill the screen, or nobody could scroll to the next."""
TokensOf = Callable[[int], Sequence[Token]]
MessageView = QuestionView | AnswerView


class Log(VerticalScroll, can_focus=True):
    DEFAULT_CSS = """
    Log {
        height: 1fr;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        .earlier { color: $text-muted; text-align: center; height: auto; }
        .welcome { color: $text-muted; height: auto; margin: 1 1; }
    }
    """

    def __init__(self, tokens_of: TokensOf) -> None:
        super().__init__(id="log")
        self._tokens_of = tokens_of
        self._earlier: list[StoredMessage] = []
        self.shows_provenance = False

    def on_mount(self) -> None:
        self.anchor()

    @property
    def _page(self) -> int:
        return max(PAGE, self.app.size.height // _LINES)

    @property
    def answers(self) -> list[AnswerView]:
        return list(self.query(AnswerView))

    def view_of(self, message: int) -> MessageView | None:
        views = (v for v in self.children if isinstance(v, QuestionView | AnswerView))
        return next((view for view in views if view.message.id == message), None)

    async def show(self, branch: Sequence[StoredMessage], welcome: str = "") -> None:
        """All of it anew: another conversation, or another branch of it."""
        await self.remove_children()
        page = self._page
        self._earlier = list(branch[:-page])
        if not branch and welcome:
            await self.mount(plain(welcome, classes="welcome"))
        await self.mount_all(self._earlier_line() + [self._view(m) for m in branch[-page:]])
        await self._show_provenance_where_wanted()
        self.anchor()
        self.scroll_end(animate=False)

    async def add(self, message: StoredMessage, *, opens_reasoning: bool = False) -> MessageView:
        """At the end. Widgets far above go, if the reader is not there."""
        await self.query(".welcome").remove()
        view = self._view(message, opens_reasoning=opens_reasoning)
        await self.mount(view)
        await self._prune()
        return view

    async def show_earlier(self) -> bool:
        """The page before what is shown; the reader stays where they are."""
        if not self._earlier:
            return False
        n = self._page
        page = self._earlier[-n:]
        del self._earlier[-n:]
        await self.query(".earlier").remove()
        before = self.virtual_size.height
        self.release_anchor()
        await self.mount_all(self._earlier_line() + [self._view(m) for m in page], before=0)
        await self._show_provenance_where_wanted()
        self.call_after_refresh(self._keep_place, before)
        return True

    async def reveal(self, message: int) -> MessageView | None:
        """The widget of a message, also of one far above."""
        while self.view_of(message) is None and await self.show_earlier():
            pass
        return self.view_of(message)

    async def set_provenance(self, on: bool) -> None:
        self.shows_provenance = on
        self._lay_out_what_woke()
        for view in self.answers:
            await view.show_provenance(on)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._wake_what_is_near()  # a scroll lays out what it shows by itself
        if new_value <= 0 < old_value and self._earlier:
            self.run_worker(self.show_earlier(), exclusive=True)

    def watch_virtual_size(self) -> None:
        self._lay_out_what_woke()

    def on_resize(self) -> None:
        self._lay_out_what_woke()

    def _lay_out_what_woke(self) -> None:
        if self._wake_what_is_near():
            self.refresh(layout=True)

    def _wake_what_is_near(self) -> bool:
        """Within half a screen of what is shown; the rest costs the next layouts nothing."""
        margin, wakes = self.size.height // 2, False
        top, bottom = self.scroll_y - margin, self.scroll_y + self.size.height + margin
        for view in self.children:
            if isinstance(view, MessageBox):
                region, was_away = view.virtual_region, view.is_away
                is_far = bool(region) and (region.bottom < top or region.y > bottom)
                view.is_away = is_far and not self.shows_provenance
                wakes = wakes or (was_away and not view.is_away)
        return wakes

    def _keep_place(self, before: int) -> None:
        self.scroll_to(y=self.scroll_y + self.virtual_size.height - before, animate=False)

    def _view(self, message: StoredMessage, *, opens_reasoning: bool = False) -> MessageView:
        if message.role == "user":
            return QuestionView(message)
        tokens = () if message.status == "streaming" else self._tokens_of(message.id)
        return AnswerView(message, tokens, opens_reasoning=opens_reasoning)

    def _earlier_line(self) -> list[Static | MessageView]:
        if not self._earlier:
            return []
        return [plain(f"▲ {len(self._earlier):,} earlier messages", classes="earlier")]

    async def _show_provenance_where_wanted(self) -> None:
        if self.shows_provenance:
            await self.set_provenance(True)

    async def _prune(self) -> None:
        views = [v for v in self.children if isinstance(v, QuestionView | AnswerView)]
        at_end = self.scroll_y >= self.max_scroll_y - 2
        if len(views) <= MOST * self._page or not at_end:
            return
        gone = views[: len(views) - (MOST - 1) * self._page]
        self._earlier += [view.message for view in gone]
        with self.app.batch_update():
            await self.query(".earlier").remove()
            await self.remove_children(gone)
            await self.mount_all(self._earlier_line(), before=0)
