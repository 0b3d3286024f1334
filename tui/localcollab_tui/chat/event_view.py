"""Shows the updates of the models' thread: an answer that grows, the status line, a failure."""

import time
from collections.abc import Sequence
from dataclasses import replace

from localcollab.blend.events import Answered, Answering, CandidateToken, Chosen, Ranked
from localcollab.documents.answer.events import Checked, Sources
from localcollab.errors import LocalcollabError
from localcollab.events import Finished, Progress, Retracted, Token
from localcollab.history.records import StoredMessage
from localcollab.progress import Counted, Pace
from localcollab.terminal.visible_text import visible
from localcollab_tui import gc_control
from localcollab_tui.chat.token_cursor import TokenCursor
from localcollab_tui.chat.typing_hints import TypingHints
from localcollab_tui.chat.view import ChatView
from localcollab_tui.crash_report import page
from localcollab_tui.formatting.figures import Figures, docs_line
from localcollab_tui.messages import (
    Began,
    DocsInUse,
    Failed,
    Inspected,
    Loading,
    OpenFailed,
    Previewed,
    PromptShown,
    Ready,
    Streamed,
    StreamedEvent,
    TooLong,
    Unexpected,
    Update,
)
from localcollab_tui.widgets.messages import AnswerView


class EventView:
    def __init__(self, view: ChatView, cursor: TokenCursor, hints: TypingHints) -> None:
        self._view, self._cursor, self._hints = view, cursor, hints
        self._dialogue, self._status = view.dialogue, view.status
        self._answer: AnswerView | None = None
        self._pace = Pace()

    async def show(self, updates: Sequence[Update]) -> None:
        """All updates since the last frame; consecutive tokens together."""
        tokens: list[Token] = []
        for update in updates:
            if isinstance(update, Streamed) and isinstance(update.event, Token):
                if self._is_pending(update.ticket):
                    tokens.append(update.event)
                    self._count(update.event)
                continue
            await self._grow(tokens)
            tokens = []
            await self._show_one(update)
        await self._grow(tokens)
        if self._answer is not None:
            self._answer.show_candidates()
        self._view.show_status()

    async def _show_one(self, update: Update) -> None:
        match update:
            case Loading(text):
                self._status.activity = text
            case DocsInUse():
                self._dialogue.docs = update
                self._view.announce(docs_line(update))
            case Ready() | OpenFailed():
                self._show_team(update)
            case Began(ticket=ticket) if self._is_pending(ticket):
                await self._begin(update)
            case Streamed(ticket=ticket, event=event) if self._is_pending(ticket):
                await self._show_event(event)
            case Failed(ticket=ticket, why=why):
                await self._fail(ticket, why)
            case TooLong(ticket=ticket) if self._is_pending(ticket):
                self._ask_what_to_drop(update)
            case Inspected():
                self._cursor.show(update)
            case Previewed():
                self._hints.show_gate_preview(update)
            case Unexpected(report=report):
                self._view.show_text("unexpected error", page(report))
            case PromptShown():
                self._show_prompt(update)

    def _is_pending(self, ticket: int) -> bool:
        return self._dialogue.pending is not None and self._dialogue.pending.ticket == ticket

    def _show_team(self, update: Ready | OpenFailed) -> None:
        if isinstance(update, Ready):
            if self._dialogue.facts is None:
                gc_control.freeze_now()
            is_new = (
                self._dialogue.facts is None or self._dialogue.facts.notes != update.facts.notes
            )
            self._dialogue.facts, self._status.activity = update.facts, ""
            for note in update.facts.notes if is_new else ():
                self._view.notify(visible(note), timeout=20, markup=False)
            return
        self._dialogue.facts = update.still
        self._status.activity = "" if update.still else f"no team is open: {update.why}"
        self._view.notify(
            visible(update.why), title=visible(f"cannot open {update.team or 'the team'}"),
            severity="error", timeout=20, markup=False,
        )  # fmt: skip

    # One answer

    async def _begin(self, began: Began) -> None:
        self._dialogue.begin(began.facts)
        self._dialogue.refresh()
        self._status.activity, self._pace = "", Pace()
        self._status.figures = Figures(n_prompt=began.prompted.n_tokens, began=time.monotonic())
        # A short answer may be finished already: its end is still among the updates.
        *before, answer = self._dialogue.branch
        pending = self._dialogue.pending
        if pending is not None and pending.goes_on is not None:
            await self._go_on(answer, began.prompted.n_continued)
            return
        branch = (*before, replace(answer, status="streaming", text="", outcome=None))
        view = await self._view.log_view.extend(branch, opens_reasoning=began.opens_reasoning)
        assert isinstance(view, AnswerView)
        self._answer = view

    async def _go_on(self, answer: StoredMessage, n_kept: int) -> None:
        """The same answer, which grows behind what was written of it."""
        growing = replace(answer, status="streaming", text="", outcome=None)
        view = await self._view.log_view.reopen(growing)
        await view.grow(self._dialogue.tokens(answer.id)[:n_kept])
        self._answer = view

    async def _show_event(self, event: StreamedEvent) -> None:
        if isinstance(event, Progress):
            self._count(event)
        elif isinstance(event, Sources | Checked):
            self._dialogue.keep_sources(event)
        elif isinstance(event, Answering | CandidateToken | Answered | Ranked | Chosen):
            self._status.activity = activity_of(event)
            if self._answer is not None:
                await self._answer.show_candidate_event(event)
        elif isinstance(event, Retracted):
            await self._take_back(event)
        elif isinstance(event, Finished):
            await self._finish()

    def _count(self, event: Progress | Token) -> None:
        figures, left = self._status.figures or Figures(), None
        if isinstance(event, Progress):
            left = self._pace.seconds_left(Counted("prompt", event.done, event.total))
        self._status.figures = figures.after(event, time.monotonic(), left)

    async def _grow(self, tokens: Sequence[Token]) -> None:
        if tokens and self._answer is not None:
            await self._answer.grow(tokens)

    async def _take_back(self, event: Retracted) -> None:
        before = self._answer
        if before is None:
            return
        growing = replace(before.message, status="streaming", text="", outcome=None)
        self._answer = await self._view.log_view.reopen(growing)
        await self._answer.begin_again(before, event.n_tokens, event.note)

    async def _finish(self) -> None:
        self._dialogue.end()
        view, self._answer = self._answer, None
        answer = self._dialogue.last_answer
        if view is not None and answer is not None:
            await view.finish(answer, self._dialogue.tokens(answer.id))
            if self._view.log_view.shows_provenance:
                await view.show_provenance(True)

    async def _fail(self, ticket: int, why: str) -> None:
        if self._is_pending(ticket):
            pending = self._dialogue.pending
            self._dialogue.end()
            self._answer, self._status.activity = None, ""
            await self._view.show_branch()
            if pending is not None and pending.goes_on is not None:
                self._view.complain(why)  # the answer before stays as it was
        elif not self._cursor.show_failure(ticket, why):
            self._view.complain(why)

    # Screens that an update opens

    def _ask_what_to_drop(self, too_long: TooLong) -> None:
        from localcollab_tui.screens.choice import drop_choice

        self._view.app.push_screen(drop_choice(too_long), self._drop)

    async def _drop(self, n_turns: int | None) -> None:
        try:
            if n_turns is not None:
                self._dialogue.ask_shorter(n_turns)
                return
            self._view.composer.put(self._dialogue.withdraw())
        except LocalcollabError as error:
            self._view.complain(str(error))
        await self._view.show_branch()

    def _show_prompt(self, shown: PromptShown) -> None:
        text = "".join(text for _, text in shown.pieces)
        ids = " ".join(f"{token}:{piece!r}" for token, piece in shown.pieces)
        title = f"the prompt as it was sent: {len(shown.pieces)} tokens"
        self._view.show_text(title, f"{text}\n\n{ids}")


def activity_of(event: Answering | CandidateToken | Answered | Ranked | Chosen) -> str:
    """What a blend does before its reply."""
    match event:
        case Answering(number, n, model):
            return f"{model} writes candidate {number} of {n}"
        case CandidateToken(number):
            return f"writing candidate {number}"
        case Answered():
            return "ranking the candidates"
        case _:
            return ""
