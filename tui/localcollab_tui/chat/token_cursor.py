"""The token cursor: what is known of the token at once, the members' own predictions a moment later."""

from localcollab.errors import LocalcollabError
from localcollab_tui.chat.view import ChatView
from localcollab_tui.formatting.provenance import double_check
from localcollab_tui.messages import Inspect, Inspected
from localcollab_tui.parameters import named_for_chat
from localcollab_tui.widgets.messages import AnswerView

_SECONDS_BEFORE_ASKING = 0.15
"""A cursor that moves on asks nobody."""
_OTHER_TEAM = "written by another team: open that team (/team) to see what its members predict here"


class TokenCursor:
    def __init__(self, view: ChatView) -> None:
        self._view = view
        self._ticket: int | None = None
        self._place = 0, 0

    def point(self, answer: AnswerView, at: int) -> None:
        trace, outcome = self._view.trace, answer.message.outcome
        places = double_check(answer.tokens, outcome.unfamiliar if outcome else ())
        trace.show_token(answer.tokens[at], at, len(answer.tokens), answer.members)
        trace.show_places(places, at)
        self._place = place = (answer.message.id, at)
        self._view.set_timer(_SECONDS_BEFORE_ASKING, lambda: self._ask(answer, place))

    def show(self, update: Inspected) -> None:
        if update.ticket == self._ticket:
            self._view.trace.show_predictions(update.predictions, self._view.dialogue.members)

    def show_failure(self, ticket: int, why: str) -> bool:
        """False: another job failed."""
        if ticket != self._ticket:
            return False
        self._view.trace.show_problem(why)
        return True

    def _ask(self, answer: AnswerView, place: tuple[int, int]) -> None:
        dialogue = self._view.dialogue
        if place != self._place or dialogue.pending is not None or dialogue.facts is None:
            return
        provenance = answer.message.provenance
        if provenance is None or provenance.vocabulary != dialogue.facts.vocabulary:
            self._view.trace.show_problem(_OTHER_TEAM)
            return
        try:
            question, ids = dialogue.asked_for(answer.message)
        except LocalcollabError as error:
            self._view.trace.show_problem(named_for_chat(str(error)))
            return
        self._ticket = dialogue.next_ticket()
        self._view.engine.submit(Inspect(self._ticket, question, ids, place[1]))
