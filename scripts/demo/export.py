"""Trained weights -> GGUF files: F16 as written, Q8_0 as shipped; and a check of what was written.

The three files carry one vocabulary; only the base carries the chat template.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from demo.corpus import END
from demo.tokenizer import PRE_TOKENIZER
from localcollab.llama import quantizer
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights
from localcollab_convert.formats.llama import add_shape, write_weights

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' -%}"
    "{{- 'System: ' + (message['content'] | trim) + '\\n' -}}"
    "{%- elif message['role'] == 'user' -%}"
    "{{- 'User: ' + (message['content'] | trim) + '\\n' -}}"
    "{%- elif message['role'] == 'assistant' -%}"
    "{{- 'Assistant:\\n' + (message['content'] | trim) + '<eos>\\n' -}}"
    "{%- else -%}"
    "{{- raise_exception('roles are system, user and assistant, not ' + message['role']) -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'Assistant:\\n' -}}{%- endif -%}"
)
"""The answer begins at a line's start, so prompt and answer tokenize apart as they do together."""


def write_f16(
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    path: Path,
    *,
    description: str,
    chat_template: str | None,
    provenance: Mapping[str, str],
) -> None:
    """One GGUF file: matrices in F16, norms in F32. Replaces `path` at the end only."""
    partial = path.with_name(path.name + ".partial")
    writer = gguf.GGUFWriter(partial, "llama")
    writer.add_name(f"formulary team: {path.stem}")
    writer.add_description(description)
    writer.add_license("MIT")
    for key, value in provenance.items():
        writer.add_string(f"localcollab.demo.{key}", value)
    add_shape(writer, model)
    _add_vocabulary(writer, tokenizer)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    write_weights(writer, model)
    os.replace(partial, path)


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    """Token strings, kinds and merges as llama.cpp's own BPE wants them."""
    end = tokenizer.token_to_id(END)
    assert end is not None
    strings = [tokenizer.id_to_token(token) for token in range(tokenizer.get_vocab_size())]
    types = [gguf.TokenType.NORMAL] * len(strings)
    types[end] = gguf.TokenType.CONTROL
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(strings)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(end)
    writer.add_bos_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)


def quantize(source: Path, path: Path) -> None:
    """The same model in Q8_0. Replaces `path` at the end only."""
    partial = path.with_name(path.name + ".partial")
    quantizer.quantize(source, partial, "Q8_0", n_threads=1)
    os.replace(partial, path)


def check_logits(
    model: LlamaForCausalLM, tokenizer: Tokenizer, path: Path, texts: list[str], tolerance: float
) -> float:
    """The largest difference of a logit, relative to the largest logit. Exits above `tolerance`."""
    worst = 0.0
    for text in texts:
        tokens = tokenizer.encode(text).ids
        with torch.no_grad():
            expected = model(torch.tensor([tokens])).logits[0].float().numpy()  # (n, n_vocab)
        got = read_logits(path, tokens)  # (n, n_vocab)
        worst = max(worst, float(np.abs(got - expected).max() / np.abs(expected).max()))
    if worst > tolerance:
        raise SystemExit(f"{path}: logits differ by {worst:.2%} from the trained model's")
    return worst


def read_logits(path: Path, tokens: list[int]) -> np.ndarray:
    """llama.cpp's logits after every token, (n, n_vocab)."""
    options = Options(n_ctx=512)
    # Without CPU kernels that some machines only claim.
    weights = load_weights(path, options, extra_buffers=False)
    return LlamaModel(weights, options, name=path.stem).read(tokens, last=len(tokens)).logits
