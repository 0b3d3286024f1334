"""Is the default number of threads as good as the best fixed one, on an idle machine and a busy one?

    python scripts/experiments/threads.py MODEL.gguf [MODEL.gguf ...] [--busy 0 1 2] [--tokens 120]

For every model and number of busy cores: milliseconds a token (median of the last half, and the mean of
all, which holds the trials) and prompt tokens a second, with each fixed number of threads and with the
default. Each measurement runs in a process of its own, three times in turn; the medians are printed, and
the ratio of the default to the best fixed number.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from localcollab.llama.machine import physical_cores

_BUSY = "while True: pass"
_MEASURE = """
import json, sys, time
from pathlib import Path
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_files
path, n_threads, n = sys.argv[1], int(sys.argv[2]) or None, int(sys.argv[3])
team = open_team(plan_from_files(Path(path), []), Options(n_ctx=1024, n_threads=n_threads))
tokens = team.model.vocabulary.encode("The aqueducts carried water over long distances. " * 20)[:160]
started = time.perf_counter()
reading = team.model.read(tokens)
prompt = len(tokens) / (time.perf_counter() - started)
times = []
for _ in range(n):
    tokens.append(int(reading.logits[-1].argmax()))
    started = time.perf_counter()
    reading = team.model.read(tokens)
    times.append(1000 * (time.perf_counter() - started))
print(json.dumps({"prompt": prompt, "times": times}))
"""


@contextlib.contextmanager
def busy(n_cores: int) -> Iterator[None]:
    others = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(n_cores)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def measure(model: Path, n_threads: int, n_tokens: int) -> tuple[float, float, float]:
    """(median ms of the last half, mean ms of all, prompt tokens a second)."""
    command = [sys.executable, "-c", _MEASURE, str(model), str(n_threads), str(n_tokens)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    times = found["times"]
    return statistics.median(times[len(times) // 2 :]), statistics.mean(times), found["prompt"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tokens", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    fixed = sorted({1, max(1, physical_cores() // 2), physical_cores()})
    heads = " | ".join(f"{n} threads" for n in fixed)
    print(f"model | busy cores | {heads} | default | ratio | prompt ratio")
    for model in given.models:
        for n_busy in given.busy:
            found: dict[int, list[tuple[float, float, float]]] = {n: [] for n in (*fixed, 0)}
            with busy(n_busy):
                for _ in range(given.rounds):
                    for n, results in found.items():
                        results.append(measure(model, n, given.tokens))
            ms = {n: statistics.median(r[0] for r in results) for n, results in found.items()}
            mean = statistics.median(r[1] for r in found[0])
            prompt = {n: statistics.median(r[2] for r in results) for n, results in found.items()}
            best, best_prompt = min(ms[n] for n in fixed), max(prompt[n] for n in fixed)
            cells = " | ".join(f"{ms[n]:.1f}" for n in fixed)
            print(
                f"{model.name} | {n_busy} | {cells} | {ms[0]:.1f} (mean {mean:.1f}) | {ms[0] / best:.2f}"
                f" | {best_prompt / prompt[0]:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
