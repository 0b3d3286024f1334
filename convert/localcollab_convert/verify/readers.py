"""Windows of a text, and their logits: of a GGUF file by the runtime, of a source folder by PyTorch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from localcollab.errors import BadData, BadModelFile, BadOption
from localcollab.llama.context import LlamaModel
from localcollab.llama.machine import available_bytes
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab.vocabulary import Vocabulary
from localcollab_convert.verify.divergence import Block, Read

N_BLOCK = 64
"""Positions with logits at a time; the buffer has N_BLOCK x n_vocab floats."""


def read_text(path: Path) -> str:
    """Raises `BadData`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(
            f"{path}: cannot be read as UTF-8 text ({error}): give another file"
        ) from error


def windows_of(path: Path, vocabulary: Vocabulary, length: int, n_tokens: int) -> list[list[int]]:
    """The tokens of a text, split; each window begins with BOS where the model expects it."""
    text = read_text(path)
    begin = [vocabulary.bos] if vocabulary.adds_bos and vocabulary.bos is not None else []
    tokens = vocabulary.encode(text)[:n_tokens]
    if len(tokens) < 2:
        raise BadData(f"{path}: has {len(tokens)} tokens: give a longer text")
    step = length - len(begin)
    return [begin + tokens[i : i + step] for i in range(0, len(tokens), step)]


def open_gguf(path: Path, n_ctx: int, *, exact: bool = False) -> LlamaModel:
    """`exact`: F32 cache and no flash attention, for comparison with PyTorch."""
    verdict = probe(path)
    options = Options(
        n_ctx=n_ctx, n_batch=max(n_ctx, N_BLOCK), n_outputs=N_BLOCK,
        kv_type="f32" if exact else "f16", flash_attention="off" if exact else "auto",
    )  # fmt: skip
    weights = load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)
    return LlamaModel(weights, options, name=path.name)


def gguf_reader(model: LlamaModel) -> Read:
    def read(window: Sequence[int]) -> Iterator[Block]:
        for start in range(0, len(window), N_BLOCK):
            end = min(start + N_BLOCK, len(window))
            reading = model.read(window[:end], last=end - start, hidden=True)
            assert reading.hidden is not None
            yield Block(reading.logits, reading.hidden)

    return read


def open_torch(folder: Path, n_parameters: int) -> Any:
    """In F32. Raises `BadOption` where it does not fit in memory, `BadModelFile`."""
    import torch
    from transformers import AutoModelForCausalLM

    free = available_bytes()
    if free is not None and n_parameters * 5 > free:
        raise BadOption(
            f"{folder}: in F32 it takes {n_parameters * 4 / 2**30:.1f} GiB and {free / 2**30:.1f} GiB "
            "are free: verify against its F16 or BF16 GGUF file"
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=torch.float32, local_files_only=True, trust_remote_code=False,
            attn_implementation="eager",
        )  # fmt: skip
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise BadModelFile(
            f"{folder}: transformers cannot load it ({' '.join(str(error).split())[:200]}): verify "
            "against its F16 or BF16 GGUF file"
        ) from error
    return model.eval()


def torch_reader(model: Any) -> Read:
    import torch

    def read(window: Sequence[int]) -> Iterator[Block]:
        with torch.inference_mode():
            out = model(input_ids=torch.tensor([list(window)]), output_hidden_states=True)
        logits = out.logits[0].float().numpy()
        hidden = out.hidden_states[-1][0].float().numpy()
        for start in range(0, len(window), N_BLOCK):
            rows = slice(start, start + N_BLOCK)
            yield Block(np.ascontiguousarray(logits[rows]), np.ascontiguousarray(hidden[rows]))

    return read
