"""What the models' thread says becomes what the screen shows: an answer that grows, a status line."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from localcollab.blend.events import Answered, Answering, CandidateToken, Chosen, Ranked
from localcollab.documents.answer.events import Checked, Sources
from localcollab.events import Finished, Progress, Token
from localcollab.terminal.visible_text import visible
from localcollab_tui import garbage
from localcollab_tui.jobs import (
    Began,
    DocsUsed,
    Failed,
    Heard,
    HeardEvent,
    Loading,
    Looked,
    NotOpened,
    Previewed,
    PromptShown,
    Ready,
    Said,
    WontFit,
)
from localcollab_tui.status import Figures
from localcollab_tui.widgets.messages import AnswerView

if TYPE_CHECKING:
    from localcollab_tui.screen import ChatScreen


class Hearing:
    def __init__(self, screen: "ChatScreen") -> None:
        self._screen = screen
        self._state = "starting"
        self._figures: Figures | None = None
        self._answer: AnswerView | None = None

    def reset(self) -> None:
        """A question was asked: its figures begin anew."""
        self._figures = None

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
        if self._answer is not None:
            self._answer.show_candidates()
        self._screen.show_status()

    async def _hear_one(self, said: Said) -> None:
        match said:
            case Loading(text):
                self._state = text
            case DocsUsed():
                self._screen.dialogue.docs = said
                self._screen.runner.say_docs()
            case Ready(facts):
                if self._screen.dialogue.facts is None:
                    garbage.keep()
                self._screen.dialogue.facts = facts
                self._state = ""
            case NotOpened(team, why, still):
                self._screen.dialogue.facts = still
                self._state = "" if still else f"no team is open: {why}"
                self._screen.notify(visible(why), title=f"{team or 'the team'} did not open",
                            severity="error", timeout=20, markup=False)  # fmt: skip
            case Began(ticket=ticket) if self._is_pending(ticket):
                await self._begin(said)
            case Heard(ticket=ticket, event=event) if self._is_pending(ticket):
                await self._hear_event(event)
            case Failed(ticket=ticket, why=why):
                await self._failed(ticket, why)
            case WontFit(ticket=ticket) if self._is_pending(ticket):
                self._screen.runner.ask_what_to_drop(said)
            case Looked():
                self._screen.looking.hear(said)
            case Previewed():
                self._screen.hints.show_gate_preview(said)
            case PromptShown():
                self._screen.runner.show_prompt(said)

    def _is_pending(self, ticket: int) -> bool:
        return (
            self._screen.dialogue.pending is not None
            and self._screen.dialogue.pending.ticket == ticket
        )

    async def _begin(self, began: Began) -> None:
        self._screen.dialogue.facts = began.facts
        self._screen.dialogue.refresh()
        self._figures = Figures(n_prompt=began.prompted.n_tokens, began=time.monotonic())
        # A short answer may be finished already: its end is still in the mail.
        answer = replace(
            self._screen.dialogue.branch[-1], status="streaming", text="", outcome=None
        )
        view = await self._screen.log_view.add(answer, opens_reasoning=began.opens_reasoning)
        assert isinstance(view, AnswerView)
        self._answer = view

    async def _hear_event(self, event: HeardEvent) -> None:
        if isinstance(event, Progress):
            self._count(event)
        elif isinstance(event, Sources | Checked):
            self._screen.dialogue.heard(event)
        elif isinstance(event, Answering | CandidateToken | Answered | Ranked | Chosen):
            self._state = state_of(event)
            if self._answer is not None:
                await self._answer.hear_candidates(event)
        elif isinstance(event, Finished):
            await self._finish()

    def _count(self, event: Progress | Token) -> None:
        self._figures = (self._figures or Figures()).after(event, time.monotonic())

    async def _grow(self, tokens: list[Token]) -> None:
        if tokens and self._answer is not None:
            await self._answer.grow(tokens)

    async def _finish(self) -> None:
        self._screen.dialogue.ended()
        view, self._answer = self._answer, None
        answer = self._screen.dialogue.last_answer
        if view is not None and answer is not None:
            await view.finish(answer, self._screen.dialogue.tokens(answer.id))
            if self._screen.log_view.shows_provenance:
                await view.show_provenance(True)

    async def _failed(self, ticket: int, why: str) -> None:
        if self._is_pending(ticket):
            self._screen.dialogue.ended()
            self._answer, self._state = None, ""
            await self._screen.show_branch()
        elif not self._screen.looking.failed(ticket, why):
            self._screen.complain(why)

    def status(self, width: int) -> str:
        """In a narrow terminal the experts have their marks alone."""
        line = self._line(short=False)
        return line if len(line) <= width else self._line(short=True)

    def _line(self, *, short: bool) -> str:
        facts, pending = self._screen.dialogue.facts, self._screen.dialogue.pending
        secret = "incognito · " if self._screen.dialogue.history.is_incognito else ""
        if facts is None or self._state:
            return f" {secret}{self._state}"
        parts = [facts.name, self._screen.dialogue.docs.what]
        if facts.threshold is not None:
            parts.append(f"{facts.gate} > {facts.threshold:g}")
        if pending is not None and self._figures is not None:
            parts.append(self._figures.line(facts.n_ctx, facts.members, short=short))
        elif pending is not None:
            parts.append("asking")
        else:
            parts.append(self._screen.runner.idle_line(facts, short=short))
        return f" {secret}{' · '.join(part for part in parts if part)}"


def state_of(event: Answering | CandidateToken | Answered | Ranked | Chosen) -> str:
    """What a blend does before its reply."""
    match event:
        case Answering(number, n, model):
            return f"candidate {number} of {n}: {model} writes"
        case CandidateToken(number):
            return f"candidate {number} is being written"
        case Answered():
            return "ranking the candidates"
        case _:
            return ""
