"""Small random models of many architectures, at their default initialisation, with real tokenizers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from real_tokenizers import write_bpe, write_sentencepiece, write_unigram, write_wordpiece

TEXT = Path(__file__).parents[1] / "convert" / "localcollab_convert" / "verify" / "verify_text.txt"
_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SMALL = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
}  # fmt: skip

Tokenizer = Callable[[Path], int]

_TOKENIZERS: dict[str, Tokenizer] = {
    "llama": lambda folder: write_sentencepiece(folder, "llama-spm", "LlamaTokenizer"),
    "mistral": lambda folder: write_sentencepiece(folder, "llama-spm", "LlamaTokenizer"),
    "phi3": lambda folder: write_sentencepiece(folder, "phi-3", "LlamaTokenizer"),
    "gemma3": lambda folder: write_sentencepiece(
        folder, "llama-spm", "GemmaTokenizer", dummy_prefix=False
    ),
    "qwen2": lambda folder: write_bpe(folder, "qwen2", template=_CHATML),
    "qwen3": lambda folder: write_bpe(folder, "qwen2", template=_CHATML),
    "olmo2": lambda folder: write_bpe(folder, "gpt-2"),
    "gpt2": lambda folder: write_bpe(folder, "gpt-2"),
    "t5": lambda folder: write_unigram(folder, TEXT),
    "bert": write_wordpiece,
}
_MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", "LlamaConfig", _SMALL),
    "mistral": ("MistralForCausalLM", "MistralConfig", _SMALL | {"sliding_window": None}),
    "phi3": ("Phi3ForCausalLM", "Phi3Config",
             _SMALL | {"pad_token_id": 0, "sliding_window": None}),
    # llama.cpp scales attention by head_dim, as every published Gemma 3 but the largest does.
    "gemma3": ("Gemma3ForCausalLM", "Gemma3TextConfig",
               _SMALL | {"head_dim": 16, "query_pre_attn_scalar": 16}),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", _SMALL),
    "qwen3": ("Qwen3ForCausalLM", "Qwen3Config", _SMALL | {"head_dim": 16}),
    "olmo2": ("Olmo2ForCausalLM", "Olmo2Config", _SMALL | {"pad_token_id": 0}),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config",
             {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512, "n_ctx": 512}),
    "t5": ("T5ForConditionalGeneration", "T5Config",
           {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4,
            "decoder_start_token_id": 0, "tie_word_embeddings": False}),
    "bert": ("BertModel", "BertConfig",
             {k: v for k, v in _SMALL.items() if k != "num_key_value_heads"}),
}  # fmt: skip
DECODERS = [name for name in _MODELS if name not in ("t5", "bert")]


def make_model(name: str, folder: Path, *, n_embd: int | None = None) -> Path:
    """A Hugging Face folder in F32. `n_embd` widens it, for K-quants."""
    folder.mkdir(parents=True, exist_ok=True)
    n_vocab = _TOKENIZERS[name](folder)
    kind, config_kind, options = _MODELS[name]
    if n_embd:
        options = options | {"hidden_size": n_embd, "intermediate_size": n_embd}
    torch.manual_seed(0)
    config = getattr(transformers, config_kind)(vocab_size=n_vocab, **options)
    getattr(transformers, kind)(config).save_pretrained(folder)
    return folder
