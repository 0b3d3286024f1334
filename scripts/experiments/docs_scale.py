"""A collection of many pages: how fast it is made, how fast it is searched, what it keeps in memory.

    python scripts/experiments/docs_scale.py [--pages 20000] [--dense] [--folder DIR] [--json]

Pages are invented text (about 2,500 characters, words distributed as in a language), one file each,
by a fixed seed; queries are eight words that follow one another on one page, frequent ones among them.
With `--dense` the words are Chinese characters, one to three each, and no blanks stand between them.
Memory is that of this process, taken at a quarter of the way and at the end.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

from localcollab.documents.collection import Collection
from localcollab.documents.records import Visit

N_WORDS, WORDS_A_PAGE, QUERIES = 50_000, 400, 200


@dataclass(frozen=True, slots=True)
class Figures:
    pages: int
    pages_a_second: float
    pages_a_cpu_second: float
    """Of this process and of the one that reads: what a busy machine does not change."""
    again_a_second: float
    """A second run, in which nothing changed."""
    query_p50_ms: float
    query_p95_ms: float
    query_p95_cpu_ms: float
    found_first: float
    """Share of the queries whose page comes first."""
    rss_quarter_mb: float
    rss_end_mb: float
    rss_searched_mb: float
    collection_mb: float


def vocabulary(seed: random.Random, *, dense: bool = False) -> list[str]:
    if dense:
        characters = [chr(0x4E00 + n) for n in range(3000)]
        return ["".join(seed.choices(characters, k=seed.randint(1, 3))) for _ in range(N_WORDS)]
    parts = ["ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu", "dra", "ple", "sto", "gri"]
    found: dict[str, None] = {}
    while len(found) < N_WORDS:
        found["".join(seed.choices(parts, k=seed.randint(1, 5)))] = None
    return list(found)


def write_pages(folder: Path, n_pages: int, *, dense: bool = False) -> list[str]:
    """Files of one page each. Returns one query a page for the first `QUERIES`."""
    seed = random.Random(0)
    words, blank = vocabulary(seed, dense=dense), "" if dense else " "
    weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    queries = []
    for number in range(n_pages):
        page = seed.choices(words, cum_weights=weights, k=WORDS_A_PAGE)
        for start in range(0, WORDS_A_PAGE, 12):
            page[start] = page[start].capitalize()
            page[start - 1] += ".\n\n" if start % 60 == 0 else "."
        if number % max(1, n_pages // QUERIES) == 0:
            start = seed.randrange(WORDS_A_PAGE - 8)
            queries.append(blank.join(page[start : start + 8]))
        below = folder / f"{number // 1000:03}"
        below.mkdir(exist_ok=True)
        (below / f"{number:06}.txt").write_text(blank.join(page))
    return queries


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    raise AssertionError("no VmRSS: this runs on Linux")


def measure(folder: Path, n_pages: int, *, dense: bool = False) -> Figures:
    pages = folder / "pages"
    pages.mkdir()
    queries = write_pages(pages, n_pages, dense=dense)
    path = folder / "scale.sqlite3"
    memory: list[float] = []
    n_visits = 0

    def on_visit(visit: Visit) -> None:
        nonlocal n_visits
        n_visits += 1
        if n_visits == n_pages // 4:
            memory.append(resident_mb())

    with Collection(path) as collection:
        seconds, cpu_seconds = timed(lambda: collection.add([pages], on_visit=on_visit))
        memory.append(resident_mb())
        again, _ = timed(collection.sync)
        times, cpu_times, right = ask(collection, queries, max(1, n_pages // QUERIES))
    return Figures(
        n_pages, n_pages / seconds, n_pages / cpu_seconds, n_pages / again,
        1000 * percentile(times, 0.5), 1000 * percentile(times, 0.95),
        1000 * percentile(cpu_times, 0.95), right / len(queries),
        memory[0], memory[1], resident_mb(), path.stat().st_size / 1e6,
    )  # fmt: skip


def ask(
    collection: Collection, queries: list[str], step: int
) -> tuple[list[float], list[float], int]:
    """Seconds and CPU seconds of each query; how often its page came first."""
    times, cpu_times, right = [], [], 0
    for number, query in enumerate(queries):
        began, cpu_began = time.perf_counter(), time.process_time()
        hits = collection.search(query)
        times.append(time.perf_counter() - began)
        cpu_times.append(time.process_time() - cpu_began)
        right += bool(hits) and int(hits[0].passage.document.path.stem) == number * step
    return times, cpu_times, right


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * len(values))]


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and CPU seconds with those of child processes that ended."""
    began, cpu_began = time.perf_counter(), sum(os.times()[:4])
    call()
    return time.perf_counter() - began, sum(os.times()[:4]) - cpu_began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pages", type=int, default=20_000)
    options.add_argument("--dense", action="store_true", help="a script without blanks")
    options.add_argument("--folder", type=Path, help="default: a temporary one")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        figures = measure(Path(folder), chosen.pages, dense=chosen.dense)
    if chosen.json:
        json.dump(asdict(figures), sys.stdout, indent=1)
        print()
        return
    for name, value in asdict(figures).items():
        print(
            f"{name.replace('_', ' ')}: {value:,.2f}"
            if isinstance(value, float)
            else f"{name}: {value}"
        )


if __name__ == "__main__":
    main()
