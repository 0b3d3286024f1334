"""A Llama between GGUF and transformers, in both directions.

Name, provenance and tokenizer of a file that is written are added by the caller.
"""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM


def load_llama(path: Path) -> LlamaForCausalLM:
    """The weights of a GGUF file, dequantized to float32. Raises `ValueError` unless it is a Llama."""
    reader = gguf.GGUFReader(path)
    if _value(reader, "general.architecture") != "llama":
        raise ValueError(f"{path.name} is not a Llama model: only this architecture is supported")
    config = _config(reader)
    model = LlamaForCausalLM(config).eval()
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            tensor = stored[names.get_name(name, try_suffixes=(".weight",))]
            # A copy: unquantized tensors are views of the memory-mapped file, which is read-only.
            weight = torch.from_numpy(
                np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
            )
            heads = {"q": config.num_attention_heads, "k": config.num_key_value_heads}
            for kind, n_heads in heads.items():
                if f"{kind}_proj" in name:
                    weight = split_rope_pairs(weight, n_heads)
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
        raise ValueError(f"{key} is missing in the metadata")
    return default if field is None else field.contents()


def split_rope_pairs(weight: torch.Tensor, n_heads: int) -> torch.Tensor:
    """Row order of each head from llama.cpp's adjacent pairs to transformers' halves; (n_out, n_in)."""
    n_out, n_in = weight.shape
    pairs = weight.reshape(n_heads, n_out // n_heads // 2, 2, n_in)
    return pairs.swapaxes(1, 2).reshape(n_out, n_in)


def write_weights(writer: gguf.GGUFWriter, model: LlamaForCausalLM) -> None:
    """Add the weights, matrices in F16 and norms in F32, and write and close the file."""
    _add_weights(writer, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_shape(writer: gguf.GGUFWriter, model: LlamaForCausalLM) -> None:
    """The metadata of the architecture."""
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


def _add_weights(writer: gguf.GGUFWriter, model: LlamaForCausalLM) -> None:
    config = model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue  # tied: llama.cpp uses the embedding
        weight = tensor.float().numpy()
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        for projection, n_heads in heads.items():
            if projection in name:
                weight = interleave_rope_pairs(weight, n_heads)
        kind = np.float16 if weight.ndim == 2 else np.float32
        stored = names.get_name(name, try_suffixes=(".weight",))
        writer.add_tensor(stored, np.ascontiguousarray(weight.astype(kind)))


def interleave_rope_pairs(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Row order of each head from transformers' halves to llama.cpp's adjacent pairs; (n_out, n_in)."""
    n_out, n_in = weight.shape
    halves = weight.reshape(n_heads, 2, n_out // n_heads // 2, n_in)
    return halves.swapaxes(1, 2).reshape(n_out, n_in)
