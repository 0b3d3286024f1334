"""A text to read: help, figures, the exact prompt."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from localcollab.terminal.visible_text import visible
from localcollab_tui.commands import COMMANDS

if TYPE_CHECKING:
    from localcollab_tui.screen import ChatScreen

_MOST = 60_000
"""Characters that are laid out."""


class TextScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    TextScreen {
        align: center middle;
        Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
        VerticalScroll { padding: 0 1; }
        Static { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        shown = self._text[:_MOST]
        if len(self._text) > _MOST:
            shown += f"\n… and {len(self._text) - _MOST:,} more characters"
        with Vertical() as frame:
            frame.border_title = self._title
            frame.border_subtitle = "Esc closes"
            with VerticalScroll():
                yield Static(Content(visible(shown)), markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()


def help_text(screen: "ChatScreen") -> str:
    """Keys as they are bound now, with the names by which chat.toml changes them; the commands."""
    rows: dict[tuple[str, str], list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.show and (binding.id or "").startswith(("chat.", "composer.", "app.")):
            row = rows.setdefault((binding.description, binding.id or ""), [])
            row.append(screen.app.get_key_display(binding))
    keys = [f"  {', '.join(bound):<18} {about:<16} {name}" for (about, name), bound in rows.items()]
    usage = [f"  {command.usage:<22} {command.about}" for command in COMMANDS]
    tokens = [
        "  left, right    the token before, after",
        "  n, N           the next, the previous place to double-check",
        "  home, end      the first, the last token",
    ]
    lines = [
        "KEYS, AND THEIR NAMES IN chat.toml",
        *keys,
        "",
        "IN AN ANSWER (F2)",
        *tokens,
        "",
        "COMMANDS",
        *usage,
    ]
    return "\n".join(lines)
