"""The chat screen: shows what the dialogue holds and what the models' thread says."""

import time
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import OptionList, Static, TextArea

from localcollab.errors import LocalcollabError
from localcollab.events import Finished, Progress, Token, Unfamiliar
from localcollab.terminal import visible
from localcollab_tui import commands
from localcollab_tui.dialogue import Dialogue
from localcollab_tui.engine import Engine
from localcollab_tui.jobs import (
    Began,
    Failed,
    Heard,
    Loading,
    Look,
    Looked,
    NotOpened,
    Previewed,
    PromptShown,
    Ready,
    Said,
    WontFit,
)
from localcollab_tui.provenance import double_check
from localcollab_tui.runner import Runner
from localcollab_tui.status import Figures
from localcollab_tui.widgets.composer import Composer
from localcollab_tui.widgets.log import Log
from localcollab_tui.widgets.messages import AnswerView
from localcollab_tui.widgets.tokens import TokensView
from localcollab_tui.widgets.trace import TracePane

WELCOME = (
    "Ask a question. Several small models answer it together; F2 shows who wrote which word, "
    "and where to double-check. Everything stays on this machine."
)
_SECONDS_BEFORE_LOOKING = 0.15


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
        teams: tuple[str, ...],
        catalogs: tuple[Path, ...] = (),
    ) -> None:
        super().__init__()
        self.dialogue, self.engine, self.teams, self.catalogs = dialogue, engine, teams, catalogs
        self.runner = Runner(self)
        self._state = "starting"
        self._figures: Figures | None = None
        self._answer: AnswerView | None = None
        self._looking: tuple[int, int] | None = None

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

    # What the models' thread says

    async def hear(self, mail: list[Said]) -> None:
        """All that was said since the last frame; tokens together."""
        tokens: list[Token] = []
        for said in mail:
            if isinstance(said, Heard) and isinstance(said.event, Token):
                if self._is_pending(said.ticket):
                    tokens.append(said.event)
                    self._count(said.event)
                continue
            await self._grow(tokens)
            tokens = []
            await self._hear_one(said)
        await self._grow(tokens)
        self.show_status()

    async def _hear_one(self, said: Said) -> None:
        match said:
            case Loading(text):
                self._state = text
            case Ready(facts):
                self.dialogue.facts = facts
                self._state = ""
            case NotOpened(team, why):
                self._state = f"no team is open: {why}"
                self.notify(visible(why), title=f"{team or 'the team'} did not open",
                            severity="error", timeout=20, markup=False)  # fmt: skip
            case Began(ticket=ticket) if self._is_pending(ticket):
                await self._begin(said)
            case Heard(ticket=ticket, event=event) if self._is_pending(ticket):
                await self._hear_event(event)
            case Failed(ticket=ticket, why=why):
                await self._failed(ticket, why)
            case WontFit(ticket=ticket) if self._is_pending(ticket):
                self.runner.ask_what_to_drop(said)
            case Looked(at=at, opinions=opinions) if self._looking and self._looking[1] == at:
                self.trace.show_opinions(opinions, self.dialogue.members)
            case Previewed():
                self.runner.show_gate_preview(said)
            case PromptShown():
                self.runner.show_prompt(said)

    def _is_pending(self, ticket: int) -> bool:
        return self.dialogue.pending is not None and self.dialogue.pending.ticket == ticket

    async def _begin(self, began: Began) -> None:
        self.dialogue.facts = began.facts
        self.dialogue.refresh()
        self._figures = Figures(n_prompt=began.prompted.n_tokens, began=time.monotonic())
        answer = self.dialogue.branch[-1]
        view = await self.log_view.add(answer, opens_reasoning=began.opens_reasoning)
        assert isinstance(view, AnswerView)
        self._answer = view

    async def _hear_event(self, event: Progress | Token | Unfamiliar | Finished) -> None:
        if isinstance(event, Progress):
            self._count(event)
        elif isinstance(event, Finished):
            await self._finish()

    def _count(self, event: Progress | Token) -> None:
        self._figures = (self._figures or Figures()).after(event, time.monotonic())

    async def _grow(self, tokens: list[Token]) -> None:
        if tokens and self._answer is not None:
            await self._answer.grow(tokens)

    async def _finish(self) -> None:
        self.dialogue.ended()
        view, self._answer = self._answer, None
        answer = self.dialogue.last_answer
        if view is not None and answer is not None:
            await view.finish(answer, self.dialogue.tokens(answer.id))
            if self.log_view.shows_provenance:
                await view.show_provenance(True)

    async def _failed(self, ticket: int, why: str) -> None:
        if self._is_pending(ticket):
            self.dialogue.ended()
            self._answer = None
            await self.show_branch()
        elif self._looking is not None and self._looking[0] == ticket:
            self.trace.show_problem(why)
        else:
            self.complain(why)

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
        self._figures = None
        self.dialogue.refresh()
        shown = [view.message.id for view in self.log_view.query("QuestionView, AnswerView")]  # type: ignore[attr-defined]
        expected = [m.id for m in self.dialogue.branch[:-1]][-len(shown) :] if shown else []
        if shown == expected and len(self.dialogue.branch) >= len(shown):
            await self.log_view.add(pending.question)
            self.log_view.anchor()
            self.log_view.scroll_end(animate=False)
        else:
            await self.show_branch()
        self.show_status()

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
        if on and views:
            views[-1].focus()
        else:
            self.composer.focus()

    # The cursor in an answer

    @on(TokensView.Pointed)
    def look(self, event: TokensView.Pointed) -> None:
        view = self.log_view.view_of(event.message)
        if not isinstance(view, AnswerView):
            return
        outcome = view.message.outcome
        places = double_check(view.tokens, outcome.unfamiliar if outcome else ())
        self.trace.show_token(view.tokens[event.at], event.at, len(view.tokens), view.members)
        self.trace.show_places(places, event.at)
        self._looking = (0, event.at)
        self.set_timer(_SECONDS_BEFORE_LOOKING, lambda: self._ask_others(view, event.at))

    def _ask_others(self, view: AnswerView, at: int) -> None:
        if self._looking is None or self._looking[1] != at or self.dialogue.pending is not None:
            return
        try:
            question, ids = self.dialogue.asked_for(view.message)
        except (LocalcollabError, StopIteration):
            return
        if self.dialogue.facts is None or not view.message.provenance:
            return
        if view.message.provenance.vocabulary != self.dialogue.facts.vocabulary:
            self.trace.show_problem("written by another team: open it (/team) to ask its members")
            return
        ticket = self.dialogue.next_ticket()
        self._looking = (ticket, at)
        self.engine.submit(Look(ticket, question, ids, at))

    # Typing

    @on(TextArea.Changed, "#composer")
    def typed(self) -> None:
        self.runner.typed(self.composer.text)

    @on(Composer.CompletionWanted)
    def complete(self) -> None:
        self.runner.complete()

    @on(OptionList.OptionSelected, "#completions")
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.composer.put(str(event.option.id))
        self.composer.focus()

    def hide_completions(self) -> None:
        self.query_one("#completions").display = False

    def hint(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        hint.update(visible(text))
        hint.display = bool(text)

    def show_status(self) -> None:
        self.query_one("#status", Static).update(visible(self._status()))

    def _status(self) -> str:
        facts, pending = self.dialogue.facts, self.dialogue.pending
        secret = "incognito · " if self.dialogue.history.is_incognito else ""
        if facts is None or self._state:
            return f" {secret}{self._state}"
        parts = [facts.name]
        if facts.threshold is not None:
            parts.append(f"{facts.gate} > {facts.threshold:g}")
        if pending is not None and self._figures is not None:
            parts.append(self._figures.line(facts.n_ctx, facts.members))
        elif pending is not None:
            parts.append("asking")
        else:
            parts.append(self.runner.idle_line(facts))
        return f" {secret}{' · '.join(part for part in parts if part)}"
