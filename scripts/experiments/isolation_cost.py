"""What a process of its own costs a model: seconds a token beside the same model in this process.

`python scripts/experiments/isolation_cost.py MODEL.gguf` alternates between the two, 64 greedy tokens a
round, and prints the median of the rounds' ratios (1: free) with quartiles.
"""

import argparse
import time
from pathlib import Path

from localcollab.bench.figures import alternate, quartiles, ratios
from localcollab.isolation.isolated import IsolatedModel, Opening
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights, plan_weights

_N_TOKENS, _N_ROUNDS = 64, 9


def write(model: LlamaModel | IsolatedModel, prompt: list[int]) -> float:
    """Seconds a token, greedy, without the prompt."""
    model.forget()
    tokens = list(prompt)
    model.read(tokens)
    started = time.perf_counter()
    for _ in range(_N_TOKENS):
        tokens.append(int(model.read(tokens).logits[-1].argmax()))
    return (time.perf_counter() - started) / _N_TOKENS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    path = parser.parse_args().model
    verdict, options = probe(path), Options(n_ctx=512)
    weights = load_weights(path, options, extra_buffers=verdict.extra_buffers)
    here = LlamaModel(weights, options, name="here")
    plan = plan_weights(path, 0, extra_buffers=verdict.extra_buffers)
    apart = IsolatedModel(Opening("apart", plan, options, verdict.extra_buffers))
    prompt = here.vocabulary.encode("Once upon a time there was", bos=True)
    seconds = alternate(
        {"here": lambda: write(here, prompt), "apart": lambda: write(apart, prompt)}, _N_ROUNDS
    )
    found = sorted(ratios(seconds["apart"], seconds["here"]))
    low, high = quartiles(found)
    print(f"isolated / in this process: {found[len(found) // 2]:.3f} ({low:.3f} to {high:.3f})")
    apart.close()


if __name__ == "__main__":
    main()
