"""A process that opens a team, reads one whole micro-batch with every member, and says its peak.

`python tests/peak_memory.py '{"base": FILE, "experts": [FILE], "adapter": FILE or null, "options": {}}'`
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from localcollab.llama.machine import peak_rss_bytes
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.plan import Member, plan_from_files


def main(base: str, experts: list[str], adapter: str | None, options: dict[str, object]) -> int:
    chosen = Options(**options)  # type: ignore[arg-type]
    plan = plan_from_files(Path(base), [Path(expert) for expert in experts])
    if adapter:
        adapted = Member("adapted", Path(base), Path(adapter))
        plan = replace(plan, members=(*plan.members, adapted), gate="entropy")
    team = open_team(plan, chosen)
    tokens = [3 + n % 200 for n in range(chosen.n_ubatch + 1)]
    for member in team.members.values():
        member.read(tokens, hidden=True)
    team.model.read([*tokens, 5])
    return peak_rss_bytes()


if __name__ == "__main__":
    print(main(**json.loads(sys.argv[1])))
