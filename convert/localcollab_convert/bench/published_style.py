"""A deferral team run as in the papers' code: transformers, one full forward pass a token, no cache.

`localcollab bench` runs this as a child process: the request is one JSON object on standard input, the
result one on standard output. The weights are those of the GGUF files. Where all tokens would take longer
than a minute, a few lengths are measured, and the total is extrapolated linearly.
"""

import copy
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaForCausalLM

from localcollab.bench.figures import Clock, choose_clock
from localcollab_convert.formats.llama import load_llama

MAX_SECONDS = 60.0
_MIN_MEASURED = 4
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main(request: dict[str, Any]) -> dict[str, object]:
    """files (base first), tokens, n_prompt, authors (an index into files a token), n_threads, busy."""
    clock = choose_clock(busy=request["busy"])
    torch.set_num_threads(request["n_threads"])
    tokens, n_prompt = request["tokens"], request["n_prompt"]
    authors: list[int] = request["authors"]
    models = [load_llama(Path(path)) for path in request["files"]]
    dtype = choose_dtype(models[0], tokens[:n_prompt], clock)
    models = [model.to(_DTYPES[dtype]) for model in models]
    lengths = [n_prompt + n for n in range(len(authors))]
    once = forward_seconds(models[0], tokens[:n_prompt], clock)
    n_measured = min(len(authors), max(_MIN_MEASURED, int(MAX_SECONDS / once / 2)))
    seconds = 0.0
    for k, model in enumerate(models):
        read = [n for n, author in zip(lengths, authors, strict=True) if k in (0, author)]
        at = partial(_seconds_at, model, tokens, clock)
        seconds += total_seconds(at, read, n_measured)
    same = [
        int(next_token(models[author], tokens[:n]) == tokens[n])
        for n, author in list(zip(lengths, authors, strict=True))[: min(8, n_measured)]
        if n < len(tokens)
    ]
    return {
        "dtype": dtype, "seconds": seconds, "n_measured": n_measured,
        "same_tokens": float(np.mean(same)),
    }  # fmt: skip


def choose_dtype(model: LlamaForCausalLM, tokens: Sequence[int], clock: Clock) -> str:
    """The faster of float32 and bfloat16 for one forward pass; leaves the model in float32."""
    seconds = {}
    for name, dtype in _DTYPES.items():
        # A copy: bfloat16 rounds the weights.
        tried = copy.deepcopy(model).to(dtype) if dtype != torch.float32 else model
        forward_seconds(tried, tokens, clock)
        seconds[name] = forward_seconds(tried, tokens, clock)
    return min(seconds, key=lambda name: seconds[name])


def _seconds_at(model: LlamaForCausalLM, tokens: Sequence[int], clock: Clock, length: int) -> float:
    return forward_seconds(model, tokens[:length], clock)


def forward_seconds(model: LlamaForCausalLM, tokens: Sequence[int], clock: Clock) -> float:
    started = clock()
    next_token(model, tokens)
    return clock() - started


@torch.inference_mode()
def next_token(model: LlamaForCausalLM, tokens: Sequence[int]) -> int:
    """Greedy; logits of the last position only."""
    ids = torch.tensor([list(tokens)])
    return int(model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1].argmax())


def total_seconds(
    seconds_at: Callable[[int], float], lengths: Sequence[int], n_measured: int
) -> float:
    """Sum over `lengths`; of more than `n_measured`, from a linear fit to evenly spaced ones."""
    if len(lengths) <= n_measured:
        return sum(map(seconds_at, lengths))
    at = np.linspace(0, len(lengths) - 1, n_measured).round().astype(int)
    chosen = [lengths[i] for i in at]
    slope, start = np.polyfit(chosen, [seconds_at(n) for n in chosen], 1)
    return float(sum(start + slope * n for n in lengths))


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
