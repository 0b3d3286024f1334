"""`localcollab run` for a blend: candidates and their ranking on stderr, the reply on stdout."""

import sys

from localcollab.blend.events import Answered, Answering, BlendEvent, CandidateToken, Chosen, Ranked
from localcollab.blend.format import lines
from localcollab.blend.open import open_blend
from localcollab.blend.session import BlendSession
from localcollab.cli.run import show, write_line
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.llama.options import Options
from localcollab.teams.open import TeamPlan
from localcollab.terminal.painter import Painter, supports_colour
from localcollab.terminal.status import Status, notes_shown


def answer(
    plan: TeamPlan,
    question: str,
    options: Options,
    *,
    system: str | None,
    sampling: Sampling,
    limits: Limits,
    marks: bool | None,
    json_events: bool,
    budget: int | None,
) -> None:
    """Raises what opening a blend and asking it raise."""
    status = Status(sys.stderr)
    with notes_shown(status):
        recipe, residence = open_blend(plan, options, status.show, budget=budget)
        session = BlendSession(recipe, residence.open, residence.open_fuser, system=system)
        painter = None if json_events else _painter(plan, marks)
        for event in session.ask(question, sampling, limits):
            if painter is None:
                write_line(event)
            elif isinstance(event, Answering | CandidateToken | Answered | Ranked | Chosen):
                for line in lines(event):
                    status.note(line)
                _progress(event, status)
            else:
                show(event, painter, status, None)


def _painter(plan: TeamPlan, marks: bool | None) -> Painter:
    """Authors are the members; of a blend of samples, those inside the one member."""
    is_terminal = sys.stdout.isatty()
    members = plan.members
    if len(members) == 1 and isinstance(members[0], TeamPlan):
        members = members[0].members
    names = [member.name for member in members]
    return Painter(
        sys.stdout,
        list(dict.fromkeys(names)),
        colour=is_terminal and supports_colour(),
        marks=is_terminal if marks is None else marks,
    )


def _progress(event: BlendEvent, status: Status) -> None:
    if isinstance(event, Answering):
        status.show(f"candidate {event.candidate} of {event.n_candidates}: {event.model} writes")
