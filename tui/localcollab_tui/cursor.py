"""What happens when the token cursor moves: the details at once, the others' opinions a moment later."""

from typing import TYPE_CHECKING

from localcollab.errors import LocalcollabError
from localcollab_tui.jobs import Look, Looked
from localcollab_tui.provenance import double_check
from localcollab_tui.widgets.messages import AnswerView

if TYPE_CHECKING:
    from localcollab_tui.screen import ChatScreen

_SECONDS_BEFORE_ASKING = 0.15
"""A cursor that runs on asks nobody."""
_STRANGER = "written by another team: open it (/team) to ask its members"


class Looking:
    def __init__(self, screen: "ChatScreen") -> None:
        self._screen = screen
        self._ticket: int | None = None
        self._place = 0, 0

    def point(self, view: AnswerView, at: int) -> None:
        trace, outcome = self._screen.trace, view.message.outcome
        places = double_check(view.tokens, outcome.unfamiliar if outcome else ())
        trace.show_token(view.tokens[at], at, len(view.tokens), view.members)
        trace.show_places(places, at)
        self._place = place = (view.message.id, at)
        self._screen.set_timer(_SECONDS_BEFORE_ASKING, lambda: self._ask(view, place))

    def hear(self, said: Looked) -> None:
        if said.ticket == self._ticket:
            self._screen.trace.show_opinions(said.opinions, self._screen.dialogue.members)

    def failed(self, ticket: int, why: str) -> bool:
        """Whether the failed job was ours."""
        if ticket != self._ticket:
            return False
        self._screen.trace.show_problem(why)
        return True

    def _ask(self, view: AnswerView, place: tuple[int, int]) -> None:
        dialogue = self._screen.dialogue
        if place != self._place or dialogue.pending is not None or dialogue.facts is None:
            return
        provenance = view.message.provenance
        if provenance is None or provenance.vocabulary != dialogue.facts.vocabulary:
            self._screen.trace.show_problem(_STRANGER)
            return
        try:
            question, ids = dialogue.asked_for(view.message)
        except LocalcollabError as error:
            self._screen.trace.show_problem(str(error))
            return
        self._ticket = dialogue.next_ticket()
        self._screen.engine.submit(Look(self._ticket, question, ids, place[1]))
