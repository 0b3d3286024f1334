"""Trained weights -> GGUF files: F16 as written, Q8_0 as shipped; and a check of what was written.

The three files carry one vocabulary; only the base carries the chat template.
"""

import ctypes
import json
import os
from collections.abc import Mapping
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from demo.corpus import END
from demo.tokenizer import PRE_TOKENIZER

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


# Loading and quantizing print hundreds of lines. Kept at module level: C holds a bare pointer.
_SILENT_LOG = llama_cpp.llama_log_callback(lambda level, text, user_data: None)


def write_f16(
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    path: Path,
    *,
    description: str,
    chat_template: str | None,
    provenance: Mapping[str, str],
    pre_tokenizer: str = PRE_TOKENIZER,
) -> None:
    """One GGUF file: matrices in F16, norms in F32. Replaces `path` at the end only.

    `pre_tokenizer`: llama.cpp's name of the rule by which `tokenizer` cuts words.
    """
    partial = path.with_name(path.name + ".partial")
    writer = gguf.GGUFWriter(partial, "llama")
    writer.add_name(f"formulary team: {path.stem}")
    writer.add_description(description)
    writer.add_license("MIT")
    for key, value in provenance.items():
        writer.add_string(f"localcollab.demo.{key}", value)
    _add_shape(writer, model)
    _add_vocabulary(writer, tokenizer, pre_tokenizer)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    _add_weights(writer, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(partial, path)


def _add_shape(writer: gguf.GGUFWriter, model: LlamaForCausalLM) -> None:
    config = model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(llama_cpp.LLAMA_FTYPE_MOSTLY_F16)


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer, pre_tokenizer: str) -> None:
    """Token strings, kinds and merges as llama.cpp's own BPE wants them."""
    end = tokenizer.token_to_id(END)
    assert end is not None
    strings = [tokenizer.id_to_token(token) for token in range(tokenizer.get_vocab_size())]
    types = [gguf.TokenType.NORMAL] * len(strings)
    types[end] = gguf.TokenType.CONTROL
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list(strings)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(end)
    writer.add_bos_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)


def _add_weights(writer: gguf.GGUFWriter, model: LlamaForCausalLM) -> None:
    config = model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue  # tied: llama.cpp reads the embedding in its place
        weight = tensor.float().numpy()
        if "q_proj" in name or "k_proj" in name:
            weight = _pair_for_rope(weight, config.num_attention_heads)
        kind = np.float16 if weight.ndim == 2 else np.float32
        stored_name = names.get_name(name, try_suffixes=(".weight",))
        writer.add_tensor(stored_name, np.ascontiguousarray(weight.astype(kind)))


def _pair_for_rope(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of a head from transformers' halves to llama.cpp's neighbours; (n_out, n_in)."""
    n_out, n_in = weight.shape
    halves = weight.reshape(n_heads, 2, n_out // n_heads // 2, n_in)
    return halves.swapaxes(1, 2).reshape(n_out, n_in)


def quantize(source: Path, path: Path) -> None:
    """The same model in Q8_0. Replaces `path` at the end only."""
    llama_cpp.llama_log_set(_SILENT_LOG, ctypes.c_void_p(0))
    partial = path.with_name(path.name + ".partial")
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    options.nthread = 1
    code = llama_cpp.llama_model_quantize(
        str(source).encode(), str(partial).encode(), ctypes.byref(options)
    )
    if code != 0:
        raise SystemExit(f"llama.cpp could not quantize {source} (code {code})")
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
    model = load_model(path)
    options = llama_cpp.llama_context_default_params()
    options.n_ctx = options.n_batch = 512
    context = llama_cpp.llama_init_from_model(model, options)
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for index, token in enumerate(tokens):
        batch.token[index] = token
        batch.pos[index] = index
        batch.n_seq_id[index] = 1
        batch.seq_id[index][0] = 0
        batch.logits[index] = 1
    if llama_cpp.llama_decode(context, batch) != 0:
        raise SystemExit(f"{path}: llama.cpp cannot evaluate {len(tokens)} tokens")
    n_vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    logits = llama_cpp.llama_get_logits(context)
    rows = np.ctypeslib.as_array(logits, shape=(len(tokens), n_vocab)).copy()
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return rows


def load_model(path: Path, *, vocabulary_only: bool = False) -> llama_cpp.llama_model_p:
    """A model of llama.cpp, without its log and without CPU kernels that some machines only claim."""
    llama_cpp.llama_log_set(_SILENT_LOG, ctypes.c_void_p(0))
    options = llama_cpp.llama_model_default_params()
    options.vocab_only = vocabulary_only
    options.use_extra_bufts = False
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), options)
    if not model:
        raise SystemExit(f"{path}: llama.cpp cannot load it")
    return model
