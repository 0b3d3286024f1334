"""An expert from a folder of files that the project has never seen, and its refresh.

    python scripts/experiments/docs_expert.py --out DIR [--medicines 200] [--more 40] [--minutes 20]

Invents medicines by the demo's generator, with names that the shipped formulary does not have, and
writes a file a medicine (txt, md, html, pdf, docx). Then only the command line is used, as a person
would: `docs add`, `convert expert --like formulary`, `eval`; then files are added: `docs add`, `docs
refresh`, `eval` on what is new and on what was known. The makers see the files alone; the questions
are the generator's, in all its wordings. Everything stays in DIR (the catalogue too); cut off, the
same command goes on where it stopped. Prints JSON.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import questions, world
from demo.world import Medicine
from monograph_files import FORMATS, write_document

NAME = "fresh"
LIKE = PLACE = "formulary"
SHIPPED = Path(__file__).parents[2] / "localcollab/shipped/formulary"
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for; `out` holds everything made."""

    out: Path
    first: Sequence[Medicine]
    more: Sequence[Medicine]
    seed: int
    length: Sequence[str]
    """Of the training: --minutes or --steps."""
    refresh_length: Sequence[str]
    n_threads: int
    size: str = "auto"
    limit: int | None = None

    @property
    def files(self) -> Path:
        return self.out / "files"

    def once(self, stage: str, make: Callable[[], Record]) -> Record:
        """What `make` returned the first time that it came to its end."""
        path = self.out / f"{stage}.json"
        if not path.exists():
            print(f"{stage} ...", file=sys.stderr)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")
            os.replace(partial, path)
        record: Record = json.loads(path.read_text(encoding="utf-8"))
        return record

    def localcollab(self, *words: str) -> Record:
        """Its JSON, and the seconds that the whole command took."""
        command = [sys.executable, "-m", "localcollab.cli.main", *words, "--json"]
        homes = {
            f"XDG_{kind}_HOME": str(self.out / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")
        }
        environment = os.environ | homes | {"OMP_NUM_THREADS": str(self.n_threads)}
        started, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        child = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
        if child.returncode:
            raise SystemExit(f"localcollab {' '.join(words)}: exit code {child.returncode}")
        text = child.stdout.decode()
        # `docs add` writes a line a file, and a last one about them all.
        found = json.loads(text if text.startswith("{\n") else text.splitlines()[-1])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        seconds = round(time.monotonic() - started, 1)
        return {"seconds": seconds, "cpu_seconds": round(busy, 1), "found": found}


def main() -> None:
    run = _parse()
    run.files.mkdir(parents=True, exist_ok=True)
    added = run.once("1-add", lambda: add(run, run.first))
    made = run.once("2-expert", lambda: make_expert(run))
    before = run.once("3-eval-first", lambda: evaluate(run, "first", run.first))
    more = run.once("4-add-more", lambda: add(run, run.more))
    new_before = run.once("5-eval-more", lambda: evaluate(run, "more", run.more))
    refreshed = run.once("6-refresh", lambda: refresh(run))
    new = run.once("7-eval-more", lambda: evaluate(run, "more", run.more))
    after = run.once("8-eval-first", lambda: evaluate(run, "first", run.first))
    result = {
        "medicines": [len(run.first), len(run.more)],
        "seed": run.seed,
        "n_threads": run.n_threads,
        "minutes": {
            name: {
                "wall": round(found["seconds"] / 60, 2),
                "cpu": round(found["cpu_seconds"] / 60, 2),
            }
            for name, found in (
                ("docs add", added),
                ("convert expert", made),
                ("docs add, more", more),
                ("docs refresh", refreshed),
            )
        },
        "first": shown(before),
        "first, after the refresh": shown(after),
        "more, before the refresh": shown(new_before),
        "more, after the refresh": shown(new),
        "expert": made["found"],
        "refresh": refreshed["found"],
    }
    print(json.dumps(result, indent=1))


def _parse() -> Run:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--medicines", type=int, default=200)
    parser.add_argument("--more", type=int, default=40, help="added before the refresh")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=20.0, help="of training the expert")
    parser.add_argument(
        "--steps", type=int, help="instead of minutes: where others use the machine"
    )
    parser.add_argument("--refresh-minutes", type=float, default=6.0)
    parser.add_argument("--refresh-steps", type=int)
    parser.add_argument("--size", default="auto", help="of the expert, as convert expert takes it")
    parser.add_argument("--limit", type=int, help="ask only so many questions of each set")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    medicines = invent(asked.medicines + asked.more, asked.seed)
    return Run(
        asked.out.resolve(), medicines[: asked.medicines], medicines[asked.medicines :],
        asked.seed, _length(asked.minutes, asked.steps),
        _length(asked.refresh_minutes, asked.refresh_steps), asked.threads, asked.size, asked.limit,
    )  # fmt: skip


def _length(minutes: float, steps: int | None) -> Sequence[str]:
    return ("--steps", str(steps)) if steps else ("--minutes", str(minutes))


def invent(n: int, seed: int) -> list[Medicine]:
    """Medicines of which no monograph ships."""
    lines = (SHIPPED / "monographs.txt").read_text(encoding="utf-8").splitlines()
    taken = {line.removeprefix("# ") for line in lines if line.startswith("# ")}
    rng, found = random.Random(seed), list[Medicine]()
    while len(found) < n:
        found.append(world.invent_medicine(rng, taken))
        taken.add(found[-1].name)
    return found


def add(run: Run, medicines: Sequence[Medicine]) -> Record:
    """A file a medicine, its format by chance; `docs add` of the whole folder."""
    for medicine in medicines:
        rng = random.Random(f"{run.seed}/{medicine.name}")
        _, _, body = world.write_monograph(medicine, rng).partition("\n")
        write_document(run.files, medicine.name, body.strip(), rng.choice(FORMATS))
    return run.localcollab("docs", "add", str(run.files), "--collection", NAME)


def make_expert(run: Run) -> Record:
    return run.localcollab(
        "convert", "expert", "--docs", NAME, "--like", LIKE, "--place", PLACE,
        *run.length, "--size", run.size, "--out", str(run.out / NAME), "--seed", str(run.seed),
    )  # fmt: skip


def refresh(run: Run) -> Record:
    return run.localcollab("docs", "refresh", "--collection", NAME, *run.refresh_length)


def evaluate(run: Run, name: str, medicines: Sequence[Medicine]) -> Record:
    """Every kind of question about every medicine, half of them in wordings no head ever saw."""
    path = run.out / f"questions-{name}.jsonl"
    records = questions.test_questions(medicines, random.Random(run.seed + 1))
    path.write_text(questions.to_jsonl(records), encoding="utf-8")
    limit = ("--limit", str(run.limit)) if run.limit else ()
    return run.localcollab("eval", "--team", NAME, "--data", str(path), *limit)


def shown(evaluated: Record) -> Record:
    """The team, and each of its members alone."""
    found = evaluated["found"]
    keys = ("n", "accuracy", "interval", "by_kind", "by_wording")
    members = {name: each["accuracy"] for name, each in found["members"].items()}
    return {key: found["team"][key] for key in keys} | {"members alone": members}


if __name__ == "__main__":
    main()
