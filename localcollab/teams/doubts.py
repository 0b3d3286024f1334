"""What an open team is doubted by, of itself; documents add more."""

from localcollab.decoding.second_thoughts import Doubts
from localcollab.decoding.triggers import disagreement, unfamiliar
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.familiarity import names_taken_over
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
    triggers = (
        disagreement(),
        unfamiliar(lambda answer: names_taken_over(question, answer), knows),
    )
    members = (model.base.name, *(expert.name for expert in model.experts))
    return Doubts(triggers, members, model.others, holds=holds)
