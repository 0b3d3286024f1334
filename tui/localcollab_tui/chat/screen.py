"""The chat screen: its keys and messages, each handed to the part that serves it."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, TextArea

from localcollab.errors import LocalcollabError
from localcollab_tui.chat.command_runner import CommandRunner
from localcollab_tui.chat.event_view import EventView
from localcollab_tui.chat.token_cursor import TokenCursor
from localcollab_tui.chat.typing_hints import TypingHints
from localcollab_tui.chat.view import ChatView
from localcollab_tui.conversation import commands
from localcollab_tui.conversation.dialogue import Dialogue
from localcollab_tui.engine.thread import Engine
from localcollab_tui.widgets.composer import Composer
from localcollab_tui.widgets.messages import AnswerView
from localcollab_tui.widgets.tokens import TokensView


class ChatScreen(ChatView):
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+t", "provenance", "Who wrote what", id="chat.provenance", priority=True),
        Binding("escape", "stop", "Stop", id="chat.stop", priority=True),
        Binding("ctrl+n", "run('clear')", "New", id="chat.new", priority=True),
        Binding("ctrl+s", "sessions", "Sessions", id="chat.sessions", priority=True),
        Binding("ctrl+f", "search", "Search", id="chat.search", priority=True),
        Binding("ctrl+y", "run('copy')", "Copy", id="chat.copy", priority=True),
        Binding("ctrl+e", "run('export')", "Export", id="chat.export", priority=True),
        Binding("f1", "run('help')", "Help", id="chat.help", priority=True),
        Binding("ctrl+r", "run('regen')", "Regenerate", id="chat.regen", priority=True),
        Binding("alt+left", "sibling(-1)", "Previous version", id="chat.older", priority=True),
        Binding("alt+right", "sibling(1)", "Next version", id="chat.newer", priority=True),
        Binding("ctrl+home", "top", "Top", id="chat.top", show=False),
        Binding("pageup", "page(-1)", "Page up", id="chat.pageup", priority=True, show=False),
        Binding("pagedown", "page(1)", "Page down", id="chat.pagedown", priority=True, show=False),
    ]

    def __init__(
        self,
        dialogue: Dialogue,
        engine: Engine,
        teams: Callable[[], tuple[str, ...]],
        catalogs: tuple[Path, ...] | None = (),
    ) -> None:
        super().__init__(dialogue, engine, teams, catalogs)
        self._commands, self._hints = CommandRunner(self), TypingHints(self)
        self._cursor = TokenCursor(self)
        self.events = EventView(self, self._cursor, self._hints)

    # Sending

    @on(Composer.Sent)
    async def send(self, event: Composer.Sent) -> None:
        line = commands.parse(event.text)
        try:
            if line is None:
                await self._send(event.text)
            elif line.problem:
                self.composer.give_back(event.text)
                self.complain(line.problem)
            else:
                await self._commands.run(line)
        except LocalcollabError as error:
            self.complain(str(error))

    async def _send(self, text: str) -> None:
        try:
            self.dialogue.send(commands.question_of(text))
        except LocalcollabError:
            self.composer.give_back(text)
            raise
        await self.show_question()

    # Keys

    async def action_run(self, command: str) -> None:
        try:
            await self._commands.run(commands.Line(command))
        except LocalcollabError as error:
            self.complain(str(error))

    async def action_sibling(self, step: int) -> None:
        try:
            await self._commands.switch(step)
        except LocalcollabError as error:
            self.complain(str(error))

    def action_stop(self) -> None:
        if self.completions.display:
            self.completions.display = False
        elif self.dialogue.pending is not None:
            self.engine.stop()
        elif self.dialogue.editing is not None:
            self._commands.stop_editing()
        elif self.log_view.shows_provenance:
            self.run_worker(self.show_provenance(False))
        else:
            self.composer.focus()

    def action_sessions(self) -> None:
        self._commands.show_sessions()

    def action_search(self) -> None:
        self._commands.show_search()

    def action_page(self, step: int) -> None:
        log = self.log_view
        if step < 0 and log.scroll_y <= 0:
            # A terminal that grew may show all there is, and then nothing scrolls.
            self.run_worker(log.show_earlier(), exclusive=True)
        (log.scroll_page_up if step < 0 else log.scroll_page_down)(animate=False)
        if step > 0 and log.scroll_y >= log.max_scroll_y - log.size.height:
            log.anchor()

    async def action_top(self) -> None:
        self.log_view.scroll_home(animate=False)

    async def action_provenance(self) -> None:
        await self.show_provenance(not self.log_view.shows_provenance)

    async def show_provenance(self, on: bool) -> None:
        await self.log_view.set_provenance(on)
        self.trace.set_class(on, "-shown")
        views = list(self.log_view.query(TokensView))
        # At once, not through the queue: what is typed behind the key must not be lost.
        self.set_focus(views[-1] if on and views else self.composer)

    @on(TokensView.Pointed)
    def show_token(self, event: TokensView.Pointed) -> None:
        view = self.log_view.view_of(event.message)
        if isinstance(view, AnswerView):
            self._cursor.point(view, event.at)

    # Typing

    @on(TextArea.Changed, "#composer")
    def typed(self) -> None:
        self._hints.typed(self.composer.text)

    @on(Composer.CompletionWanted)
    def complete(self) -> None:
        self._hints.complete()

    @on(OptionList.OptionSelected, "#completions")
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.composer.put(str(event.option.id))
        self.composer.focus()
