"""Where to put `least_logprob` of a team's familiar expert: how well it spells the names it knows.

    python scripts/experiments/spelling.py TEAM EXPERT localcollab/shipped/formulary/head-train.jsonl ...

Arguments: team, expert, JSONL files whose records name a `medicine` that the expert has read about.
Prints the lowest 1, 2 and 5 % of the names' log-probabilities; choose a little below them.
"""

import json
import sys
from pathlib import Path

import numpy as np

from localcollab.catalog import load_catalog
from localcollab.methods.familiarity import spelling_logprob
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_catalog


def main() -> None:
    team_name, expert, *files = sys.argv[1:]
    catalog = load_catalog()
    speller = open_team(plan_from_catalog(catalog, catalog.team(team_name))).spellers[expert]
    records = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
    names = sorted({record.get("medicine") or "" for record in records} - {""})
    opening = speller.familiarity.opening
    found = [spelling_logprob(speller.model, opening, name) for name in names]
    for share in (0.01, 0.02, 0.05):
        print(f"{share:.0%} of {len(names)} names lie below {np.quantile(found, share):.2f}")


if __name__ == "__main__":
    main()
