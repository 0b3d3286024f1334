"""Speed and peak memory of scoring a text, compared with reading it as a prompt.

`python scripts/experiments/scoring_speed.py MODEL.gguf [TEXT]` alternates, in one process, between a
prompt of the same tokens (`read` with last=0) and the log-probability of every one of them
(`read_gold`), and prints the median of the rounds' ratios. `--memory N` scores N tokens once and
prints the peak resident memory in MiB instead: it must not depend on N.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from localcollab.bench.figures import alternate, quartiles, ratios
from localcollab.decoding.likelihood import read_gold
from localcollab.llama.context import LlamaModel
from localcollab.llama.machine import peak_rss_bytes
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights

_N_TOKENS, _N_ROUNDS, _N_CTX = 1025, 5, 4096


def open_model(path: Path) -> LlamaModel:
    verdict = probe(path)
    options = Options(n_ctx=_N_CTX)
    weights = load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)
    return LlamaModel(weights, options, name=path.stem)


def timed(task: Callable[[], object]) -> float:
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def score(model: LlamaModel, tokens: list[int]) -> None:
    model.forget()
    read_gold(model, tokens, range(1, len(tokens)))


def prompt(model: LlamaModel, tokens: list[int]) -> None:
    model.forget()
    model.read(tokens[:-1], last=0)


def speed(model: LlamaModel, tokens: list[int]) -> None:
    tasks = {
        "prompt": lambda: timed(lambda: prompt(model, tokens)),
        "score": lambda: timed(lambda: score(model, tokens)),
    }
    seconds = alternate(tasks, _N_ROUNDS)
    found = sorted(ratios(seconds["prompt"], seconds["score"]))
    low, high = quartiles(found)
    print(
        f"speed of scoring / of the prompt: {found[len(found) // 2]:.3f} ({low:.3f} to {high:.3f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument(
        "text", type=Path, nargs="?", default=Path(__file__).parents[2] / "README.md"
    )
    parser.add_argument(
        "--memory", type=int, metavar="N", help="score N tokens, print the peak in MiB"
    )
    arguments = parser.parse_args()
    model = open_model(arguments.model)
    tokens = model.vocabulary.encode(arguments.text.read_text(encoding="utf-8"), bos=True)
    if arguments.memory:
        score(model, (tokens * 10)[: arguments.memory])
        print(peak_rss_bytes() // 2**20)
    else:
        speed(model, tokens[:_N_TOKENS])


if __name__ == "__main__":
    main()
