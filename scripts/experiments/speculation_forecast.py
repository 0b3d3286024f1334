"""What the controller makes of written answers on a machine of a given cost curve: without any model.

    python scripts/experiments/speculation_forecast.py ANSWERS.jsonl [--points 1:1,2:1.6,4:1.7,8:3.2,16:4]

ANSWERS are records with `tokens` and `loop`, as `loops.py` writes them; a loop counts with its first copy
only. Each answer is "written" again on a clock on which a read of n tokens takes what the curve says, so
that settings can be compared on a busy machine, and nothing depends on times. Prints the speed beside
writing one by one: median, the tenth lowest of a hundred, the lowest.
"""

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localcollab.decoding.controller import Speculation
from localcollab.decoding.costs import CostCurve
from localcollab.decoding.steps import Steps
from localcollab.language_model import OnChunk, Reading
from localcollab.vocabulary import Vocabulary

LEAST_TOKENS = 20
POINTS = "1:1,2:1.6,4:1.7,8:3.2,16:4"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("answers", type=Path)
    parser.add_argument("--points", default=POINTS, help="tokens:cost, ... of the base")
    arguments = parser.parse_args()
    speeds = sorted(forecast(list(read_answers(arguments.answers)), parse_points(arguments.points)))
    print(
        f"{len(speeds)} answers: median {statistics.median(speeds):.2f}, tenth of a hundred "
        f"{speeds[len(speeds) // 10]:.2f}, lowest {speeds[0]:.2f}"
    )


def parse_points(text: str) -> CostCurve:
    points = (each.split(":") for each in text.split(","))
    return CostCurve(tuple((int(size), float(cost)) for size, cost in points), 1.0)


def read_answers(path: Path) -> Iterator[list[int]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        tokens, loop = record["tokens"], record.get("loop")
        if loop:
            period, length = loop
            tokens = tokens[: len(tokens) - length + period]
        if len(tokens) >= LEAST_TOKENS:
            yield tokens


@dataclass
class Clocked:
    """A model of which only the time is known."""

    vocabulary: Vocabulary
    curve: CostCurve
    name: str = "clocked"
    n_embd: int = 1
    n_ctx: int = 2**20
    now: float = 0.0

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        self.now += self.curve.at(last) if last else 0.0
        return Reading(np.empty((last, 1), np.float32))

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def load(self) -> CostCurve:
        return self.curve

    def save(self, curve: CostCurve) -> None:
        raise AssertionError("it is known")


def forecast(answers: Sequence[Sequence[int]], curve: CostCurve) -> list[float]:
    """The speed of each answer, in tokens in the time of one."""
    model = Clocked(no_vocabulary(), curve)
    speculation = Speculation(model, curves=model, remembers=False, clock=lambda: model.now)
    speeds = []
    for answer in answers:
        started = model.now
        write(model, speculation, answer)
        speeds.append(len(answer) / (model.now - started))
    return speeds


def write(model: Clocked, speculation: Speculation, answer: Sequence[int]) -> None:
    tokens = [0]
    steps = Steps(speculation, model, tokens)
    while len(tokens) <= len(answer):
        proposal = steps.propose(tokens, len(answer) - len(tokens))
        steps.read(tokens)
        n = 0
        while n < len(proposal) and proposal[n] == answer[len(tokens) - 1]:
            tokens.append(proposal[n])
            n += 1
        if len(tokens) <= len(answer):
            tokens.append(answer[len(tokens) - 1])
    steps.finish(tokens, is_loop=False)


def no_vocabulary() -> Vocabulary:
    nothing = frozenset[int]()
    return Vocabulary((), nothing, nothing, None, None, False, lambda *a, **k: [], lambda t: b"")


if __name__ == "__main__":
    main()
