"""What proposed tokens gain, by kind of text: the rows of the table in docs/speed.md.

    python scripts/experiments/speculation.py --team formulary
    python scripts/experiments/speculation.py --team SmolLM2.gguf [--draft gemma.gguf]
    python scripts/experiments/speculation.py --models DIR/models.toml --team formulary-1b

Kinds: chat (the team's own answers to questions), quote (its own answers to requests to quote a passage),
copied (each sentence of a passage in the prompt, dictated), edited (the passage with two changes,
dictated). Every answer is written plainly and with proposals in turn, after a time that does not count;
nothing is learned before, and no earlier answer is remembered. Run it on an idle machine, or with --busy
(one thread, CPU time). Answers that end in a loop are left out and counted.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from localcollab.bench.setting import Setting, open_setting
from localcollab.bench.speculative import (
    Answered,
    answer_twice,
    dictate_twice,
    ending,
    fresh,
    prompts_of,
    questions_of,
)
from localcollab.bench.texts import ASKED, PASSAGE, SENTENCES
from localcollab.decoding.controller import Speculation
from localcollab.teams.choice import TeamChoice

LEAST_TOKENS = 8
KINDS = ("chat", "quote", "copied", "edited")
EDITED = PASSAGE.replace("Ostrow", "Lindow").replace("430", "510")


@dataclass(frozen=True, slots=True)
class Row:
    kind: str
    n: int
    median: float
    low: float
    high: float
    """95 % of the median, by bootstrap over answers."""
    worst: float
    proposed: float
    """A written token."""
    accepted: float
    n_loops: int
    n_same: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--team", required=True)
    parser.add_argument("--models", type=Path, action="append", default=[])
    parser.add_argument("--draft")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--questions", type=Path, help="one a line, for chat")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--out", type=Path, help="every answer, as JSON lines")
    arguments = parser.parse_args()
    choice = TeamChoice(
        team=arguments.team, draft=arguments.draft, catalogs=tuple(arguments.models)
    )
    setting = open_setting(
        choice.plan(), lambda line: print(line, file=sys.stderr), busy=arguments.busy
    )
    print("| kind | answers | median | 95 % | worst | proposed | accepted | loops | same text |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with ending(setting):
        for kind in arguments.kinds.split(","):
            answers = measure(setting, kind, arguments.rounds, arguments.questions)
            if arguments.out:
                append(arguments.out, arguments.team, kind, answers)
            print(as_row(summary(kind, answers)), flush=True)


def measure(
    setting: Setting, kind: str, n_rounds: int, questions: Path | None = None
) -> list[Answered]:
    """Rounds over all texts of a kind, the order of the two ways changing."""
    tasks = tasks_of(setting, kind, questions)
    return [task(bool((n + i) % 2)) for n in range(n_rounds) for i, task in enumerate(tasks)]


def tasks_of(
    setting: Setting, kind: str, questions: Path | None
) -> list[Callable[[bool], Answered]]:
    """Each writes one answer in both ways; its argument: plainly first."""
    model, clock = setting.team.model, setting.clock

    def own(prompt: Sequence[int]) -> Callable[[bool], Answered]:
        return lambda first: answer_twice(model, prompt, new(setting), clock, plain_first=first)

    def told(prompt: Sequence[int], text: str) -> Callable[[bool], Answered]:
        return lambda first: dictate_twice(
            model, prompt, text, new(setting), clock, plain_first=first
        )

    if kind == "chat":
        return [own(prompt) for prompt in prompts_of(setting, questions_of(setting, questions))]
    prompts = prompts_of(setting, [f"{PASSAGE}\n\n{question}" for question in ASKED])
    match kind:
        case "quote":
            return [own(prompt) for prompt in prompts]
        case "copied":
            return [told(prompts[0], sentence) for sentence in SENTENCES]
        case "edited":
            asked = f"{PASSAGE}\n\nWrite this again with Lindow for Ostrow and 510 for 430."
            return [told(prompt, EDITED) for prompt in prompts_of(setting, [asked])]
    raise SystemExit(f"--kinds names {kind!r}: choose from {', '.join(KINDS)}")


def new(setting: Setting) -> Speculation:
    found = fresh(setting)
    if found is None:
        raise SystemExit(f"{setting.plan.name} proposes no tokens")
    return found


def summary(kind: str, answers: Sequence[Answered]) -> Row:
    kept = [each for each in answers if not each.is_loop and min(each.n_tokens) >= LEAST_TOKENS]
    if not kept:
        none = float("nan")
        n_loops = sum(each.is_loop for each in answers)
        return Row(kind, 0, none, none, none, none, none, none, n_loops, 0)
    ratios = sorted(each.ratio for each in kept)
    written = sum(each.n_tokens[1] for each in kept) or 1
    low, high = median_interval(ratios)
    return Row(
        kind, len(kept), ratios[len(ratios) // 2], low, high, ratios[0],
        sum(each.proposed for each in kept) / written,
        sum(each.accepted for each in kept) / written,
        sum(each.is_loop for each in answers), sum(each.is_same for each in kept),
    )  # fmt: skip


def median_interval(values: Sequence[float], n_resamples: int = 2000) -> tuple[float, float]:
    """95 % by bootstrap."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(values, (n_resamples, len(values))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def as_row(row: Row) -> str:
    return (
        f"| {row.kind} | {row.n} | {row.median:.2f} | {row.low:.2f} to {row.high:.2f} | "
        f"{row.worst:.2f} | {row.proposed:.2f} | {row.accepted:.2f} | {row.n_loops} | {row.n_same} |"
    )


def append(path: Path, team: str, kind: str, answers: Sequence[Answered]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for each in answers:
            file.write(json.dumps({"team": team, "kind": kind, **asdict(each)}) + "\n")


if __name__ == "__main__":
    main()
