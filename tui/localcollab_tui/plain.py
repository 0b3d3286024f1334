"""`chat --plain`, line by line, for screen readers and pipes: no cursor movement, nothing drawn twice."""

import queue
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from localcollab.blend.events import Answering
from localcollab.documents.answer.references import resolve
from localcollab.errors import BadOption, LocalcollabError
from localcollab.events import Finished, Progress, Retracted, Token
from localcollab.history import History
from localcollab.progress import Counted
from localcollab.terminal.painter import Painter
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible
from localcollab_tui.conversation import commands
from localcollab_tui.conversation.dialogue import Dialogue, without_default
from localcollab_tui.conversation.export import export
from localcollab_tui.conversation.recorder import AnswerRecorder
from localcollab_tui.engine.thread import Engine, MakeWorker
from localcollab_tui.formatting.figures import conversation_stats, docs_line, figures_line
from localcollab_tui.formatting.provenance import double_check, why_lines
from localcollab_tui.messages import (
    Began,
    DocsInUse,
    Failed,
    Load,
    Loading,
    OpenFailed,
    PromptShown,
    Ready,
    SetGate,
    ShowPrompt,
    Streamed,
    TeamFacts,
    TooLong,
    Update,
    UseDocs,
)
from localcollab_tui.parameters import named_for_chat

_NEEDS_SCREEN = ("copy", "compare")
_MOST_CHARS = 2**20
"""Of one line of input."""
_KNOWN = " ".join(f"/{c.name}" for c in commands.COMMANDS if c.name not in _NEEDS_SCREEN)


class PlainChat:
    """Reads questions and commands from `source`, one a line. `out` may have any encoding."""

    def __init__(
        self,
        history: History,
        make_worker: MakeWorker,
        source: TextIO,
        out: TextIO,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """`options`: as /set sets them."""
        self._updates: queue.SimpleQueue[Update] = queue.SimpleQueue()
        recorder = AnswerRecorder(history, self._updates.put)
        self._engine = Engine(make_worker, recorder.report)
        self._dialogue = Dialogue(history, recorder, self._engine.submit)
        self._dialogue.options.update(options or {})
        self._source, self._out = source, out
        self._painter: Painter | None = None
        self._status = Status(out, in_place=False)
        self.has_ended = True
        """False: the models' thread is still loading a model, which cannot be interrupted."""

    def run(self, team: str | None, conversation: str | None) -> None:
        """Until /quit, the end of `source`, or ctrl-C at a prompt. Raises `BadOption` if `out` fails."""
        self._engine.start()
        try:
            self._engine.submit(Load(team))
            self._wait_for_team()
            if conversation is not None:
                self._dialogue.open(conversation)
                self._say(f"continuing: {self._dialogue.conversation.title}")  # type: ignore[union-attr]
            self._talk()
        except BrokenPipeError:
            raise  # the reader went away, as in `| head`
        except OSError as error:
            raise BadOption(f"cannot write to standard output: {error.strerror}") from error
        finally:
            self.has_ended = self._engine.close()

    def _talk(self) -> None:
        try:
            self._prompt()
            while (line := self._line()) and self._take(line.rstrip("\n")):
                self._prompt()
        except KeyboardInterrupt:
            self._say("")
        except UnicodeDecodeError as error:
            raise BadOption(
                f"standard input is not {error.encoding} text: {error.reason}"
            ) from error

    def _line(self) -> str:
        """Empty at the end. Raises `BadOption` for one that does not end, as that of /dev/zero."""
        line = self._source.readline(_MOST_CHARS + 1)
        if len(line) > _MOST_CHARS:
            raise BadOption(
                f"standard input holds a line of more than {_MOST_CHARS} characters: give a shorter one"
            )
        return line

    def _take(self, text: str) -> bool:
        """False: quit."""
        line = commands.parse(text)
        try:
            if line is not None and line.command == "quit":
                return False
            if line is not None:
                self._run(line)
            elif text.strip():
                self._dialogue.ask(commands.question_of(text))
                self._show_answer()
        except LocalcollabError as error:
            self._say(f"error: {named_for_chat(str(error))}")
        return True

    def _run(self, line: commands.Line) -> None:
        dialogue = self._dialogue
        match line.command:
            case "help":
                self._say(f"type a question, or a command: {_KNOWN}")
            case "team" | "threshold" | "gate":
                self._set_team_or_gate(line)
            case "set":
                self._set(line.argument)
            case "regen":
                dialogue.regenerate()
                self._show_answer()
            case "more":
                dialogue.more()
                self._show_answer()
            case "edit":
                self._edit(line.argument)
            case "undo":
                self._say(f"taken back: {dialogue.undo()}")
            case "fork":
                self._say(
                    f"you are now in {dialogue.fork().title!r}; the old conversation is unchanged"
                )
            case "clear":
                dialogue.start_new(keep_system=True)
                self._say("new conversation")
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
            case "attach":
                self._attach(line.argument)
            case "sources":
                self._say("\n".join(self._sources()))
            case "why":
                self._say("\n".join(self._why()))
            case "stats":
                self._say("\n".join(conversation_stats(dialogue.branch)))
            case _:
                self._say(line.problem or f"/{line.command} needs the full screen; here: {_KNOWN}")

    def _edit(self, text: str) -> None:
        """Without a screen there is no field to edit the question in."""
        question = self._dialogue.last_question
        if question is None:
            raise BadOption("there is no question yet")
        if not text:
            self._say(f"the last question: {question.text}")
            self._say("/edit TEXT replaces it; the old branch stays")
            return
        self._dialogue.edit(question.id, text)
        self._show_answer()

    def _export(self, name: str) -> None:
        self._say(f"written: {export(self._dialogue, Path(name) if name else None)}")

    def _show_prompt(self) -> None:
        answer = self._dialogue.last_answer
        if answer is None:
            raise BadOption("there is no answer yet: ask a question first")
        question, _ = self._dialogue.asked_for(answer)
        self._engine.submit(ShowPrompt(self._dialogue.next_ticket(), question))
        while not isinstance(update := self._updates.get(), PromptShown):
            if isinstance(update, Failed):
                raise BadOption(update.why)
        self._say(f"the prompt as it was sent, {len(update.pieces)} tokens:")
        self._say("".join(text for _, text in update.pieces))
        self._say(" ".join(f"{token}:{piece!r}" for token, piece in update.pieces))

    def _docs(self, argument: str) -> None:
        if argument:
            parsed = commands.parse_docs(argument)
            if isinstance(parsed, str):
                raise BadOption(parsed)
            self._use(UseDocs(*parsed))
        self._say(docs_line(self._dialogue.docs))

    def _attach(self, argument: str) -> None:
        if argument:
            files = commands.parse_attach(argument)
            if isinstance(files, str):
                raise BadOption(files)
            self._use(UseDocs(None, files=files))
        self._say(docs_line(self._dialogue.docs))

    def _use(self, job: UseDocs) -> None:
        self._engine.submit(job)
        while not isinstance(update := self._updates.get(), DocsInUse):
            if isinstance(update, Failed):
                raise BadOption(update.why)
        self._dialogue.docs = update

    def _sources(self) -> tuple[str, ...]:
        answer = self._dialogue.last_answer
        notes = answer.outcome.notes if answer is not None and answer.outcome else ()
        return tuple(map(resolve, notes)) or ("this answer used no documents",)

    def _why(self) -> list[str]:
        answer = self._dialogue.last_answer
        if answer is None:
            raise BadOption("there is no answer yet: ask a question first")
        return why_lines(answer, self._dialogue.tokens(answer.id))

    def _set_team_or_gate(self, line: commands.Line) -> None:
        facts = self._dialogue.facts
        if facts is not None and not line.argument:
            self._say_team(facts)
            return
        if line.command == "team":
            self._dialogue.facts = None
            self._engine.submit(Load(line.argument or None))
        elif line.command == "gate":
            self._engine.submit(SetGate(gate=line.argument))
        else:
            value = commands.parse_threshold(line.argument)
            if isinstance(value, str):
                self._say(value)
                return
            self._engine.submit(SetGate(threshold=value))
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
            match self._updates.get():
                case Loading(text):
                    self._say(text)
                case Ready(facts):
                    self._dialogue.facts = facts
                    self._say_team(facts)
                    return
                case OpenFailed(why=why, still=still):
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
        size = f", context of {facts.n_ctx} tokens" if facts.n_ctx else ""
        self._say(f"team {facts.name}: {', '.join(facts.members)}{gate}{size}")
        for note in facts.notes:
            self._say(note)

    def _show_answer(self) -> None:
        while self._dialogue.pending is not None:
            try:
                self._show(self._updates.get())
            except KeyboardInterrupt:
                self._engine.stop()

    def _show(self, update: Update) -> None:
        match update:
            case Loading(text):
                self._say(text)
            case Began():
                self._dialogue.begin(update.facts)
                self._painter = Painter(
                    self._out, list(update.facts.members), colour=False, marks=True
                )
                self._status = Status(self._out, in_place=False)
            case Streamed(event=Progress(done, total)):
                self._status.show(Counted("reading the prompt", done, total, "tokens"))
            case Streamed(event=Token() as token):
                assert self._painter is not None
                self._painter.write(token)
            case Streamed(event=Retracted() as event):
                assert self._painter is not None
                self._painter.take_back(event)
                self._say(event.line)
            case Streamed(event=Answering(number, n, model)):
                self._say(f"{model} writes candidate {number} of {n}")
            case Streamed(event=Finished()):
                self._end()
            case Failed(why=why):
                self._dialogue.end()
                self._say(f"error: {why}")
            case TooLong():
                self._too_long(update)

    def _end(self) -> None:
        if self._painter is not None:
            self._painter.close()
        self._dialogue.end()
        answer = self._dialogue.last_answer
        if answer is None or answer.outcome is None:
            return
        tokens = self._dialogue.tokens(answer.id)
        for place in double_check(tokens, answer.outcome.unfamiliar):
            self._say(f"double-check: {place.words} ({place.why})")
        for note in answer.outcome.notes:
            self._say(resolve(note))
        self._say(figures_line(answer.outcome, self._dialogue.members))

    def _too_long(self, too_long: TooLong) -> None:
        reason = too_long.reason()
        if too_long.drop is not None:
            turns = "turn" if too_long.drop == 1 else f"{too_long.drop} turns"
            self._write(f"{reason}. Leave out the oldest {turns}? y or n: ")
            if self._line().strip().lower() in ("y", "yes"):
                self._dialogue.ask_shorter(too_long.drop)
                return
        else:
            self._say(f"{reason}: the question alone is too long")
        self._dialogue.withdraw()
        self._say("the question was taken back")

    def _prompt(self) -> None:
        self._write("you: ")

    def _say(self, text: str) -> None:
        self._write(visible(text) + "\n")

    def _write(self, text: str) -> None:
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()
