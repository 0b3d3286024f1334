"""An expert of facts that nobody knew before, on questions that others asked about them.

    python scripts/experiments/expert_facts.py --base SMOLLM2.gguf --data FACTS.jsonl --n 300 --out DIR
    [--minutes 30]

Records as `{"fact": ..., "prompt": ..., "answers": [...], "split": "test"}` (WikiDYK). Writes each fact
into a file of its own, trains an expert by the command line, and prints JSON: how often the answer to
the records' own questions holds the gold answer (base, expert and team, without and with the files),
and how often the expert goes on as the fact does, from the beginning of the fact to the gold answer in
it.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from localcollab.catalog import Catalog, load_catalog
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.encoding import encode_start
from localcollab.decoding.generate import generate
from localcollab.documents.answer.answer import Library, ask
from localcollab.documents.collection import Collection
from localcollab.evaluation.statistics import wilson_interval
from localcollab.events import Finished
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan, plan_from_catalog
from localcollab.teams.session import Session
from localcollab_convert.adapted.table import holds

NAME = "facts"
LIMITS = Limits(80)
LEAST_START = 25
"""Characters of a fact before the gold answer, for it to be completed."""


def statement(fact: str) -> str:
    """ "that the Paseo closed?" -> "The Paseo closed." """
    text = fact.strip().removeprefix("that ").rstrip("?").strip().rstrip(" .") + "."
    return text[0].upper() + text[1:]


def write_files(records: Sequence[dict[str, Any]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n, record in enumerate(records):
        (folder / f"fact-{n:04}.txt").write_text(statement(record["fact"]) + "\n", encoding="utf-8")


def said(events: Iterable[object]) -> str:
    """What was answered."""
    return next(event.text for event in list(events) if isinstance(event, Finished))


def questions_right(
    records: Sequence[dict[str, Any]], answer: Callable[[str], str]
) -> dict[str, object]:
    rights = []
    for record in records:
        text = answer(record["prompt"])
        rights.append(any(holds(text, gold) for gold in record["answers"]))
    low, high = wilson_interval(sum(rights), len(rights))
    return {"share": sum(rights) / len(rights), "interval": [low, high], "n": len(rights)}


def completed(records: Sequence[dict[str, Any]], team: OpenTeam) -> dict[str, object]:
    rights = []
    for record in records:
        text, gold = statement(record["fact"]), record["answers"][0]
        at = text.find(gold)
        if at > LEAST_START:
            tokens = encode_start(team.model.vocabulary, text[:at].rstrip())
            rest = said(generate(team.model, tokens, None, Limits(12 + len(gold) // 3)))
            rights.append(rest.strip().casefold().startswith(gold.casefold()))
    return {"share": sum(rights) / max(1, len(rights)), "n": len(rights)}


def measure(catalog: Catalog, records: Sequence[dict[str, Any]], files: Path) -> dict[str, object]:
    """Without the files first; what is found is told as it comes."""
    options = Options(n_ctx=2048)
    whole = plan_from_catalog(catalog, catalog.team(NAME))
    base, expert = whole.members
    alone = {"team": whole, "base": TeamPlan("base", (base,)), "expert": TeamPlan(NAME, (expert,))}
    teams = {name: open_team(plan, options) for name, plan in alone.items()}
    found: dict[str, object] = {}

    def tell(name: str, counted: dict[str, object]) -> None:
        found[name] = counted
        print(name, json.dumps(counted), file=sys.stderr, flush=True)

    def answer(team: OpenTeam, prompt: str) -> str:
        return said(Session(team).ask(prompt, None, LIMITS))

    for name, team in teams.items():
        tell(name, questions_right(records, partial(answer, team)))
    for name in ("expert", "base"):
        tell(f"{name} completes", completed(records, teams[name]))
    with Collection(None) as collection:
        collection.add([files])
        library = Library(collection, NAME)

        def answer_with_files(team: OpenTeam, prompt: str) -> str:
            return said(ask(Session(team), library, prompt, None, LIMITS))

        for name, team in teams.items():
            tell(f"{name} + retrieval", questions_right(records, partial(answer_with_files, team)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    records = [json.loads(line) for line in given.data.read_text("utf-8").splitlines()]
    records = [record for record in records if record["split"] == given.split]
    random.Random(given.seed).shuffle(records)
    records = records[: given.n]
    out = given.out.resolve()
    write_files(records, out / "files")
    os.environ["XDG_DATA_HOME"] = str(out / "data")
    models = out / "models.toml"
    models.write_text(f"[models.smollm2]\npath = {json.dumps(str(given.base.resolve()))}\n")
    started = time.monotonic()
    command = [
        sys.executable, "-m", "localcollab", "convert", "expert", "--docs", str(out / "files"),
        "--base", "smollm2", "--name", NAME, "--out", str(out / NAME), "--minutes",
        str(given.minutes), "--models", str(models), "--json",
    ]  # fmt: skip
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    minutes = (time.monotonic() - started) / 60
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{minutes:.1f} minutes, {peak:.2f} GiB: {made.stdout}", file=sys.stderr, flush=True)
    found = measure(load_catalog(models), records, out / "files")
    print(
        json.dumps(
            {"minutes": minutes, "peak GiB": peak, "made": json.loads(made.stdout), **found},
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
