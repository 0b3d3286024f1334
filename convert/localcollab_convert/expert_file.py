"""A Llama trained here -> GGUF, on the vocabulary of the file it will stand beside.

The tokenizer's keys are copied from that file, so that both have the same tokens by construction.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from transformers import LlamaForCausalLM

from localcollab.errors import BadModelFile
from localcollab.llama.quantizer import quantize

_TEMPLATE = "tokenizer.chat_template"


def write_expert(
    model: LlamaForCausalLM, base: Path, out: Path, *, name: str, provenance: Mapping[str, str]
) -> None:
    """Q8_0 at `out`, which is replaced at the end only. Raises `BadModelFile`."""
    whole = out.with_name(out.name + ".f16.partial")
    partial = out.with_name(out.name + ".partial")
    try:
        _write_f16(model, base, whole, name, provenance)
        quantize(whole, partial, "Q8_0")
        os.replace(partial, out)
    finally:
        whole.unlink(missing_ok=True)


def _write_f16(
    model: LlamaForCausalLM, base: Path, path: Path, name: str, provenance: Mapping[str, str]
) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    for key, value in provenance.items():
        writer.add_string(f"localcollab.expert.{key}", value)
    _add_shape(writer, model)
    _copy_tokenizer(writer, base)
    _add_weights(writer, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


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
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def _copy_tokenizer(writer: gguf.GGUFWriter, base: Path) -> None:
    """Every tokenizer key but the chat template: an expert is never asked in it."""
    fields = gguf.GGUFReader(base).fields
    names = [n for n in fields if n.startswith("tokenizer.") and n != _TEMPLATE]
    if not names:
        raise BadModelFile(f"{base}: holds no tokenizer: give a model that has one")
    for name in names:
        field = fields[name]
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=inner)


def _add_weights(writer: gguf.GGUFWriter, model: LlamaForCausalLM) -> None:
    config = model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue  # llama.cpp reads the embedding in its place
        weight = tensor.float().numpy()
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        for projection, n_heads in heads.items():
            if projection in name:
                weight = _pair_for_rope(weight, n_heads)
        kind = np.float16 if weight.ndim == 2 else np.float32
        stored = names.get_name(name, try_suffixes=(".weight",))
        writer.add_tensor(stored, np.ascontiguousarray(weight.astype(kind)))


def _pair_for_rope(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of a head from transformers' halves to llama.cpp's neighbours; (n_out, n_in)."""
    n_out, n_in = weight.shape
    halves = weight.reshape(n_heads, 2, n_out // n_heads // 2, n_in)
    return halves.swapaxes(1, 2).reshape(n_out, n_in)
