"""Loading model files one after the other and side by side, alternating: seconds and their ratio.

python scripts/experiments/loading.py MODEL.gguf MODEL.gguf ... [--rounds 5]
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from localcollab.bench.figures import alternate, quartiles, ratios
from localcollab.llama.machine import physical_cores
from localcollab.llama.options import Options
from localcollab.llama.probe import Verdict, probe
from localcollab.llama.weights import load_weights


def load(verdict: Verdict) -> None:
    load_weights(Path(verdict.path), Options(), extra_buffers=verdict.extra_buffers)


def seconds(verdicts: list[Verdict], *, n_threads: int) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(n_threads) as executor:
        list(executor.map(load, verdicts))
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    verdicts = [probe(path) for path in given.models]
    n_threads = min(len(verdicts), physical_cores())
    found = alternate(
        {
            "one": partial(seconds, verdicts, n_threads=1),
            "all": partial(seconds, verdicts, n_threads=n_threads),
        },
        given.rounds,
    )
    middle = {name: sorted(times)[len(times) // 2] for name, times in found.items()}
    of_rounds = ratios(found["all"], found["one"])
    low, high = quartiles(of_rounds)
    print(
        f"one after the other {middle['one']:.2f} s, {n_threads} side by side {middle['all']:.2f} s; "
        f"ratio {sorted(of_rounds)[len(of_rounds) // 2]:.2f} ({low:.2f} to {high:.2f})"
    )


if __name__ == "__main__":
    main()
