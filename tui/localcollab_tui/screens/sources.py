"""The sources of an answer: the passages that were sent, and the words that support each statement."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from localcollab.documents.answer.events import Checked, SentPassage, Sources
from localcollab.documents.answer.format import claim_lines, place
from localcollab.terminal.visible_text import visible

_STYLES = {"supported": "bold reverse", "weak": "underline"}


class SourcesScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    SourcesScreen {
        align: center middle;
        Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
        OptionList { height: auto; max-height: 40%; border: none; }
        VerticalScroll { padding: 0 1; border-top: solid $primary; }
        #verdicts { height: auto; max-height: 30%; padding: 0 1; color: $text-muted; }
        #passage { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Close")]

    def __init__(self, sources: Sources, checked: Checked | None) -> None:
        super().__init__()
        self._sources, self._checked = sources, checked

    def compose(self) -> ComposeResult:
        passages = self._sources.passages
        verdicts = [] if self._checked is None else claim_lines(self._checked, self._sources)
        with Vertical() as frame:
            frame.border_title = f"sources from {visible(self._sources.collection)}"
            frame.border_subtitle = "up and down select · Esc closes"
            yield OptionList(*(Option(f"[{p.number}] {place(p)}") for p in passages), markup=False)
            shown = "\n".join(verdicts) or _without_verdicts(self._sources, self._checked)
            yield Static(shown, id="verdicts", markup=False)
            with VerticalScroll():
                yield Static(id="passage", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    @on(OptionList.OptionHighlighted)
    def show(self, event: OptionList.OptionHighlighted) -> None:
        passage = self._sources.passages[event.option_index]
        self.query_one("#passage", Static).update(marked(passage, self._checked))


def _without_verdicts(sources: Sources, checked: Checked | None) -> str:
    if not sources.passages:
        return "no passage was found"
    if checked is None:
        return "no answer was shown, so there is nothing to check against the passages"
    return "the answer makes no statement to check against the passages"


def marked(passage: SentPassage, checked: Checked | None) -> Content:
    """The passage, its supporting words highlighted. `visible` keeps every position."""
    content = Content(visible(passage.text))
    for claim in checked.claims if checked is not None else ():
        for citation in claim.citations:
            if citation.number == passage.number and citation.quote is not None:
                content = content.stylize(_STYLES[citation.support], *citation.quote)
    return content
