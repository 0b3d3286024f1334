"""What light sampling costs and gains on a small real model: loops in long answers, right short ones.

    python scripts/experiments/sampling_defaults.py MODEL.gguf --facts popqa.jsonl [--long N] [--short N]

`--facts`: JSONL of {"prompt", "answers", "split"}; the questions of the split `dev` are asked, the most
popular first where the records have a `popularity`. Prints a row for each setting: the share of long
answers that end in an exact loop within 400 tokens, and the share of short answers that hold a right one.
"""

import argparse
import json
from pathlib import Path

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.events import Finished
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_files
from localcollab.teams.session import Session
from loops import prompts

SETTINGS = {
    "greedy": Sampling(),
    "greedy, DRY 0.8": Sampling(dry_multiplier=0.8),
    "temperature 0.2, min_p 0.2": Sampling(0.2, min_p=0.2),
    "temperature 0.3, min_p 0.1": Sampling(0.3, min_p=0.1),
    "temperature 0.6, min_p 0.1": Sampling(0.6, min_p=0.1),
    "temperature 0.8, top_k 40, top_p 0.95, min_p 0.05": Sampling(0.8, 40, 0.95, 0.05),
    "temperature 0.3, min_p 0.1, DRY 0.8": Sampling(0.3, min_p=0.1, dry_multiplier=0.8),
}


def answer(team: OpenTeam, question: str, sampling: Sampling, limits: Limits) -> Finished:
    *_, last = Session(team).ask(question, sampling, limits)
    assert isinstance(last, Finished)
    return last


def facts(path: Path, n: int) -> list[tuple[str, list[str]]]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    dev = [record for record in records if record.get("split") == "dev"]
    dev.sort(key=lambda record: -record.get("popularity", 0))
    return [(record["prompt"], record["answers"]) for record in dev[:n]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--long", type=int, default=12)
    parser.add_argument("--short", type=int, default=60)
    given = parser.parse_args()
    team = open_team(plan_from_files(given.model, []), Options(n_ctx=1024))
    asked, known = prompts(given.long, seed=1), facts(given.facts, given.short)
    print(f"{given.model.name}: {len(asked)} long answers, {len(known)} short ones")
    for name, sampling in SETTINGS.items():
        ended = [answer(team, prompt, sampling, Limits(400)) for prompt in asked]
        loops = sum(each.reason == "repetition" for each in ended)
        right = 0
        for question, golds in known:
            text = answer(team, question, sampling, Limits(32)).text.casefold()
            right += any(gold.casefold() in text for gold in golds)
        share = right / max(1, len(known))
        print(f"{name}: loops {loops / len(asked):.2f}, right {share:.2f}", flush=True)


if __name__ == "__main__":
    main()
