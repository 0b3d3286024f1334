"""The chat screen as its parts see it: the layout, and what they change in it.

The parts (command_runner, event_view, token_cursor, typing_hints) know this view and nothing of the
keys; `screen` puts them together.
"""

from collections.abc import Callable
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from localcollab.errors import BadOption, LocalcollabError
from localcollab.history import StoredMessage
from localcollab.terminal.visible_text import visible
from localcollab_tui import gc_control
from localcollab_tui.chat.status_line import StatusLine
from localcollab_tui.conversation.dialogue import Dialogue
from localcollab_tui.engine.thread import Engine
from localcollab_tui.messages import TeamFacts
from localcollab_tui.parameters import named_for_chat
from localcollab_tui.widgets.composer import Composer
from localcollab_tui.widgets.log import Log
from localcollab_tui.widgets.trace import TracePane

WELCOME = (
    "Ask a question. Several small models answer it together. F2 shows which model wrote each word "
    "and what to double-check. Everything stays on this machine."
)
EDITING = "editing the last question: Enter sends it as a new branch, Esc cancels"


class ChatView(Screen[None]):
    def __init__(
        self,
        dialogue: Dialogue,
        engine: Engine,
        teams: Callable[[], tuple[str, ...]],
        catalogs: tuple[Path, ...] | None = (),
    ) -> None:
        super().__init__()
        self.dialogue, self.engine, self.teams, self.catalogs = dialogue, engine, teams, catalogs
        self.status = StatusLine(dialogue)
        self._hint = ""

    def compose(self) -> ComposeResult:
        with Container(id="body"):
            yield Log(self.dialogue.tokens)
            yield TracePane(id="trace")
        yield OptionList(id="completions")
        yield Static(id="hint", markup=False)
        yield Composer()
        yield Static(id="status", markup=False)

    async def on_mount(self) -> None:
        self.composer.focus()
        await self.show_branch()

    @property
    def log_view(self) -> Log:
        return self.query_one(Log)

    @property
    def composer(self) -> Composer:
        return self.query_one(Composer)

    @property
    def trace(self) -> TracePane:
        return self.query_one(TracePane)

    @property
    def completions(self) -> OptionList:
        return self.query_one("#completions", OptionList)

    def require_facts(self) -> TeamFacts:
        if self.dialogue.facts is None:
            raise BadOption("no team is open yet")
        return self.dialogue.facts

    def require_answer(self) -> StoredMessage:
        if self.dialogue.last_answer is None:
            raise BadOption("there is no answer yet: ask a question first")
        return self.dialogue.last_answer

    # The conversation

    async def show_branch(self) -> None:
        await self.log_view.show(self.dialogue.branch, WELCOME)
        self._end_hint()
        self.show_status()

    def _end_hint(self) -> None:
        if self._hint == EDITING and self.dialogue.editing is None:
            self.hint("")

    async def show_question(self) -> None:
        """The question that was just sent."""
        self.status.figures = None
        await self.log_view.extend(self.dialogue.branch)
        self.log_view.anchor()
        self.log_view.scroll_end(animate=False)
        self._end_hint()
        self.show_status()
        self.call_after_refresh(gc_control.collect)

    async def open_conversation(self, id_: str, message: int | None) -> None:
        """`message`: scroll to it, on whatever branch it is."""
        try:
            self.dialogue.open(id_, message)
        except LocalcollabError as error:
            self.complain(str(error))
            return
        await self.show_branch()
        view = None if message is None else await self.log_view.reveal(message)
        if view is not None:
            self.log_view.release_anchor()
            view.scroll_visible(animate=False, top=True)

    # Lines around the composer

    def announce(self, text: str) -> None:
        self.notify(visible(text), markup=False)

    def complain(self, text: str) -> None:
        self.notify(visible(named_for_chat(text)), severity="error", timeout=10, markup=False)

    def show_text(self, title: str, text: str) -> None:
        from localcollab_tui.screens.text import TextScreen

        self.app.push_screen(TextScreen(title, text))

    def hint(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        if text != self._hint:
            self._hint = text
            hint.update(visible(text))
            hint.display = bool(text)

    def offer(self, found: list[tuple[str, str]], *, is_shown: bool) -> None:
        """Completions: (whole line, what it does)."""
        options = self.completions
        options.set_options([Option(f"{line}  {about}", id=line) for line, about in found])
        options.display = is_shown
        if found:
            options.highlighted = 0

    def show_status(self) -> None:
        # One line that never changes its size: no layout 30 times a second.
        line = visible(self.status.text(self.size.width))
        self.query_one("#status", Static).update(line, layout=False)
