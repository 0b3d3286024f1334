"""What each slash command and key does: the dialogue changes, then the screen follows."""

from pathlib import Path
from typing import TYPE_CHECKING

from localcollab.documents.answer.references import resolve
from localcollab.errors import BadOption
from localcollab.history import StoredMessage
from localcollab_tui import commands, exporting
from localcollab_tui.dialogue import Dialogue, without_default
from localcollab_tui.hints import EDITING, last_p_defer
from localcollab_tui.jobs import (
    Decide,
    Load,
    PromptShown,
    ShowPrompt,
    TeamFacts,
    UseDocs,
)
from localcollab_tui.jobs import WontFit as TooLong
from localcollab_tui.markup import code_blocks
from localcollab_tui.provenance import shares
from localcollab_tui.status import conversation_stats, docs_line

if TYPE_CHECKING:
    from localcollab_tui.screen import ChatScreen


class Runner:
    """Raises `LocalcollabError` where a command says no."""

    def __init__(self, screen: "ChatScreen") -> None:
        self._screen = screen
        self.editing: int | None = None

    async def run(self, line: commands.Line) -> None:
        await getattr(self, f"_{line.command}")(line.argument)

    # Conversation

    async def _clear(self, argument: str) -> None:
        self._dialogue.start_new(keep_system=True)
        await self._screen.show_branch()

    async def _regen(self, argument: str) -> None:
        self._dialogue.regenerate()
        self._dialogue.refresh()
        await self._screen.show_branch()

    async def _edit(self, argument: str) -> None:
        question = self._dialogue.last_question
        if question is None:
            raise BadOption("nothing was asked yet")
        if argument:
            self._dialogue.edit(question.id, argument)
            self._dialogue.refresh()
            await self._screen.show_branch()
            return
        self.editing = question.id
        self._screen.composer.put(question.text)
        self._screen.hint(EDITING)

    def stop_editing(self) -> None:
        self.editing = None
        self._screen.composer.take()
        self._screen.hint("")

    async def _fork(self, argument: str) -> None:
        forked = self._dialogue.fork()
        await self._screen.show_branch()
        self._say(f"you go on in {forked.title!r}; the old conversation is as it was")

    async def _undo(self, argument: str) -> None:
        text = self._dialogue.undo()
        await self._screen.show_branch()
        self._screen.composer.put(text)

    async def switch(self, step: int) -> None:
        message = self._pointed()
        if message is None:
            raise BadOption("there is one version only: /regen and /edit make others")
        self._dialogue.switch(message.id, step)
        await self._screen.show_branch()

    def _pointed(self) -> StoredMessage | None:
        """The last message that has versions."""
        branch = self._dialogue.branch
        return next((m for m in reversed(branch) if len(m.siblings) > 1), None)

    async def _system(self, argument: str) -> None:
        if not argument:
            self._say(f"system prompt: {self._dialogue.system or 'none'}")
            return
        self._dialogue.set_system("" if argument == "off" else argument)
        self._say("the system prompt was taken out" if argument == "off" else "system prompt set")

    # Team, threshold, gate, options

    async def _team(self, argument: str) -> None:
        if argument:
            self.open_team(argument)
            return
        from localcollab_tui.screens.teams import TeamsScreen

        app, current = self._screen.app, self._dialogue.facts
        chosen = TeamsScreen(self._screen.catalogs, current.name if current else None)
        app.push_screen(chosen, lambda name: self.open_team(name) if name else None)

    def open_team(self, name: str) -> None:
        if self._dialogue.pending is not None:
            raise BadOption("an answer is being written: Esc stops it")
        self._dialogue.facts = None
        self._screen.engine.submit(Load(name))

    async def _threshold(self, argument: str) -> None:
        if not argument:
            facts = self._facts()
            if facts.threshold is None:
                raise BadOption(f"{facts.name}: no gate decides here, so there is no threshold")
            from localcollab_tui.screens.threshold import ThresholdScreen

            along, before = last_p_defer(self._dialogue)
            self._screen.app.push_screen(
                ThresholdScreen(facts.threshold, along, before), self._set_threshold
            )
            return
        value = commands.parse_threshold(argument)
        if isinstance(value, str):
            raise BadOption(value)
        self._set_threshold(value)

    def _set_threshold(self, value: float | None) -> None:
        if value is not None:
            self._screen.engine.submit(Decide(threshold=value))

    async def _gate(self, argument: str) -> None:
        if not argument:
            facts = self._facts()
            self._say(f"gate {facts.gate}: /gate takes {', '.join(commands.GATES)}")
            return
        self._screen.engine.submit(Decide(gate=argument))

    async def _set(self, argument: str) -> None:
        if not argument:
            changed = ", ".join(f"{k} {v}" for k, v in self._dialogue.options.items())
            self._say(f"changed: {changed or 'nothing'}; /set takes {', '.join(commands.OPTIONS)}")
            return
        parsed = commands.parse_option(argument)
        if isinstance(parsed, str):
            raise BadOption(parsed)
        name, value = parsed
        self._dialogue.options = without_default(self._dialogue.options, name, value)
        self._say(f"{name} is {'its default' if value is None else value} from the next answer on")

    # Looking

    async def _show(self, argument: str) -> None:
        answer = self._answer()
        question, _ = self._dialogue.asked_for(answer)
        self._screen.engine.submit(ShowPrompt(self._dialogue.next_ticket(), question))

    def show_prompt(self, shown: PromptShown) -> None:
        from localcollab_tui.screens.text import TextScreen

        text = "".join(text for _, text in shown.pieces)
        ids = " ".join(f"{token}:{piece!r}" for token, piece in shown.pieces)
        title = f"the prompt that was sent: {len(shown.pieces)} tokens"
        self._screen.app.push_screen(TextScreen(title, f"{text}\n\n{ids}"))

    async def _stats(self, argument: str) -> None:
        from localcollab_tui.screens.text import TextScreen

        lines = conversation_stats(self._dialogue.branch)
        self._screen.app.push_screen(TextScreen("figures of this branch", "\n".join(lines)))

    async def _docs(self, argument: str) -> None:
        if not argument:
            self.say_docs()
            return
        parsed = commands.parse_docs(argument)
        if isinstance(parsed, str):
            raise BadOption(parsed)
        self._screen.engine.submit(UseDocs(*parsed))

    def say_docs(self) -> None:
        self._say(docs_line(self._dialogue.docs))

    async def _sources(self, argument: str) -> None:
        from localcollab_tui.screens.sources import SourcesScreen
        from localcollab_tui.screens.text import TextScreen

        answer = self._answer()
        if answer.id in self._dialogue.sources:
            self._screen.app.push_screen(SourcesScreen(*self._dialogue.sources[answer.id]))
            return
        notes = answer.outcome.notes if answer.outcome else ()
        if not notes:
            self._say("this answer used no documents: its members answered from their weights")
            return
        self._screen.app.push_screen(
            TextScreen("noted with this answer", "\n".join(map(resolve, notes)))
        )

    async def _help(self, argument: str) -> None:
        from localcollab_tui.screens.text import TextScreen, help_text

        self._screen.app.push_screen(TextScreen("keys and commands", help_text(self._screen)))

    async def _compare(self, argument: str) -> None:
        from localcollab_tui.screens.compare import CompareScreen

        question = self._dialogue.asked_for(self._answer())[0]
        self._screen.app.push_screen(
            CompareScreen(self._dialogue, self._screen.engine, question, argument or "base"),
        )

    # Taking out

    async def _copy(self, argument: str) -> None:
        text = self._answer().text
        if argument == "code":
            text = code_blocks(text)
            if not text:
                raise BadOption("the last answer holds no code block")
        self._screen.app.copy_to_clipboard(text)
        self._say(f"copied {len(text):,} characters (the terminal must allow it: OSC 52)")

    async def _export(self, argument: str) -> None:
        if self._dialogue.conversation is None:
            raise BadOption("there is nothing to export yet: ask something first")
        path = exporting.export(
            self._dialogue.history,
            self._dialogue.conversation,
            Path(argument) if argument else None,
        )
        self._say(f"written: {path}")

    async def _quit(self, argument: str) -> None:
        self._screen.app.exit()

    # Screens

    def show_sessions(self) -> None:
        from localcollab_tui.screens.sessions import SessionsScreen

        self._screen.app.push_screen(SessionsScreen(self._dialogue.history), self._open)

    def show_search(self) -> None:
        from localcollab_tui.screens.search import SearchScreen

        self._screen.app.push_screen(SearchScreen(self._dialogue.history), self._open)

    def _open(self, chosen: tuple[str, int | None] | None) -> None:
        if chosen is not None:
            self._screen.run_worker(self._screen.open_conversation(*chosen))

    def ask_what_to_drop(self, too_long: TooLong) -> None:
        from localcollab_tui.screens.choice import drop_choice

        self._screen.app.push_screen(drop_choice(too_long), self._dropped)

    async def _dropped(self, drop: int | None) -> None:
        if drop is not None:
            self._dialogue.ask_shorter(drop)
            return
        self._screen.composer.put(self._dialogue.withdraw())
        await self._screen.show_branch()

    def idle_line(self, facts: TeamFacts, *, short: bool = False) -> str:
        answer = self._dialogue.last_answer
        if answer is None or answer.outcome is None:
            return f"ready · context {facts.n_ctx}"
        used = answer.outcome.n_prompt + answer.outcome.n_tokens
        share = shares(answer.outcome.authors, facts.members, short=short)
        return " · ".join(filter(None, (f"context {used}/{facts.n_ctx}", share)))

    @property
    def _dialogue(self) -> Dialogue:
        return self._screen.dialogue

    def _facts(self) -> TeamFacts:
        facts = self._dialogue.facts
        if facts is None:
            raise BadOption("no team is open yet")
        return facts

    def _answer(self) -> StoredMessage:
        answer = self._dialogue.last_answer
        if answer is None:
            raise BadOption("there is no answer yet: ask something first")
        return answer

    def _say(self, text: str) -> None:
        from localcollab.terminal.visible_text import visible

        self._screen.notify(visible(text), markup=False)
