"""What an open team is doubted by, of itself; documents add more."""

from collections.abc import Callable

from localcollab.decoding.second_thoughts import Doubts
from localcollab.decoding.triggers import Span, disagreement, learned, unfamiliar
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.familiarity import names_taken_over
from localcollab.methods.heads import Head
from localcollab.methods.right_spans import features
from localcollab.teams.opened import OpenTeam


def doubts_of(team: OpenTeam, question: str, *, holds: bool = False) -> Doubts | None:
    """None without second thoughts. Loops alone where no member writes by itself. `holds`: nothing that
    was yielded is taken back."""
    if not team.settings.second_thoughts:
        return None
    model = team.model
    if not isinstance(model, DeferralTeam) or model.compose:
        return Doubts(holds=holds)
    knows = {name: speller.knows for name, speller in team.spellers.items()}
    triggers = [
        disagreement(),
        unfamiliar(lambda answer: names_taken_over(question, answer), knows),
    ]
    p_right = None if team.head is None else p_right_of(team.head)
    if team.head is not None and p_right is not None:
        triggers.append(learned(p_right, team.head.metadata.least_right))
    members = (model.base.name, *(expert.name for expert in model.experts))
    return Doubts(tuple(triggers), members, model.others, p_right=p_right, holds=holds)


def p_right_of(head: Head) -> Callable[[Span], float | None] | None:
    """None of a head without the second output."""
    if not head.judges_spans:
        return None

    def p_right(span: Span) -> float | None:
        seen = features(span)
        return None if seen is None else head.p_right(seen)

    return p_right
