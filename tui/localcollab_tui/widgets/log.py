"""The conversation: only the latest messages are widgets, older ones are added when scrolled to.

It follows the end only while the reader is there.
"""

import asyncio
from collections.abc import Callable, Sequence

from textual.containers import VerticalScroll
from textual.widgets import Static

from localcollab.events import Token
from localcollab.history.records import StoredMessage
from localcollab_tui.widgets.messages import AnswerView, MessageBox, QuestionView, plain

PAGE = 12
"""Messages that become widgets at a time, in a terminal of 24 lines."""
MOST = 3
"""Pages that stay widgets while the reader follows the end: every widget makes layouts slower."""
_LINES = 2
"""Least lines of a message: a page must fill the screen, or there is nothing to scroll."""
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
        # The screen, the app and workers all change the messages, and each change awaits in the middle.
        self._change = asyncio.Lock()
        self.shows_provenance = False

    def on_mount(self) -> None:
        self.anchor()

    @property
    def _page(self) -> int:
        return max(PAGE, self.app.size.height // _LINES)

    @property
    def messages(self) -> list[MessageView]:
        return [view for view in self.children if isinstance(view, QuestionView | AnswerView)]

    @property
    def answers(self) -> list[AnswerView]:
        return list(self.query(AnswerView))

    def view_of(self, message: int) -> MessageView | None:
        return next((view for view in self.messages if view.message.id == message), None)

    async def show(self, branch: Sequence[StoredMessage], welcome: str = "") -> None:
        """Replace everything: another conversation, or another branch."""
        async with self._change:
            await self._replace(branch, welcome)

    async def extend(
        self, branch: Sequence[StoredMessage], *, opens_reasoning: bool = False
    ) -> MessageView:
        """Show `branch`, whose last message is new. Where the rest is shown already, it stays as it is.

        Widgets far above are removed, unless the reader is there."""
        view = self._view(branch[-1], opens_reasoning=opens_reasoning)
        before = [message.id for message in branch[:-1]]
        async with self._change:
            shown = [view.message.id for view in self.messages]
            if shown != (before[-len(shown) :] if shown else []):
                await self._replace(branch[:-1])
            await self.query(".welcome").remove()
            await self.mount(view)
            await self._prune()
        return view

    async def reopen(self, message: StoredMessage) -> AnswerView:
        """The last message again, as an answer that grows."""
        view = AnswerView(message)
        async with self._change:
            shown = self.messages
            if shown and shown[-1].message.id == message.id:
                await shown[-1].remove()
            await self.mount(view)
        return view

    async def _replace(self, branch: Sequence[StoredMessage], welcome: str = "") -> None:
        await self.remove_children()
        page = self._page
        self._earlier = list(branch[:-page])
        if not branch and welcome:
            await self.mount(plain(welcome, classes="welcome"))
        await self.mount_all(self._earlier_line() + [self._view(m) for m in branch[-page:]])
        await self._show_provenance_if_on()
        self.anchor()
        self.scroll_end(animate=False)

    async def show_earlier(self) -> bool:
        """Add the page before; the reader's place stays."""
        async with self._change:
            return await self._prepend()

    async def _prepend(self) -> bool:
        if not self._earlier:
            return False
        n = self._page
        page = self._earlier[-n:]
        del self._earlier[-n:]
        await self.query(".earlier").remove()
        before = self.virtual_size.height
        self.release_anchor()
        await self.mount_all(self._earlier_line() + [self._view(m) for m in page], before=0)
        await self._show_provenance_if_on()
        self.call_after_refresh(self._keep_place, before)
        return True

    async def reveal(self, message: int) -> MessageView | None:
        """The widget of a message, however far above."""
        while self.view_of(message) is None and await self.show_earlier():
            pass
        return self.view_of(message)

    async def set_provenance(self, on: bool) -> None:
        self.shows_provenance = on
        self._lay_out_if_near()
        for view in self.answers:
            await view.show_provenance(on)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._update_near()  # a scroll lays out what it shows
        if new_value <= 0 < old_value and self._earlier:
            self.run_worker(self.show_earlier(), exclusive=True)

    def watch_virtual_size(self) -> None:
        self._lay_out_if_near()

    def on_resize(self) -> None:
        self._lay_out_if_near()

    def _lay_out_if_near(self) -> None:
        if self._update_near():
            self.refresh(layout=True)

    def _update_near(self) -> bool:
        """Layouts skip messages more than half a screen away. True: one is not skipped any more."""
        margin, is_changed = self.size.height // 2, False
        top, bottom = self.scroll_y - margin, self.scroll_y + self.size.height + margin
        for view in self.children:
            if isinstance(view, MessageBox):
                region, was_away = view.virtual_region, view.is_away
                is_far = bool(region) and (region.bottom < top or region.y > bottom)
                view.is_away = is_far and not self.shows_provenance
                is_changed = is_changed or (was_away and not view.is_away)
        return is_changed

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

    async def _show_provenance_if_on(self) -> None:
        if self.shows_provenance:
            await self.set_provenance(True)

    async def _prune(self) -> None:
        views = self.messages
        at_end = self.scroll_y >= self.max_scroll_y - 2
        if len(views) <= MOST * self._page or not at_end:
            return
        gone = views[: len(views) - (MOST - 1) * self._page]
        self._earlier += [view.message for view in gone]
        with self.app.batch_update():
            await self.query(".earlier").remove()
            await self.remove_children(gone)
            await self.mount_all(self._earlier_line(), before=0)
