"""The chat screen: shows what the dialogue holds and what the models' thread says."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import OptionList, Static, TextArea

from localcollab.errors import LocalcollabError
from localcollab.terminal.visible_text import visible
from localcollab_tui import commands, garbage
from localcollab_tui.cursor import Looking
from localcollab_tui.dialogue import Dialogue
from localcollab_tui.engine import Engine
from localcollab_tui.hearing import Hearing
from localcollab_tui.hints import Hints
from localcollab_tui.runner import Runner
from localcollab_tui.widgets.composer import Composer
from localcollab_tui.widgets.log import Log
from localcollab_tui.widgets.messages import AnswerView
from localcollab_tui.widgets.tokens import TokensView
from localcollab_tui.widgets.trace import TracePane

WELCOME = (
    "Ask a question. Several small models answer it together; F2 shows who wrote which word, "
    "and where to double-check. Everything stays on this machine."
)


class ChatScreen(Screen[None]):
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
        Binding("alt+left", "sibling(-1)", "Version before", id="chat.older", priority=True),
        Binding("alt+right", "sibling(1)", "Next version", id="chat.newer", priority=True),
        Binding("ctrl+home", "top", "Top", id="chat.top", show=False),
        Binding("pageup", "page(-1)", "Up", id="chat.pageup", priority=True, show=False),
        Binding("pagedown", "page(1)", "Down", id="chat.pagedown", priority=True, show=False),
    ]

    def __init__(
        self,
        dialogue: Dialogue,
        engine: Engine,
        teams: Callable[[], tuple[str, ...]],
        catalogs: tuple[Path, ...] = (),
    ) -> None:
        super().__init__()
        self.dialogue, self.engine, self.teams, self.catalogs = dialogue, engine, teams, catalogs
        self._hinted = ""
        self.runner = Runner(self)
        self.looking, self.hints, self.hearing = Looking(self), Hints(self), Hearing(self)

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

    # What the user does

    @on(Composer.Sent)
    async def send(self, event: Composer.Sent) -> None:
        line = commands.parse(event.text)
        try:
            if line is None:
                await self.ask(commands.question_of(event.text))
            elif line.problem:
                self.complain(line.problem)
            else:
                self.composer.take()
                await self.runner.run(line)
        except LocalcollabError as error:
            self.complain(str(error))

    async def ask(self, text: str) -> None:
        """Raises `BadOption`, `BadHistory`."""
        editing = self.runner.editing
        if editing is None:
            self.dialogue.ask(text)
        else:
            self.dialogue.edit(editing, text)
            self.runner.editing = None
        self.composer.take()
        await self.asked()

    async def asked(self) -> None:
        """A question was stored and asked: show it."""
        pending = self.dialogue.pending
        assert pending is not None
        self.hearing.reset()
        shown = [view.message.id for view in self.log_view.query("QuestionView, AnswerView")]  # type: ignore[attr-defined]
        expected = [m.id for m in self.dialogue.branch[:-1]][-len(shown) :] if shown else []
        if shown == expected and len(self.dialogue.branch) >= len(shown):
            await self.log_view.add(pending.question)
            self.log_view.anchor()
            self.log_view.scroll_end(animate=False)
        else:
            await self.show_branch()
        self.show_status()
        self.call_after_refresh(garbage.collect)

    async def show_branch(self) -> None:
        await self.log_view.show(self.dialogue.branch, WELCOME)
        self.show_status()

    async def open_conversation(self, id_: str, message: int | None) -> None:
        """`message`: one to be shown, on whatever branch."""
        try:
            self.dialogue.open(id_, message)
        except LocalcollabError as error:
            self.complain(str(error))
            return
        await self.show_branch()
        if message is not None:
            view = await self.log_view.reveal(message)
            if view is not None:
                self.log_view.release_anchor()
                view.scroll_visible(animate=False, top=True)

    def complain(self, text: str) -> None:
        self.notify(visible(text), severity="error", timeout=10, markup=False)

    def action_stop(self) -> None:
        if self.query_one("#completions").display:
            self.hide_completions()
        elif self.dialogue.pending is not None:
            self.engine.stop()
        elif self.runner.editing is not None:
            self.runner.stop_editing()
        elif self.log_view.shows_provenance:
            self.run_worker(self.show_provenance(False))
        else:
            self.composer.focus()

    async def action_run(self, command: str) -> None:
        try:
            await self.runner.run(commands.Line(command))
        except LocalcollabError as error:
            self.complain(str(error))

    async def action_sibling(self, step: int) -> None:
        try:
            await self.runner.switch(step)
        except LocalcollabError as error:
            self.complain(str(error))

    def action_sessions(self) -> None:
        self.runner.show_sessions()

    def action_search(self) -> None:
        self.runner.show_search()

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
    def look(self, event: TokensView.Pointed) -> None:
        view = self.log_view.view_of(event.message)
        if isinstance(view, AnswerView):
            self.looking.point(view, event.at)

    # Typing

    @on(TextArea.Changed, "#composer")
    def typed(self) -> None:
        self.hints.typed(self.composer.text)

    @on(Composer.CompletionWanted)
    def complete(self) -> None:
        self.hints.complete()

    @on(OptionList.OptionSelected, "#completions")
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.composer.put(str(event.option.id))
        self.composer.focus()

    def hide_completions(self) -> None:
        self.query_one("#completions").display = False

    def hint(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        if text != self._hinted:
            self._hinted = text
            hint.update(visible(text))
            hint.display = bool(text)

    def show_status(self) -> None:
        """Its one line never changes size: 30 layouts of everything a second would."""
        line = visible(self.hearing.status(self.size.width))
        self.query_one("#status", Static).update(line, layout=False)
