"""While a line is typed: completions of a command, and a preview of another threshold or gate."""

from localcollab.errors import LocalcollabError
from localcollab_tui.chat.view import EDITING, ChatView
from localcollab_tui.conversation import commands
from localcollab_tui.formatting.threshold_preview import percent, preview, threshold_bar
from localcollab_tui.messages import Preview, Previewed
from localcollab_tui.parameters import named_for_chat

_PREVIEW_WIDTH = 40
_TAKE_TEAMS = ("/team ", "/compare ")


class TypingHints:
    def __init__(self, view: ChatView) -> None:
        self._view = view
        self._asked, self._previewed = (0, ""), (0, "")
        self._line = ""

    def typed(self, text: str) -> None:
        try:
            teams = self._view.teams() if text.startswith(_TAKE_TEAMS) else ()
        except LocalcollabError as error:
            self._view.hint(named_for_chat(str(error)))
            return
        found = commands.completions(text, teams)
        if found or self._view.completions.display:
            self._view.offer(found, is_shown=bool(found) and text != found[0][0])
        self._view.hint(self._hint(text))

    def complete(self) -> None:
        options = self._view.completions
        if options.display and options.highlighted is not None:
            self._view.composer.put(str(options.get_option_at_index(options.highlighted).id))

    def _hint(self, text: str) -> str:
        name, _, argument = text.partition(" ")
        if name == "/threshold" and argument:
            return self._threshold_hint(argument)
        if name == "/gate" and argument in commands.GATES:
            return self._gate_hint(argument)
        return EDITING if self._view.dialogue.editing is not None else ""

    def _threshold_hint(self, argument: str) -> str:
        value = commands.parse_threshold(argument)
        if isinstance(value, str):
            return value
        p_defer, n_before = self._view.dialogue.deferrals()
        line = preview(p_defer, value, n_before=n_before).line()
        return f"{line}\n0 {threshold_bar(p_defer, value, _PREVIEW_WIDTH)} 1"

    def _gate_hint(self, gate: str) -> str:
        dialogue = self._view.dialogue
        answer = dialogue.last_answer
        if answer is None or dialogue.pending is not None:
            return ""
        if self._previewed == (answer.id, gate):
            return self._line
        question, ids = dialogue.asked_for(answer)
        if ids and self._asked != (answer.id, gate):
            self._asked = (answer.id, gate)
            self._view.engine.submit(Preview(dialogue.next_ticket(), question, ids, gate))
        return f"gate {gate}: computing p_defer on the last answer …"

    def show_gate_preview(self, update: Previewed) -> None:
        facts = self._view.dialogue.facts
        threshold = facts.threshold if facts and facts.threshold is not None else 0.5
        n, total = sum(p > threshold for p in update.p_defer), len(update.p_defer)
        line = (
            f"gate {update.gate} · on the last answer {n} of {total} tokens ({percent(n, total)})"
        )
        self._line = f"{line} would be deferred at threshold {threshold:g}"
        self._previewed, self._asked = self._asked, (0, "")
        self.typed(self._view.composer.text)
