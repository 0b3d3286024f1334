"""A text to read: help, figures, the exact prompt, an unexpected error."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from localcollab.terminal.visible_text import visible
from localcollab_tui.conversation.commands import COMMANDS

_MOST = 60_000
"""Characters that are shown; layout of more takes seconds."""


class TextScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    TextScreen {
        align: center middle;
        Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
        VerticalScroll { padding: 0 1; }
        Static { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("c", "copy", "Copy"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        shown = self._text[:_MOST]
        if len(self._text) > _MOST:
            shown += f"\n… and {len(self._text) - _MOST:,} more characters"
        with Vertical() as frame:
            frame.border_title = self._title
            frame.border_subtitle = "c copies · Esc closes"
            with VerticalScroll():
                yield Static(Content(visible(shown)), markup=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        self.notify(f"copied {len(self._text):,} characters (the terminal must allow OSC 52)")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()


def help_text(screen: Screen[Any]) -> str:
    """The keys as they are bound now, their names in chat.toml, and the commands."""
    rows: dict[tuple[str, str], list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.show and (binding.id or "").startswith(("chat.", "composer.", "app.")):
            row = rows.setdefault((binding.description, binding.id or ""), [])
            row.append(screen.app.get_key_display(binding))
    keys = [f"  {', '.join(bound):<18} {about:<16} {name}" for (about, name), bound in rows.items()]
    usage = [f"  {command.usage:<22} {command.about}" for command in COMMANDS]
    tokens = [
        "  left, right    previous, next token",
        "  n, N           next, previous place to double-check",
        "  home, end      first, last token",
    ]
    lines = [
        "KEYS (on the right: the name in chat.toml)",
        *keys,
        "",
        "IN AN ANSWER, AFTER F2",
        *tokens,
        "",
        "COMMANDS",
        *usage,
    ]
    return "\n".join(lines)
