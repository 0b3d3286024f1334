"""The Textual app: one chat screen, the models' thread, the user's theme and keys."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from textual.app import App, ScreenStackError, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import Screen
from textual.widget import MountError

from localcollab.errors import LocalcollabError
from localcollab.history import History
from localcollab_tui import gc_control
from localcollab_tui.chat.screen import ChatScreen
from localcollab_tui.conversation import commands
from localcollab_tui.conversation.dialogue import Dialogue
from localcollab_tui.conversation.recorder import AnswerRecorder
from localcollab_tui.engine.thread import Engine, Mailbox
from localcollab_tui.messages import Load, Report
from localcollab_tui.settings import (
    DEFAULT_THEME,
    Settings,
    key_problems,
    save_theme,
    settings_path,
)
from localcollab_tui.widgets.composer import Composer
from localcollab_tui.widgets.messages import import_markdown

_FRAME = 1 / 30
MakeEngine = Callable[[Report], Engine]


@dataclass(frozen=True, slots=True)
class Start:
    """What the app starts with."""

    team: str | None = None
    conversation: str | None = None
    catalogs: tuple[Path, ...] | None = ()
    """None: `teams` are all there is, as a server offers them."""
    teams: Callable[[], tuple[str, ...]] = tuple
    choices: Callable[[], tuple[str, ...]] = tuple
    """What may answer where `team` is None; several are offered."""
    settings: Settings = Settings()  # noqa: RUF009  # frozen
    options: Mapping[str, str] = field(default_factory=dict)
    """As /set sets them."""
    draft: str = ""
    """Put into the composer."""
    problem: str = ""
    """A text that is shown first: what ended the app before this one."""


class ChatApp(App[None]):
    TITLE = "localcollab"
    CSS_PATH = Path(__file__).with_name("chat.tcss")  # also of a subclass elsewhere
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True),
        Binding("ctrl+c", "help_quit", "Quit", id="app.interrupt", show=False, system=True),
    ]

    @dataclass
    class Updated(Message):
        """The models' thread reported something."""

    def __init__(self, history: History, make_engine: MakeEngine, start: Start) -> None:
        super().__init__()
        self._start = start
        self._mailbox = Mailbox(lambda: self.post_message(self.Updated()))
        recorder = AnswerRecorder(history, self._mailbox.put)
        self.engine = make_engine(recorder.report)
        self.dialogue = Dialogue(history, recorder, self.engine.submit)
        self.dialogue.options.update(start.options)
        self.chat = ChatScreen(self.dialogue, self.engine, start.teams, start.catalogs)
        self._is_waiting = False
        self._thresholds: tuple[int, int, int] | None = None
        self.unexpected: Exception | None = None
        """What ended the app; None: the user did."""
        self._draft = ""

    def get_default_screen(self) -> Screen[None]:
        return self.chat

    def on_mount(self) -> None:
        if self._start.settings.theme in self.available_themes:
            self.theme = str(self._start.settings.theme)
        elif self._start.settings.theme:
            self.notify(f"there is no theme {self._start.settings.theme!r}", markup=False)
        self.set_keymap(self._start.settings.keys)
        self.theme_changed_signal.subscribe(self, lambda theme: self._save_theme(theme.name))
        # Before the first key: a question that is sent at once waits for the team.
        self.engine.submit(Load(self._start.team))
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """After the first frame: numpy and llama.cpp are imported in the models' thread."""
        self._thresholds = gc_control.resume()
        self.engine.start()
        self._check_keys()
        # Before the first answer: the import would delay keys by 50 ms.
        self.run_worker(import_markdown, thread=True)
        if self._start.conversation is not None:
            await self.chat.open_conversation(self._start.conversation, None)
        if self._start.draft:
            self.chat.composer.put(self._start.draft)
        if self._start.problem:
            self.chat.show_text("unexpected error", self._start.problem)
        if self._start.team is None and self._start.conversation is None:
            self.run_worker(self._offer_choices())

    async def _offer_choices(self) -> None:
        """Behind the question the default team is opened; Esc keeps it."""
        try:
            names = await asyncio.to_thread(self._start.choices)
        except LocalcollabError:  # opening says the same
            return
        if len(names) < 2:
            return
        from localcollab_tui.screens.choice import ChoiceScreen

        def chosen(index: int | None) -> None:
            if index is not None:
                self.dialogue.facts = None
                self.engine.submit(Load(names[index]))

        question = 'Which of them answers? (chat NAME, or default = "NAME" in models.toml)'
        self.push_screen(ChoiceScreen(question, names, range(len(names))), chosen)

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own traceback shows local variables, and with them what was said.
        self._return_code = 1
        if self._exception is None:
            self._exception = self.unexpected = error
            self._exception_event.set()
            # The widgets are gone when the app has ended.
            self._draft = next((composer.text for composer in self.chat.query(Composer)), "")
        self._close_messages_no_wait()

    def restart(self, start: Start) -> Start:
        """To continue where this app ended: its conversation, team and draft."""
        conversation, facts = self.dialogue.conversation, self.dialogue.facts
        return replace(
            start,
            team=facts.name if facts else start.team,
            conversation=conversation.id if conversation else None,
            draft=self._draft,
        )

    def _check_keys(self) -> None:
        if self._start.settings.keys:
            for problem in key_problems(self._start.settings.keys, binding_names()):
                self.notify(problem, title=str(settings_path()), severity="warning", timeout=20,
                            markup=False)  # fmt: skip

    def on_unmount(self) -> None:
        if self._thresholds is not None:
            gc_control.restore(self._thresholds)

    def on_chat_app_updated(self) -> None:
        """At most 30 frames a second."""
        if not self._is_waiting:
            self._is_waiting = True
            self.set_timer(_FRAME, self._show_updates)

    async def _show_updates(self) -> None:
        from localcollab_tui.screens.compare import CompareScreen

        self._is_waiting = False
        updates = self._mailbox.take()
        try:
            await self.chat.events.show(updates)
            if isinstance(self.screen, CompareScreen):
                await self.screen.show_updates(updates)
        except LocalcollabError as error:
            # Such as a conversation that another process deleted while its answer was written.
            self.chat.complain(str(error))
            await self.chat.show_branch()
        except (NoMatches, MountError, ScreenStackError):
            # The user left meanwhile: the updates are stored already.
            if self.chat.is_attached and self.is_running and not self._exit:
                raise

    def _save_theme(self, name: str) -> None:
        if name == (self._start.settings.theme or DEFAULT_THEME):
            return
        try:
            save_theme(settings_path(), name)
        except OSError as error:
            self.notify(f"cannot save the theme: {error}", severity="warning", markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        if screen is not self.chat:
            return
        for command in commands.COMMANDS:
            if command.name != "quit":
                yield SystemCommand(
                    f"/{command.name}", command.about, lambda name=command.name: self._run(name)
                )

    def _run(self, name: str) -> None:
        self.chat.run_worker(self.chat.action_run(name))

    def close(self) -> bool:
        """End the models' thread. False: it is still loading a model."""
        return self.engine.close()


def binding_names() -> set[str]:
    """Of all bindings of the app and its screens, as chat.toml gives them."""
    from localcollab_tui.screens.compare import CompareScreen
    from localcollab_tui.screens.sessions import SessionsScreen
    from localcollab_tui.screens.threshold import ThresholdScreen
    from localcollab_tui.widgets.tokens import TokensView

    nodes = (
        ChatApp,
        ChatScreen,
        Composer,
        TokensView,
        CompareScreen,
        SessionsScreen,
        ThresholdScreen,
    )
    bindings = [
        b for node in nodes for kind in node.__mro__ for b in vars(kind).get("BINDINGS", ())
    ]
    return {b.id for b in bindings if isinstance(b, Binding) and b.id}
