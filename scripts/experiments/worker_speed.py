"""What a worker costs: seconds a token and a prompt through llama.cpp's RPC, beside the same model here.

    python scripts/experiments/worker_speed.py MODEL.gguf [MODEL.gguf ...] [--delays 0,1,10]

Starts `localcollab worker` on this machine, and a proxy that hands on every packet so many milliseconds
later, in each direction. Alternates between the model here and on the worker, one thread each; prints
the medians of the rounds' ratios (1: as fast as here). Needs a build
of llama.cpp with RPC (localcollab doctor).
"""

import argparse
import contextlib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from localcollab.bench.figures import alternate, ratios
from localcollab.isolation.isolated import IsolatedModel, Opening
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights, plan_weights

_N_PROMPT, _N_TOKENS, _N_ROUNDS = 128, 24, 5
_PROXY = Path(__file__).with_name("tcp_proxy.py")
_NEVER = Path("/nonexistent")


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@contextlib.contextmanager
def started(*command: str) -> Iterator[str]:
    """A process, and the first line that it prints."""
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def prompt(model: LlamaModel | IsolatedModel, tokens: list[int]) -> float:
    model.forget()
    started_at = time.perf_counter()
    model.read(tokens)
    return time.perf_counter() - started_at


def write(model: LlamaModel | IsolatedModel, tokens: list[int]) -> float:
    """Seconds a token, greedy, without the prompt."""
    tokens = list(tokens)
    model.read(tokens)
    started_at = time.perf_counter()
    for _ in range(_N_TOKENS):
        tokens.append(int(model.read(tokens).logits[-1].argmax()))
    return (time.perf_counter() - started_at) / _N_TOKENS


def compare(path: Path, address: str) -> tuple[float, float]:
    """(prompt, token): seconds on the worker / seconds here, medians."""
    options = Options(n_ctx=512, n_threads=1, extra_buffers=False)
    verdict = probe(path)
    weights = load_weights(path, options, extra_buffers=verdict.extra_buffers)
    here = LlamaModel(weights, options, name="here")
    plan = plan_weights(path, 0, extra_buffers=False)
    far = IsolatedModel(Opening("far", plan, options, extra_buffers=False, worker=address))
    text = "The committee met in the old town hall and agreed on the budget. " * 40
    tokens = here.vocabulary.encode(text, bos=True)[:_N_PROMPT]
    found = [
        statistics.median(ratios(seconds["far"], seconds["here"]))
        for task in (prompt, write)
        for seconds in [
            alternate(
                {"here": lambda: task(here, tokens), "far": lambda: task(far, tokens)},  # noqa: B023
                _N_ROUNDS,
            )
        ]
    ]
    far.close()
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--delays", default="0,1,10", help="Milliseconds, separated by commas.")
    arguments = parser.parse_args()
    port = free_port()
    listen = f"127.0.0.1:{port}"
    with started("-m", "localcollab", "worker", "--listen", listen, "--threads", "1"):
        time.sleep(3)
        for path in arguments.models:
            for delay in arguments.delays.split(","):
                with started(str(_PROXY), str(port), delay, str(_NEVER)) as proxy_port:
                    by_prompt, by_token = compare(path, f"127.0.0.1:{proxy_port}")
                print(
                    f"{path.stem}, {delay} ms: prompt of {_N_PROMPT} tokens {by_prompt:.2f}, "
                    f"token {by_token:.2f} times as long as here",
                    flush=True,
                )


if __name__ == "__main__":
    main()
