"""The field where questions are typed: Enter sends, Ctrl+J adds a line, large pastes become one word."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from localcollab.terminal.visible_text import visible

_LARGE = 2_000
"""A longer paste is kept aside instead of being laid out."""


class Composer(TextArea):
    DEFAULT_CSS = """
    Composer {
        height: auto;
        min-height: 3;
        max-height: 10;
        border: round $primary 50%;
        padding: 0 1;
        background: transparent;
        &:focus { border: round $primary; }
        .text-area--cursor-line { background: transparent; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="composer.send"),
        Binding("shift+enter,ctrl+j", "newline", "New line", id="composer.newline"),
        Binding("tab", "complete", "Complete", id="composer.complete", show=False),
    ]

    @dataclass
    class Sent(Message):
        text: str

    @dataclass
    class CompletionWanted(Message):
        pass

    def __init__(self) -> None:
        super().__init__(
            id="composer", compact=False, highlight_cursor_line=False,
            placeholder="Ask a question. Enter sends, Ctrl+J adds a line, / shows commands, F1 help",
        )  # fmt: skip
        self._pasted: dict[str, str] = {}
        self._sent: list[str] = []
        self._recalled = 0

    def action_send(self) -> None:
        """Clears the field at once: what is typed behind is another text."""
        text = self.text
        for name, pasted in self._pasted.items():
            text = text.replace(name, pasted)
        if text.strip():
            self._sent.append(text)
            self._recalled = 0
            self.take()
            self.post_message(self.Sent(text))

    def action_newline(self) -> None:
        self.insert("\n")

    def action_complete(self) -> None:
        self.post_message(self.CompletionWanted())

    def take(self) -> None:
        """Clear the field."""
        self._pasted.clear()
        self.clear()

    def give_back(self, text: str) -> None:
        """A text that was refused, to be changed; the up key brings it, where another stands there."""
        if not self.text:
            self.put(text)

    def put(self, text: str) -> None:
        """A text to change and send."""
        self._pasted.clear()
        self.clear()
        self._add(text)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self._add(event.text)

    def _add(self, text: str) -> None:
        # Terminals send the line ends of a paste as carriage returns.
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        shown = visible(lines)
        n_controls = sum(a != b for a, b in zip(lines, shown, strict=False))
        if n_controls:
            self.notify(f"{n_controls} control characters are shown and sent as symbols")
        if len(shown) <= _LARGE:
            self.insert(shown)
            return
        name = f"[pasted {len(self._pasted) + 1}: {len(shown):,} characters]"
        self._pasted[name] = shown
        self.insert(name)

    async def _on_key(self, event: events.Key) -> None:
        """Our keys keep their order among typed characters: a priority binding would overtake them."""
        bound = self.screen.active_bindings.get(event.key)
        if bound is not None and bound.node is self and _is_ours(bound.binding):
            await self.run_action(bound.binding.action)
        elif event.key == "up" and self._may_recall(-1):
            self._recall(-1)
        elif event.key == "down" and self._recalled and self._may_recall(1):
            self._recall(1)
        else:
            await super()._on_key(event)
            return
        event.prevent_default()
        event.stop()

    def _may_recall(self, step: int) -> bool:
        """On the first or last line, and only where nothing typed would be lost."""
        edge = 0 if step < 0 else self.document.line_count - 1
        return self.cursor_location[0] == edge and (not self.text or bool(self._recalled))

    def _recall(self, step: int) -> None:
        n = min(max(self._recalled - step, 0), len(self._sent))
        if n == self._recalled:
            return
        self._recalled = n
        recalled = self._sent[-n] if n else ""
        self.put(recalled)


def _is_ours(binding: Binding) -> bool:
    return (binding.id or "").startswith("composer.")
