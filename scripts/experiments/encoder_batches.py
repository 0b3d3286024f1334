"""Whether an encoder reads several texts at once faster than one by one: time a text, as a ratio.

    python scripts/experiments/encoder_batches.py --model all-MiniLM-L6-v2-F16.gguf [--threads 2]

For each length, batches of 1, 2, 4, 8 and 16 texts of so many tokens are encoded in turn, interleaved, so
that what else the machine does falls on all of them; the ratios are of the medians of CPU time (all
threads) and of wall time. Attention sees all tokens of a batch, those of other texts too:
long texts pay for it.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from localcollab.llama.bindings import api
from localcollab.llama.encoder import load_encoder
from localcollab.llama.opening import free_context, init_context
from localcollab.llama.weights import Weights

LENGTHS = (8, 16, 32, 64, 128, 256)
SIZES = (1, 2, 4, 8, 16)


class Batches:
    """A context that encodes several sequences in one batch."""

    def __init__(self, weights: Weights, most: int, n_tokens: int, n_threads: int) -> None:
        params = api.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = params.n_outputs_max = most * n_tokens
        params.n_seq_max = most
        params.n_threads = params.n_threads_batch = n_threads
        params.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.pooling_type = api.LLAMA_POOLING_TYPE_NONE
        params.embeddings = True
        self._weights = weights
        self._context: Any = init_context(weights, params)
        self._batch = api.llama_batch_init(most * n_tokens, 0, 1)

    def encode(self, texts: Sequence[Sequence[int]]) -> None:
        batch, at = self._batch, 0
        for which, tokens in enumerate(texts):
            for position, token in enumerate(tokens):
                batch.token[at], batch.pos[at], batch.logits[at] = token, position, True
                batch.n_seq_id[at], batch.seq_id[at][0] = 1, which
                at += 1
        batch.n_tokens = at
        if code := api.llama_encode(self._context, batch):
            raise SystemExit(f"llama.cpp could not encode the batch (code {code})")

    def close(self) -> None:
        free_context(self._context, self._batch, self._weights)


def measure(
    weights: Weights, n_tokens: int, rounds: int, n_threads: int
) -> dict[int, tuple[float, float]]:
    """Texts a batch -> (CPU, wall) seconds a text."""
    rng = np.random.default_rng(0)
    texts = rng.integers(1000, 20_000, (max(SIZES), n_tokens)).tolist()
    batches = Batches(weights, max(SIZES), n_tokens, n_threads)
    taken: dict[int, list[tuple[float, float]]] = {size: [] for size in SIZES}
    for n in range(rounds + 1):
        for size in SIZES:
            cpu, wall = time.process_time(), time.perf_counter()
            for first in range(0, len(texts), size):
                batches.encode(texts[first : first + size])
            if n:  # the first round warms up
                spent = time.process_time() - cpu, time.perf_counter() - wall
                taken[size].append((spent[0] / len(texts), spent[1] / len(texts)))
    batches.close()
    return {
        size: (median(cpu for cpu, _ in each), median(wall for _, wall in each))
        for size, each in taken.items()
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--model", type=Path, required=True)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    encoder, _ = load_encoder(chosen.model)
    print("| tokens a text |" + "".join(f" {size} a batch |" for size in SIZES))
    print("| --- |" + " --- |" * len(SIZES))
    for n_tokens in LENGTHS:
        found = measure(encoder.weights, n_tokens, chosen.rounds, chosen.threads)
        alone = found[1]
        cells = [f" {cpu / alone[0]:.2f} / {wall / alone[1]:.2f} |" for cpu, wall in found.values()]
        print(f"| {n_tokens} |{''.join(cells)}")


if __name__ == "__main__":
    main()
