"""How soon is a loop of a real model told? Scores the detector on answers of `loops.py`.

    python scripts/experiments/loop_detector.py --models FOLDER loops.jsonl [more.jsonl ...] [--list]

An exact loop counts as caught where the detector fires within max(4 periods, 200) + 16 tokens of its
first token. An answer that ends in no exact loop, but says the same lines over and over, is an
approximate one: more than half of its last 300 tokens stand in runs of 8 that it wrote before. Those
are nobody's promise, and are counted apart; so are firings outside every loop.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcollab.decoding.repetition import LoopDetector
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_files

LONGEST_WAIT = 1200
"""Tokens that a loop is continued by, where the answer was cut before the detector fired."""
_RUN, _TAIL = 8, 300


@dataclass(frozen=True, slots=True)
class Answer:
    """One greedy answer and its exact loop: `period` tokens, from token `start` on."""

    model: str
    prompt: str
    tokens: tuple[int, ...]
    text: str
    loop: tuple[int, int] | None

    @property
    def start(self) -> int | None:
        return None if self.loop is None else len(self.tokens) - self.loop[1]

    @property
    def is_approximate(self) -> bool:
        if self.loop is not None or len(self.tokens) < 2 * _TAIL:
            return False
        runs = [self.tokens[n : n + _RUN] for n in range(len(self.tokens) - _RUN + 1)]
        first = {run: n for n, run in reversed(list(enumerate(runs)))}
        again = sum(first[run] < n for n, run in list(enumerate(runs))[-_TAIL:])
        return again > _TAIL / 2


def answers(path: Path) -> list[Answer]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Answer(r["model"], r["prompt"], tuple(r["tokens"]), r["text"], r["loop"] and (*r["loop"],))
        for r in records
    ]


def fired(answer: Answer, piece: Callable[[int], bytes]) -> int | None:
    """After how many tokens the detector fires; a loop is written on until it does."""
    detector, tokens = LoopDetector(piece), list(answer.tokens)
    if answer.loop:
        unit = tokens[-answer.loop[0] :]
        tokens += (unit * (LONGEST_WAIT // len(unit) + 1))[:LONGEST_WAIT]
    return next((n for n, token in enumerate(tokens, start=1) if detector.add(token)), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--models", type=Path, required=True, help="The folder of the models.")
    parser.add_argument("--list", action="store_true", help="Print every loop that is caught late.")
    given = parser.parse_args()
    print(
        "model | answers | exact loops | in time | late or missed | approximate | fired elsewhere"
    )
    total: Counter[str] = Counter()
    for path in given.files:
        found = answers(path)
        model = open_team(plan_from_files(given.models / found[0].model, [])).model
        piece = model.vocabulary.piece
        counts = Counter(kind for answer in found for kind in judged(answer, piece, given.list))
        total += counts
        print(_row(found[0].model, counts))
    print(_row("all", total))


def judged(answer: Answer, piece: Callable[[int], bytes], is_listed: bool) -> list[str]:
    kinds, caught = ["answers"], fired(answer, piece)
    if answer.loop is None or answer.start is None:
        return [*kinds, *["approximate"] * answer.is_approximate, *["elsewhere"] * bool(caught)]
    bound = answer.start + max(4 * answer.loop[0], 200) + 16
    in_time = caught is not None and caught <= bound
    if not in_time and is_listed:
        when = "never" if caught is None else f"{caught - bound} tokens late"
        print(f"  period {answer.loop[0]}, {when}: {answer.text[-80:]!r}")
    return [*kinds, "exact", "in_time" if in_time else "late"]


def _row(name: str, counts: "Counter[str]") -> str:
    kinds = ("answers", "exact", "in_time", "late", "approximate", "elsewhere")
    return " | ".join([name, *(str(counts[kind]) for kind in kinds)])


if __name__ == "__main__":
    main()
