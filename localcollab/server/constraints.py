"""What a request allows its answer to be: a grammar, a schema, a call of a tool."""

from dataclasses import replace

from localcollab.server.bodies import Generating
from localcollab.server.tools import Tools
from localcollab.server.writing import Ask
from localcollab.teams.open import OpenTeam


def constrained(
    team: OpenTeam, ask: Ask, body: Generating, tools: Tools | None = None, *, question: str = ""
) -> Ask:
    return replace(ask, question=question)
