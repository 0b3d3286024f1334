"""A process that answers as a blend of files within a budget, and says its peak and its answers.

`python tests/blend_memory.py '{"files": [FILE], "budget": BYTES, "options": {}}'`
"""

import json
import sys
from pathlib import Path

from localcollab.blend.events import Answered
from localcollab.blend.residence import Residence, forecast_needs
from localcollab.blend.session import BlendSession, Recipe
from localcollab.catalog.ranker_names import RankerSpec
from localcollab.decoding.answer_text import Limits
from localcollab.llama.machine import peak_rss_bytes
from localcollab.llama.options import Options
from localcollab.teams.plan import BASE, Member, TeamPlan


def main(files: list[str], budget: int | None, options: dict[str, object]) -> dict[str, object]:
    """Without a budget: what each needs."""
    chosen = Options(**options)  # type: ignore[arg-type]
    plans = {Path(f).stem: TeamPlan(f, (Member(BASE, Path(f)),)) for f in files}
    if budget is None:
        needs = forecast_needs(plans, chosen)
        return {"runtime": needs.runtime, "teams": dict(needs.teams)}
    residence = Residence(plans, chosen, budget=budget)
    recipe = Recipe(tuple(plans), RankerSpec("likelihood"))
    session = BlendSession(recipe, residence.open)
    events = list(session.ask("Once upon a time", limits=Limits(max_tokens=8)))
    reasons = [event.reason for event in events if isinstance(event, Answered)]
    return {"peak": peak_rss_bytes(), "reasons": reasons, "held": residence.held}


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(sys.argv[1]))))
