"""What each slash command does: it changes the dialogue or asks the engine, then the view follows."""

from pathlib import Path

from localcollab.documents.answer.references import resolve
from localcollab.errors import BadOption
from localcollab.history import StoredMessage
from localcollab_tui.chat.view import EDITING, ChatView
from localcollab_tui.conversation import commands
from localcollab_tui.conversation.dialogue import Dialogue, without_default
from localcollab_tui.conversation.export import export
from localcollab_tui.formatting.figures import conversation_stats, docs_line
from localcollab_tui.formatting.markdown_text import code_blocks
from localcollab_tui.formatting.provenance import why_lines
from localcollab_tui.messages import Load, SetGate, ShowPrompt, UseDocs


class CommandRunner:
    """Raises `LocalcollabError` where a command is refused."""

    def __init__(self, view: ChatView) -> None:
        self._view = view

    async def run(self, line: commands.Line) -> None:
        await getattr(self, f"_{line.command}")(line.argument)

    # Conversation

    async def _clear(self, argument: str) -> None:
        question = self._dialogue.editing
        self._dialogue.start_new(keep_system=True)
        if question is not None and self._view.composer.text == question.text:
            self._view.composer.take()  # not a draft: the text of the old conversation
        await self._view.show_branch()

    async def _regen(self, argument: str) -> None:
        self._dialogue.regenerate()
        await self._view.show_branch()

    async def _more(self, argument: str) -> None:
        self._dialogue.more()
        self._view.status.figures = None
        self._view.show_status()

    async def _edit(self, argument: str) -> None:
        question = self._dialogue.start_editing()
        if argument:
            self._dialogue.send(argument)
            await self._view.show_branch()
            return
        self._view.composer.put(question.text)
        self._view.hint(EDITING)

    def stop_editing(self) -> None:
        self._dialogue.stop_editing()
        self._view.composer.take()
        self._view.hint("")

    async def _fork(self, argument: str) -> None:
        forked = self._dialogue.fork()
        await self._view.show_branch()
        self._view.announce(f"you are now in {forked.title!r}; the old conversation is unchanged")

    async def _undo(self, argument: str) -> None:
        text = self._dialogue.undo()
        await self._view.show_branch()
        self._view.composer.put(text)

    async def switch(self, step: int) -> None:
        """To another version of the last message that has several."""
        message = self._with_versions()
        if message is None:
            raise BadOption("there is only one version: /regen and /edit create others")
        self._dialogue.switch(message.id, step)
        await self._view.show_branch()

    def _with_versions(self) -> StoredMessage | None:
        branch = self._dialogue.branch
        return next((m for m in reversed(branch) if len(m.siblings) > 1), None)

    async def _system(self, argument: str) -> None:
        if not argument:
            self._view.announce(f"system prompt: {self._dialogue.system or 'none'}")
            return
        self._dialogue.set_system("" if argument == "off" else argument)
        removed = argument == "off"
        self._view.announce("system prompt removed" if removed else "system prompt set")

    # Team, threshold, gate, options

    async def _team(self, argument: str) -> None:
        if argument:
            self._open_team(argument)
            return
        if self._view.catalogs is None:
            self._choose_among(self._view.teams())
            return
        from localcollab_tui.screens.teams import TeamsScreen

        current = self._dialogue.facts
        screen = TeamsScreen(self._view.catalogs, current.name if current else None)
        self._view.app.push_screen(screen, lambda name: self._team_chosen(name))

    def _choose_among(self, names: tuple[str, ...]) -> None:
        """Of a server, whose catalogue is not here."""
        from localcollab_tui.screens.choice import ChoiceScreen

        if not names:  # it could not be asked before
            self._open_team(None)
            return

        def chosen(index: int | None) -> None:
            self._team_chosen(None if index is None else names[index])

        screen = ChoiceScreen("Which of them answers?", names, range(len(names)))
        self._view.app.push_screen(screen, chosen)

    def _team_chosen(self, name: str | None) -> None:
        try:
            if name is not None:
                self._open_team(name)
        except BadOption as error:
            self._view.complain(str(error))

    def _open_team(self, name: str | None) -> None:
        self._dialogue.require_idle()
        self._dialogue.facts = None
        self._view.engine.submit(Load(name))

    async def _threshold(self, argument: str) -> None:
        if not argument:
            self._show_threshold()
            return
        value = commands.parse_threshold(argument)
        if isinstance(value, str):
            raise BadOption(value)
        self._set_threshold(value)

    def _show_threshold(self) -> None:
        from localcollab_tui.screens.threshold import ThresholdScreen

        facts = self._view.require_facts()
        if facts.threshold is None:
            raise BadOption(f"{facts.name} has no gate, so it has no threshold")
        screen = ThresholdScreen(facts.threshold, *self._dialogue.deferrals())
        self._view.app.push_screen(screen, self._set_threshold)

    def _set_threshold(self, value: float | None) -> None:
        if value is not None:
            self._view.engine.submit(SetGate(threshold=value))

    async def _gate(self, argument: str) -> None:
        if argument:
            self._view.engine.submit(SetGate(gate=argument))
            return
        gate = self._view.require_facts().gate or "none"
        self._view.announce(f"gate: {gate}; /gate takes {', '.join(commands.GATES)}")

    async def _set(self, argument: str) -> None:
        if not argument:
            changed = ", ".join(f"{k} {v}" for k, v in self._dialogue.options.items())
            known = ", ".join(commands.OPTIONS)
            self._view.announce(f"changed: {changed or 'nothing'}; /set takes {known}")
            return
        parsed = commands.parse_option(argument)
        if isinstance(parsed, str):
            raise BadOption(parsed)
        name, value = parsed
        self._dialogue.options = without_default(self._dialogue.options, name, value)
        shown = "its default" if value is None else value
        self._view.announce(f"{name} is {shown} from the next answer on")

    # Views

    async def _show(self, argument: str) -> None:
        question, _ = self._dialogue.asked_for(self._view.require_answer())
        self._view.engine.submit(ShowPrompt(self._dialogue.next_ticket(), question))

    async def _stats(self, argument: str) -> None:
        lines = conversation_stats(self._dialogue.branch)
        self._view.show_text("figures of this branch", "\n".join(lines))

    async def _docs(self, argument: str) -> None:
        if not argument:
            self._view.announce(docs_line(self._dialogue.docs))
            return
        parsed = commands.parse_docs(argument)
        if isinstance(parsed, str):
            raise BadOption(parsed)
        self._view.engine.submit(UseDocs(*parsed))

    async def _attach(self, argument: str) -> None:
        if not argument:
            self._view.announce(docs_line(self._dialogue.docs))
            return
        files = commands.parse_attach(argument)
        if isinstance(files, str):
            raise BadOption(files)
        self._view.engine.submit(UseDocs(None, files=files))

    async def _sources(self, argument: str) -> None:
        from localcollab_tui.screens.sources import SourcesScreen

        answer = self._view.require_answer()
        if answer.id in self._dialogue.sources:
            self._view.app.push_screen(SourcesScreen(*self._dialogue.sources[answer.id]))
            return
        notes = answer.outcome.notes if answer.outcome else ()
        if notes:
            self._view.show_text("notes on this answer", "\n".join(map(resolve, notes)))
        else:
            self._view.announce("this answer used no documents")

    async def _why(self, argument: str) -> None:
        answer = self._view.require_answer()
        lines = why_lines(answer, self._dialogue.tokens(answer.id))
        self._view.show_text("second thoughts about this answer", "\n".join(lines))

    async def _help(self, argument: str) -> None:
        from localcollab_tui.screens.text import help_text

        self._view.show_text("keys and commands", help_text(self._view))

    async def _compare(self, argument: str) -> None:
        from localcollab_tui.screens.compare import CompareScreen

        self._dialogue.require_idle()
        question = self._dialogue.asked_for(self._view.require_answer())[0]
        other = argument or "base"
        screen = CompareScreen(self._dialogue, self._view.engine, question, other)
        self._view.app.push_screen(screen)

    def show_sessions(self) -> None:
        from localcollab_tui.screens.sessions import SessionsScreen

        self._view.app.push_screen(
            SessionsScreen(self._dialogue.history, self._dialogue.delete), self._open
        )

    def show_search(self) -> None:
        from localcollab_tui.screens.search import SearchScreen

        self._view.app.push_screen(SearchScreen(self._dialogue.history), self._open)

    def _open(self, chosen: tuple[str, int | None] | None) -> None:
        if chosen is not None:
            self._view.run_worker(self._view.open_conversation(*chosen))
        elif self._view.log_view.messages and not self._dialogue.branch:
            self._view.run_worker(self._view.show_branch())  # the shown conversation was deleted

    # Taking text out

    async def _copy(self, argument: str) -> None:
        text = self._view.require_answer().text
        if argument == "code":
            text = code_blocks(text)
            if not text:
                raise BadOption("the last answer has no code block")
        self._view.app.copy_to_clipboard(text)
        self._view.announce(f"copied {len(text):,} characters (the terminal must allow OSC 52)")

    async def _export(self, argument: str) -> None:
        path = export(self._dialogue, Path(argument) if argument else None)
        self._view.announce(f"written: {path}")

    async def _quit(self, argument: str) -> None:
        self._view.app.exit()

    @property
    def _dialogue(self) -> Dialogue:
        return self._view.dialogue
