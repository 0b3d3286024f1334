"""The line at the bottom: what the models' thread does, the open team, the figures of the answer."""

from dataclasses import dataclass

from localcollab_tui.conversation.dialogue import Dialogue
from localcollab_tui.formatting.figures import Figures, context_used
from localcollab_tui.formatting.provenance import shares
from localcollab_tui.messages import TeamFacts


@dataclass(slots=True)
class StatusLine:
    dialogue: Dialogue
    activity: str = "starting"
    """What happens besides answering: a team is loaded, candidates are ranked. Empty: nothing."""
    figures: Figures | None = None
    """Of the answer that is being written."""

    def text(self, width: int) -> str:
        """In a narrow terminal the experts are shown by their marks alone."""
        line = self._line(short=False)
        return line if len(line) <= width else self._line(short=True)

    def _line(self, *, short: bool) -> str:
        facts = self.dialogue.facts
        incognito = "incognito · " if self.dialogue.history.is_incognito else ""
        if facts is None or self.activity:
            return f" {incognito}{self.activity}"
        parts = [facts.name, self.dialogue.docs.label]
        if facts.threshold is not None:
            parts.append(f"{facts.gate} > {facts.threshold:g}")
        if self.dialogue.pending is None:
            parts += self._last_answer(facts, short=short)
        elif self.figures is None:
            parts.append("waiting for the model")
        else:
            parts.append(self.figures.line(facts.n_ctx, facts.members, short=short))
        return f" {incognito}{' · '.join(part for part in parts if part)}"

    def _last_answer(self, facts: TeamFacts, *, short: bool) -> list[str]:
        answer = self.dialogue.last_answer
        if answer is None or answer.outcome is None:
            return [f"ready · context {facts.n_ctx}" if facts.n_ctx else "ready"]
        used = answer.outcome.n_prompt + answer.outcome.n_tokens
        share = shares(answer.outcome.authors, facts.members, short=short)
        return [context_used(used, facts.n_ctx), share]
