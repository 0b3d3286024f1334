"""While a line is typed: how a command is completed, and what a threshold or a gate would change."""

from typing import TYPE_CHECKING

from textual.widgets import OptionList
from textual.widgets.option_list import Option

from localcollab.errors import LocalcollabError
from localcollab_tui import commands
from localcollab_tui.dialogue import Dialogue
from localcollab_tui.jobs import Preview, Previewed
from localcollab_tui.preview import percent, preview, threshold_bar

if TYPE_CHECKING:
    from localcollab_tui.screen import ChatScreen

_PREVIEW_WIDTH = 40
_TAKE_TEAMS = ("/team ", "/compare ")
EDITING = "editing the last question: Enter asks it beside the old one, Esc leaves"


class Hints:
    def __init__(self, screen: "ChatScreen") -> None:
        self._screen = screen
        self._asked, self._previewed = (0, ""), (0, "")
        self._line = ""

    def typed(self, text: str) -> None:
        try:
            teams = self._screen.teams() if text.startswith(_TAKE_TEAMS) else ()
        except LocalcollabError as error:
            self._screen.hint(str(error))
            return
        found = commands.completions(text, teams)
        options = self._screen.query_one("#completions", OptionList)
        if found or options.display:
            self._offer(options, text, found)
        self._screen.hint(self._hint(text))

    def _offer(self, options: OptionList, text: str, found: list[tuple[str, str]]) -> None:
        options.set_options([Option(f"{line}  {about}", id=line) for line, about in found])
        options.display = bool(found) and text != found[0][0]
        if found:
            options.highlighted = 0

    def complete(self) -> None:
        options = self._screen.query_one("#completions", OptionList)
        if options.display and options.highlighted is not None:
            self._screen.composer.put(str(options.get_option_at_index(options.highlighted).id))

    def _hint(self, text: str) -> str:
        """The live preview while a threshold or a gate is typed."""
        name, _, argument = text.partition(" ")
        if name == "/threshold" and argument:
            value = commands.parse_threshold(argument)
            if isinstance(value, str):
                return value
            along, before = last_p_defer(self._screen.dialogue)
            line = preview(along, value, n_before=before).line()
            return f"{line}\n0 {threshold_bar(along, value, _PREVIEW_WIDTH)} 1"
        if name == "/gate" and argument in commands.GATES:
            return self._gate_hint(argument)
        if self._screen.runner.editing is not None:
            return EDITING
        return ""

    def _gate_hint(self, gate: str) -> str:
        dialogue = self._screen.dialogue
        answer = dialogue.last_answer
        if answer is None or dialogue.pending is not None:
            return ""
        if self._previewed == (answer.id, gate):
            return self._line
        question, ids = dialogue.asked_for(answer)
        if ids and self._asked != (answer.id, gate):
            self._asked = (answer.id, gate)
            self._screen.engine.submit(Preview(dialogue.next_ticket(), question, ids, gate))
        return f"gate {gate}: asking the base …"

    def show_gate_preview(self, said: Previewed) -> None:
        facts = self._screen.dialogue.facts
        threshold = facts.threshold if facts and facts.threshold is not None else 0.5
        n = sum(p > threshold for p in said.p_defer)
        share = percent(n, len(said.p_defer))
        line = f"gate {said.gate} · on the last answer {n} of {len(said.p_defer)} tokens ({share})"
        self._line = f"{line} would be deferred at threshold {threshold:g}"
        self._previewed, self._asked = self._asked, (0, "")
        self.typed(self._screen.composer.text)


def last_p_defer(dialogue: Dialogue) -> tuple[list[float | None], int]:
    """Along the last answer, and how many of its tokens an expert wrote."""
    answer = dialogue.last_answer
    if answer is None:
        return [], 0
    tokens = dialogue.tokens(answer.id)
    base = next(iter(answer.provenance.members), "base") if answer.provenance else "base"
    known = [token for token in tokens if token.p_defer is not None]
    return [token.p_defer for token in tokens], sum(token.author != base for token in known)
