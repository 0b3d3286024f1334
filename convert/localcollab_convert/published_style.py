"""A deferral team as the papers' code runs one: transformers, a whole forward a token, no cache.

The counterpart of `localcollab bench`, which runs this as a child process: the request is one JSON object
on standard input, the answer one on standard output. The weights are those of the GGUF files. Where all
tokens would take longer than a minute, a few lengths are measured, and a line through them is summed.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging as transformers_logging

SECONDS_ALLOWED = 60.0
_FEWEST = 4
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main(request: dict[str, Any]) -> dict[str, object]:
    """files (base first), tokens, n_prompt, authors (an index into files a token), n_threads."""
    torch.set_num_threads(request["n_threads"])
    tokens, n_prompt = request["tokens"], request["n_prompt"]
    authors: list[int] = request["authors"]
    models = [load(Path(path), torch.float32) for path in request["files"]]
    dtype = choose_dtype(models[0], tokens[:n_prompt])
    models = [model.to(_DTYPES[dtype]) for model in models]
    lengths = [n_prompt + n for n in range(len(authors))]
    once = forward_seconds(models[0], tokens[:n_prompt])
    n_measured = min(len(authors), max(_FEWEST, int(SECONDS_ALLOWED / once / 2)))
    seconds = 0.0
    for k, model in enumerate(models):
        asked = [n for n, author in zip(lengths, authors, strict=True) if k in (0, author)]
        seconds += total_seconds(lambda n: forward_seconds(model, tokens[:n]), asked, n_measured)  # noqa: B023
    same = [
        int(next_token(models[author], tokens[:n]) == tokens[n])
        for n, author in list(zip(lengths, authors, strict=True))[: min(8, n_measured)]
        if n < len(tokens)
    ]
    return {
        "dtype": dtype, "seconds": seconds, "n_measured": n_measured,
        "same_tokens": float(np.mean(same)),
    }  # fmt: skip


def load(path: Path, dtype: torch.dtype) -> PreTrainedModel:
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=dtype, local_files_only=True
    )
    return model.eval()


def choose_dtype(model: PreTrainedModel, tokens: Sequence[int]) -> str:
    """The faster of float32 and bfloat16 for one forward; leaves the model in the last one tried."""
    seconds = {}
    for name, dtype in _DTYPES.items():
        model.to(dtype)
        forward_seconds(model, tokens)
        seconds[name] = forward_seconds(model, tokens)
    return min(seconds, key=lambda name: seconds[name])


def forward_seconds(model: PreTrainedModel, tokens: Sequence[int]) -> float:
    started = time.perf_counter()
    next_token(model, tokens)
    return time.perf_counter() - started


@torch.inference_mode()
def next_token(model: PreTrainedModel, tokens: Sequence[int]) -> int:
    """Greedy; only the last position's logits are asked for."""
    ids = torch.tensor([list(tokens)])
    return int(model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1].argmax())


def total_seconds(
    seconds_at: Callable[[int], float], lengths: Sequence[int], n_measured: int
) -> float:
    """Sum over `lengths`; beyond `n_measured` of them from a line through evenly spaced ones."""
    if len(lengths) <= n_measured:
        return sum(map(seconds_at, lengths))
    at = np.linspace(0, len(lengths) - 1, n_measured).round().astype(int)
    chosen = [lengths[i] for i in at]
    slope, start = np.polyfit(chosen, [seconds_at(n) for n in chosen], 1)
    return float(sum(start + slope * n for n in lengths))


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
