"""Line by line, for screen readers and pipes: no cursor is moved, nothing is drawn twice."""

import queue
from pathlib import Path
from typing import TextIO

from localcollab.blend.events import Answering
from localcollab.documents.answer.references import resolve
from localcollab.errors import BadOption, LocalcollabError
from localcollab.events import Finished, Token
from localcollab.history import History
from localcollab.terminal.painter import Painter
from localcollab.terminal.visible_text import visible
from localcollab_tui import commands
from localcollab_tui.dialogue import Dialogue, without_default
from localcollab_tui.engine import Engine, OpenByName
from localcollab_tui.exporting import export
from localcollab_tui.jobs import (
    Began,
    Decide,
    DocsUsed,
    Failed,
    Heard,
    Load,
    Loading,
    NotOpened,
    PromptShown,
    Ready,
    Said,
    ShowPrompt,
    TeamFacts,
    UseDocs,
    WontFit,
)
from localcollab_tui.provenance import double_check
from localcollab_tui.scribe import Scribe
from localcollab_tui.status import conversation_stats, docs_line, figures_line

_NEEDS_SCREEN = ("copy", "compare")
_KNOWN = " ".join(f"/{c.name}" for c in commands.COMMANDS if c.name not in _NEEDS_SCREEN)


class PlainChat:
    """Reads questions from `source`; `.` alone is no command: a line is a question."""

    def __init__(self, history: History, opener: OpenByName, source: TextIO, out: TextIO) -> None:
        self._mail: queue.SimpleQueue[Said] = queue.SimpleQueue()
        scribe = Scribe(history, self._mail.put)
        self._engine = Engine(opener, scribe.say)
        self._dialogue = Dialogue(history, scribe, self._engine.submit)
        self._source, self._out = source, out
        self._painter: Painter | None = None

    def run(self, team: str | None, conversation: str | None) -> None:
        self._engine.start()
        try:
            self._engine.submit(Load(team))
            self._wait_for_team()
            if conversation is not None:
                self._dialogue.open(conversation)
                self._say(f"going on with: {self._dialogue.conversation.title}")  # type: ignore[union-attr]
            self._prompt()
            for line in self._source:
                if not self._take(line.rstrip("\n")):
                    break
                self._prompt()
        except KeyboardInterrupt:
            self._say("")
        finally:
            self._engine.close()

    def _take(self, text: str) -> bool:
        """False: leave."""
        line = commands.parse(text)
        try:
            if line is not None and line.command == "quit":
                return False
            if line is not None:
                self._run(line)
            elif text.strip():
                self._dialogue.ask(commands.question_of(text))
                self._hear_answer()
        except LocalcollabError as error:
            self._say(f"error: {error}")
        return True

    def _run(self, line: commands.Line) -> None:
        dialogue = self._dialogue
        match line.command:
            case "help":
                self._say(f"a line is a question; commands: {_KNOWN}")
            case "team" | "threshold" | "gate":
                self._decide(line)
            case "set":
                self._set(line.argument)
            case "regen":
                dialogue.regenerate()
                self._hear_answer()
            case "edit":
                self._edit(line.argument)
            case "undo":
                self._say(f"taken back: {dialogue.undo()}")
            case "fork":
                self._say(f"you go on in {dialogue.fork().title!r}; the old one is as it was")
            case "clear":
                dialogue.start_new(keep_system=True)
                self._say("a new conversation")
            case "export":
                self._export(line.argument)
            case "show":
                self._show_prompt()
            case "system":
                if line.argument:
                    dialogue.set_system("" if line.argument == "off" else line.argument)
                self._say(f"system prompt: {dialogue.system or 'none'}")
            case "docs":
                self._docs(line.argument)
            case "sources":
                self._say("\n".join(self._sources()))
            case "stats":
                self._say("\n".join(conversation_stats(dialogue.branch)))
            case _:
                self._say(line.problem or f"/{line.command} needs the full screen; here: {_KNOWN}")

    def _edit(self, text: str) -> None:
        """Without a screen there is no field to change the question in."""
        question = self._dialogue.last_question
        if question is None:
            raise BadOption("nothing was asked yet")
        if not text:
            self._say(f"the last question: {question.text}")
            self._say("/edit TEXT asks another one in its place; the old branch stays")
            return
        self._dialogue.edit(question.id, text)
        self._hear_answer()

    def _export(self, name: str) -> None:
        conversation = self._dialogue.conversation
        if conversation is None:
            raise BadOption("there is nothing to export yet: ask something first")
        path = Path(name) if name else None
        self._say(f"written: {export(self._dialogue.history, conversation, path)}")

    def _show_prompt(self) -> None:
        answer = self._dialogue.last_answer
        if answer is None:
            raise BadOption("there is no answer yet: ask something first")
        question, _ = self._dialogue.asked_for(answer)
        self._engine.submit(ShowPrompt(self._dialogue.next_ticket(), question))
        while not isinstance(said := self._mail.get(), PromptShown):
            if isinstance(said, Failed):
                raise BadOption(said.why)
        self._say(f"the prompt that was sent, {len(said.pieces)} tokens:")
        self._say("".join(text for _, text in said.pieces))
        self._say(" ".join(f"{token}:{piece!r}" for token, piece in said.pieces))

    def _docs(self, argument: str) -> None:
        if argument:
            parsed = commands.parse_docs(argument)
            if isinstance(parsed, str):
                raise BadOption(parsed)
            self._engine.submit(UseDocs(*parsed))
            while not isinstance(said := self._mail.get(), DocsUsed):
                if isinstance(said, Failed):
                    raise BadOption(said.why)
            self._dialogue.docs = said
        self._say(docs_line(self._dialogue.docs))

    def _sources(self) -> tuple[str, ...]:
        answer = self._dialogue.last_answer
        notes = answer.outcome.notes if answer is not None and answer.outcome else ()
        return tuple(map(resolve, notes)) or ("this answer used no documents",)

    def _decide(self, line: commands.Line) -> None:
        facts = self._dialogue.facts
        if facts is not None and not line.argument:
            self._say_team(facts)
            return
        if line.command == "team":
            self._dialogue.facts = None
            self._engine.submit(Load(line.argument or None))
        elif line.command == "gate":
            self._engine.submit(Decide(gate=line.argument))
        else:
            value = commands.parse_threshold(line.argument)
            if isinstance(value, str):
                self._say(value)
                return
            self._engine.submit(Decide(threshold=value))
        self._wait_for_team()

    def _set(self, argument: str) -> None:
        parsed = commands.parse_option(argument)
        if isinstance(parsed, str):
            self._say(parsed)
            return
        self._dialogue.options = without_default(self._dialogue.options, *parsed)
        self._say(f"{parsed[0]} is {'its default' if parsed[1] is None else parsed[1]}")

    def _wait_for_team(self) -> None:
        while True:
            match self._mail.get():
                case Loading(text):
                    self._say(text)
                case Ready(facts):
                    self._dialogue.facts = facts
                    self._say_team(facts)
                    return
                case NotOpened(why=why, still=still):
                    self._say(f"error: {why}")
                    self._dialogue.facts = still
                    if still is not None:
                        self._say_team(still)
                    return
                case Failed(why=why):
                    self._say(f"error: {why}")
                    return

    def _say_team(self, facts: TeamFacts) -> None:
        gate = "" if facts.gate is None else f", {facts.gate} > {facts.threshold:g}"
        self._say(f"team {facts.name}: {', '.join(facts.members)}{gate}")

    def _hear_answer(self) -> None:
        while self._dialogue.pending is not None:
            try:
                self._hear(self._mail.get())
            except KeyboardInterrupt:
                self._engine.stop()

    def _hear(self, said: Said) -> None:
        match said:
            case Began():
                self._dialogue.facts = said.facts
                self._painter = Painter(
                    self._out, list(said.facts.members), colour=False, marks=True
                )
            case Heard(event=Token() as token):
                assert self._painter is not None
                self._painter.write(token)
            case Heard(event=Answering(number, n, model)):
                self._say(f"candidate {number} of {n}: {model} writes")
            case Heard(event=Finished()):
                self._end()
            case Failed(why=why):
                self._dialogue.ended()
                self._say(f"error: {why}")
            case WontFit():
                self._too_long(said)

    def _end(self) -> None:
        if self._painter is not None:
            self._painter.close()
        self._dialogue.ended()
        answer = self._dialogue.last_answer
        if answer is None or answer.outcome is None:
            return
        tokens = self._dialogue.tokens(answer.id)
        for place in double_check(tokens, answer.outcome.unfamiliar):
            self._say(f"double-check: {place.words} ({place.why})")
        for note in answer.outcome.notes:
            self._say(resolve(note))
        self._say(figures_line(answer.outcome, self._dialogue.members))

    def _too_long(self, said: WontFit) -> None:
        what = said.what()
        if said.drop is not None:
            turns = "turn" if said.drop == 1 else f"{said.drop} turns"
            self._out.write(f"{what}. Leave the oldest {turns} out? y or n: ")
            self._out.flush()
            if self._source.readline().strip().lower() in ("y", "yes"):
                self._dialogue.ask_shorter(said.drop)
                return
        else:
            self._say(f"{what}: even alone, the question is too long")
        self._dialogue.withdraw()
        self._say("the question was taken back")

    def _prompt(self) -> None:
        self._out.write("you: ")
        self._out.flush()

    def _say(self, text: str) -> None:
        self._out.write(visible(text) + "\n")
        self._out.flush()
