"""The Textual app: one chat screen, the models' thread, the user's theme and keys."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import App, ScreenStackError, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import Screen
from textual.widget import MountError

from localcollab.history import History
from localcollab_tui import commands, garbage
from localcollab_tui.dialogue import Dialogue
from localcollab_tui.engine import Engine
from localcollab_tui.jobs import Load, Said
from localcollab_tui.mailbox import Mailbox
from localcollab_tui.screen import ChatScreen
from localcollab_tui.scribe import Scribe
from localcollab_tui.settings import DEFAULT_THEME, Settings, save_theme, settings_path
from localcollab_tui.widgets.messages import import_markdown

_FRAME = 1 / 30
MakeEngine = Callable[[Callable[[Said], None]], Engine]


@dataclass(frozen=True, slots=True)
class Start:
    """How the app begins."""

    team: str | None = None
    conversation: str | None = None
    catalogs: tuple[Path, ...] = ()
    teams: Callable[[], tuple[str, ...]] = tuple
    settings: Settings = Settings()  # noqa: RUF009  # frozen


class ChatApp(App[None]):
    TITLE = "localcollab"
    CSS_PATH = "chat.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True),
        Binding("ctrl+c", "help_quit", "Quit", id="app.interrupt", show=False, system=True),
    ]

    @dataclass
    class MailCame(Message):
        """The models' thread said something."""

    def __init__(self, history: History, make_engine: MakeEngine, start: Start) -> None:
        super().__init__()
        self._start = start
        self._mailbox = Mailbox(lambda: self.post_message(self.MailCame()))
        scribe = Scribe(history, self._mailbox.put)
        self.engine = make_engine(scribe.say)
        self.dialogue = Dialogue(history, scribe, self.engine.submit)
        self.chat = ChatScreen(self.dialogue, self.engine, start.teams, start.catalogs)
        self._is_waiting = False
        self._thresholds: tuple[int, int, int] | None = None

    def get_default_screen(self) -> Screen[None]:
        return self.chat

    def on_mount(self) -> None:
        if self._start.settings.theme in self.available_themes:
            self.theme = str(self._start.settings.theme)
        elif self._start.settings.theme:
            self.notify(f"no theme is named {self._start.settings.theme!r}", markup=False)
        self.set_keymap(self._start.settings.keys)
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))
        # Before the first key: a question that is typed at once waits for the team.
        self.engine.submit(Load(self._start.team))
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """After the first frame: numpy and llama.cpp are imported in the models' thread."""
        self._thresholds = garbage.resume()
        self.engine.start()
        self._check_keys()
        # Before the first answer needs it: the import would hold up keys for 50 ms.
        self.run_worker(import_markdown, thread=True)
        if self._start.conversation is not None:
            await self.chat.open_conversation(self._start.conversation, None)

    def _check_keys(self) -> None:
        if self._start.settings.keys:
            from localcollab_tui.keys import known_ids, problems

            for problem in problems(self._start.settings.keys, known_ids(ChatApp)):
                self.notify(problem, title=str(settings_path()), severity="warning", timeout=20,
                            markup=False)  # fmt: skip

    def on_unmount(self) -> None:
        if self._thresholds is not None:
            garbage.end(self._thresholds)

    def on_chat_app_mail_came(self) -> None:
        """The first word is shown at once, then at most 30 frames a second."""
        if not self._is_waiting:
            self._is_waiting = True
            self.set_timer(_FRAME, self._take_mail)

    async def _take_mail(self) -> None:
        from localcollab_tui.screens.compare import CompareScreen

        self._is_waiting = False
        mail = self._mailbox.take()
        try:
            await self.chat.hearing.hear(mail)
            if isinstance(self.screen, CompareScreen):
                await self.screen.hear(mail)
        except (NoMatches, MountError, ScreenStackError):
            # The user left while this was shown: what was said is stored already.
            if self.chat.is_attached and self.is_running and not self._exit:
                raise

    def _keep_theme(self, name: str) -> None:
        if name == (self._start.settings.theme or DEFAULT_THEME):
            return
        try:
            save_theme(settings_path(), name)
        except OSError as error:
            self.notify(f"the theme could not be kept: {error}", severity="warning", markup=False)

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
        """Let the models go. False: one is still being loaded."""
        return self.engine.close()
