"""All conversations: open, rename, pin, delete."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from localcollab.errors import LocalcollabError
from localcollab.history import Conversation, History
from localcollab.terminal.visible_text import visible

PAGE = 200
"""Conversations in the list; typing filters all of them by title."""
Chosen = tuple[str, int | None]


class SessionsScreen(ModalScreen[Chosen | None]):
    DEFAULT_CSS = """
    SessionsScreen {
        align: center middle;
        Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
        OptionList { height: 1fr; border: none; text-wrap: nowrap; text-overflow: ellipsis; }
        Input { margin: 0 1 1 1; }
        .keys { color: $text-muted; height: 1; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", priority=True),
        Binding("f3", "rename", "Rename", id="sessions.rename", priority=True),
        Binding("f4", "pin", "Pin", id="sessions.pin", priority=True),
        Binding("f8", "delete", "Delete", id="sessions.delete", priority=True),
        Binding("down", "cursor(1)", show=False, priority=True),
        Binding("up", "cursor(-1)", show=False, priority=True),
    ]

    def __init__(self, history: History, delete: Callable[[str], None]) -> None:
        """`delete`: deletes a conversation, or raises."""
        super().__init__()
        self._history, self._delete_conversation = history, delete
        self._listed: list[Conversation] = []
        self._renaming: Conversation | None = None
        self._deleting: str | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = "conversations"
            yield Input(placeholder="type to filter by title", compact=True)
            yield OptionList(markup=False)
            yield Static(
                "Enter opens · F3 renames · F4 pins · F8 deletes · Esc closes", classes="keys"
            )

    def on_mount(self) -> None:
        self._list()
        self.query_one(Input).focus()

    def _list(self) -> None:
        wanted = "" if self._renaming else self.query_one(Input).value.casefold()
        found = self._history.conversations(limit=-1 if wanted else PAGE)
        self._listed = [c for c in found if wanted in c.title.casefold()][:PAGE]
        options = self.query_one(OptionList)
        at = options.highlighted
        options.set_options([Option(_line(conversation)) for conversation in self._listed])
        if self._listed:
            options.highlighted = min(at or 0, len(self._listed) - 1)

    @on(Input.Changed)
    def narrow(self) -> None:
        if self._renaming is None:
            self._list()

    @on(Input.Submitted)
    def enter(self, event: Input.Submitted) -> None:
        if self._renaming is not None:
            self._change(partial(self._history.rename, self._renaming.id, event.value))
            self._stop_renaming()
        elif (chosen := self._highlighted()) is not None:
            self.dismiss((chosen.id, None))

    @on(OptionList.OptionSelected)
    def open(self, event: OptionList.OptionSelected) -> None:
        self.dismiss((self._listed[event.option_index].id, None))

    def action_cursor(self, step: int) -> None:
        options = self.query_one(OptionList)
        (options.action_cursor_down if step > 0 else options.action_cursor_up)()
        self._deleting = None

    def action_rename(self) -> None:
        self._renaming = self._highlighted()
        if self._renaming is not None:
            field = self.query_one(Input)
            field.value, field.placeholder = self._renaming.title, "new title"

    def action_pin(self) -> None:
        chosen = self._highlighted()
        if chosen is not None:
            self._change(partial(self._history.pin, chosen.id, not chosen.pinned))

    def action_delete(self) -> None:
        """The second press deletes; the first asks."""
        chosen = self._highlighted()
        if chosen is None:
            return
        if self._deleting != chosen.id:
            self._deleting = chosen.id
            title = visible(chosen.title)
            self.notify(
                f"press F8 again to delete {title!r} permanently", severity="warning", markup=False
            )
            return
        self._change(partial(self._delete_conversation, chosen.id))

    def _change(self, change: Callable[[], None]) -> None:
        try:
            change()
        except LocalcollabError as error:
            self.notify(visible(str(error)), severity="error", markup=False)
        self._list()

    def action_leave(self) -> None:
        if self._renaming is not None:
            self._stop_renaming()
        else:
            self.dismiss(None)

    def _stop_renaming(self) -> None:
        field = self.query_one(Input)
        self._renaming = None
        field.value, field.placeholder = "", "type to filter by title"
        self._list()

    def _highlighted(self) -> Conversation | None:
        at = self.query_one(OptionList).highlighted
        return None if at is None or at >= len(self._listed) else self._listed[at]


def _line(conversation: Conversation) -> Content:
    pin = "★ " if conversation.pinned else "  "
    when = conversation.updated.astimezone().strftime("%Y-%m-%d %H:%M")
    about = f"  {conversation.n_messages} messages, {conversation.team}"
    title = visible(conversation.title).replace("\n", " ")[:60] or "(no title)"
    return Content("").join(
        [
            Content(f"{pin}{when}  "),
            Content.styled(title, "bold"),
            Content.styled(visible(about), "dim"),
        ]
    )
