"""One question, two answers in two columns: the team, and its base alone or another team.

They are written one after the other, on contexts of their own, and are not stored.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from localcollab.events import Finished, Token
from localcollab.history.records import StoredMessage
from localcollab.terminal.visible_text import visible
from localcollab_tui.conversation.dialogue import Dialogue
from localcollab_tui.conversation.recorder import Expected, provenance_of
from localcollab_tui.engine.thread import Engine
from localcollab_tui.formatting.figures import outcome_of
from localcollab_tui.messages import (
    Ask,
    Began,
    Failed,
    FreeReaders,
    Question,
    Streamed,
    TooLong,
    Update,
)
from localcollab_tui.widgets.messages import AnswerView


class CompareScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    CompareScreen {
        align: center middle;
        #columns { width: 98%; height: 95%; background: $surface; }
        .column { width: 1fr; border: round $primary; padding: 0 1; }
        .wait { color: $text-muted; height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Stop and close"),
        Binding("f2,ctrl+t", "provenance", "Who wrote what", id="compare.provenance"),
    ]

    def __init__(self, dialogue: Dialogue, engine: Engine, question: Question, other: str) -> None:
        super().__init__()
        self._dialogue, self._engine, self._question = dialogue, engine, question
        team = dialogue.facts.name if dialogue.facts else "team"
        self._names = (team, other)
        self._columns = {dialogue.next_ticket(): n for n in range(2)}
        self._tokens: dict[int, list[Token]] = {0: [], 1: []}
        self._views: dict[int, AnswerView] = {}
        self._began: dict[int, Began] = {}
        self._shows_provenance = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="columns"):
            for n, name in enumerate(self._names):
                with VerticalScroll(classes="column", id=f"column{n}") as column:
                    column.border_title = visible(name)
                    yield Static("waiting …", classes="wait", markup=False)

    def on_mount(self) -> None:
        models = (None, self._names[1])
        for ticket, n in self._columns.items():
            job = Ask(ticket, self._question, self._dialogue.job_options(), models[n])
            self._engine.submit(job)

    async def show_updates(self, updates: Sequence[Update]) -> None:
        for update in updates:
            n = self._columns.get(getattr(update, "ticket", -1))
            if n is not None:
                await self._show_one(n, update)

    async def _show_one(self, n: int, update: Update) -> None:
        match update:
            case Began():
                self._began[n] = update
                await self._mount(n, update.opens_reasoning)
            case Streamed(event=Token() as token):
                self._tokens[n].append(token)
                await self._views[n].grow([token])
            case Streamed(event=Finished() as finished):
                await self._finish(n, finished)
            case Failed(why=why):
                self._say(n, why)
            case TooLong():
                self._say(n, update.reason())

    async def _mount(self, n: int, opens_reasoning: bool) -> None:
        column = self.query_one(f"#column{n}")
        await column.remove_children()
        self._views[n] = AnswerView(self._message(n), opens_reasoning=opens_reasoning)
        await column.mount(self._views[n])

    async def _finish(self, n: int, finished: Finished) -> None:
        # Of a loop only the first copy is a part of the answer.
        tokens = self._tokens[n][: len(finished.tokens)]
        await self._views[n].finish(self._message(n, finished), tokens)
        await self._views[n].show_provenance(self._shows_provenance)

    def _message(self, n: int, finished: Finished | None = None) -> StoredMessage:
        provenance = provenance_of(self._began[n], Expected(0, ()))
        return StoredMessage(
            id=-1 - n, conversation="", parent=None, role="assistant",
            status="complete" if finished else "streaming", text=finished.text if finished else "",
            created=datetime.now(UTC), siblings=(-1 - n,), provenance=provenance,
            outcome=outcome_of(finished) if finished else None,
        )  # fmt: skip

    def _say(self, n: int, text: str) -> None:
        self.query_one(f"#column{n}").query(Static).first().update(visible(text))

    async def action_provenance(self) -> None:
        self._shows_provenance = not self._shows_provenance
        for view in self._views.values():
            await view.show_provenance(self._shows_provenance)

    def action_leave(self) -> None:
        self._engine.stop()
        self._engine.submit(FreeReaders())
        self.dismiss()
