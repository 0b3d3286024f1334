"""A deferral team as the papers' code runs one: transformers, a whole forward a token, no cache.

The counterpart of `localcollab bench`, which runs this as a child process: the request is one JSON object
on standard input, the answer one on standard output. The weights are those of the GGUF files. Where all
tokens would take longer than a minute, a few lengths are measured, and a line through them is summed.
"""

import copy
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from localcollab.bench.figures import Clock, choose_clock

SECONDS_ALLOWED = 60.0
_FEWEST = 4
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main(request: dict[str, Any]) -> dict[str, object]:
    """files (base first), tokens, n_prompt, authors (an index into files a token), n_threads, busy."""
    clock = choose_clock(busy=request["busy"])
    torch.set_num_threads(request["n_threads"])
    tokens, n_prompt = request["tokens"], request["n_prompt"]
    authors: list[int] = request["authors"]
    models = [load(Path(path)) for path in request["files"]]
    dtype = choose_dtype(models[0], tokens[:n_prompt], clock)
    models = [model.to(_DTYPES[dtype]) for model in models]
    lengths = [n_prompt + n for n in range(len(authors))]
    once = forward_seconds(models[0], tokens[:n_prompt], clock)
    n_measured = min(len(authors), max(_FEWEST, int(SECONDS_ALLOWED / once / 2)))
    seconds = 0.0
    for k, model in enumerate(models):
        asked = [n for n, author in zip(lengths, authors, strict=True) if k in (0, author)]
        at = partial(_seconds_at, model, tokens, clock)
        seconds += total_seconds(at, asked, n_measured)
    same = [
        int(next_token(models[author], tokens[:n]) == tokens[n])
        for n, author in list(zip(lengths, authors, strict=True))[: min(8, n_measured)]
        if n < len(tokens)
    ]
    return {
        "dtype": dtype, "seconds": seconds, "n_measured": n_measured,
        "same_tokens": float(np.mean(same)),
    }  # fmt: skip


def load(path: Path) -> LlamaForCausalLM:
    """The file's own weights, dequantized, in float32. Raises `ValueError` beyond Llama."""
    reader = gguf.GGUFReader(path)
    if _value(reader, "general.architecture") != "llama":
        raise ValueError(f"{path.name} is no Llama: only that architecture is rebuilt here")
    config = _config(reader)
    model = LlamaForCausalLM(config).eval()
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            tensor = stored[names.get_name(name, try_suffixes=(".weight",))]
            # A copy: what needs no dequantizing is the mapped file itself, which is not writable.
            weight = torch.from_numpy(
                np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
            )
            heads = {"q": config.num_attention_heads, "k": config.num_key_value_heads}
            for kind, n_heads in heads.items():
                if f"{kind}_proj" in name:
                    weight = _halve_for_rope(weight, n_heads)
            parameter.copy_(weight)
    return model


def _config(reader: gguf.GGUFReader) -> LlamaConfig:
    tied = all(tensor.name != "output.weight" for tensor in reader.tensors)
    embedding = next(t for t in reader.tensors if t.name == "token_embd.weight")
    heads = _value(reader, "llama.attention.head_count")
    return LlamaConfig(
        vocab_size=int(embedding.shape[1]),
        hidden_size=_value(reader, "llama.embedding_length"),
        intermediate_size=_value(reader, "llama.feed_forward_length"),
        num_hidden_layers=_value(reader, "llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=_value(reader, "llama.attention.head_count_kv", heads),
        rms_norm_eps=_value(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_theta=_value(reader, "llama.rope.freq_base", 10000.0),
        max_position_embeddings=_value(reader, "llama.context_length"),
        tie_word_embeddings=tied,
    )


def _value(reader: gguf.GGUFReader, key: str, default: Any = None) -> Any:
    field = reader.get_field(key)
    if field is None and default is None:
        raise ValueError(f"no {key} in the metadata")
    return default if field is None else field.contents()


def _halve_for_rope(weight: torch.Tensor, n_heads: int) -> torch.Tensor:
    """Rows of a head from llama.cpp's neighbours to transformers' halves; (n_out, n_in)."""
    n_out, n_in = weight.shape
    pairs = weight.reshape(n_heads, n_out // n_heads // 2, 2, n_in)
    return pairs.swapaxes(1, 2).reshape(n_out, n_in)


def choose_dtype(model: LlamaForCausalLM, tokens: Sequence[int], clock: Clock) -> str:
    """The faster of float32 and bfloat16 for one forward; leaves the model in float32."""
    seconds = {}
    for name, dtype in _DTYPES.items():
        # A copy: bfloat16 would round the weights for good.
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
