"""One question with a few answers to choose from."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from localcollab.terminal.visible_text import visible
from localcollab_tui.messages import TooLong


class ChoiceScreen(ModalScreen[int | None]):
    """Returns the value of the choice; None: Esc."""

    DEFAULT_CSS = """
    ChoiceScreen {
        align: center middle;
        Vertical {
            width: 70; max-width: 95%; height: auto; border: round $warning;
            background: $surface; padding: 1 2;
        }
        Static { height: auto; margin: 0 0 1 0; }
        OptionList { height: auto; border: none; &:focus { border: none; } }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]

    def __init__(self, question: str, choices: Sequence[str], values: Sequence[int | None]) -> None:
        super().__init__()
        self._question, self._choices, self._values = question, choices, values

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(visible(self._question), markup=False)
            yield OptionList(*(Option(choice) for choice in self._choices), markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._values[event.option_index])


def drop_choice(too_long: TooLong) -> ChoiceScreen:
    reason = too_long.reason()
    if too_long.drop is None:
        alone = "Even without earlier turns there is no room for an answer: shorten it."
        return ChoiceScreen(f"{reason}. {alone}", ["Change the question"], [None])
    turns = "turn" if too_long.drop == 1 else f"{too_long.drop} turns"
    choices = [
        f"Leave out the oldest {turns} (a note will say so)",
        "Cancel and change the question",
    ]
    return ChoiceScreen(f"{reason}. What now?", choices, [too_long.drop, None])
