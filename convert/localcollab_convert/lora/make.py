"""A PEFT adapter -> GGUF by llama.cpp's own converter, and a check that it fits the base.

The converter needs the base's config.json. Where the base is a GGUF file, it is derived from the header.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.adapter import adapted_sha256, set_adapter
from localcollab.llama.context import LlamaModel
from localcollab.llama.header import Header, read_header
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab.progress import OnProgress
from localcollab_convert.lora.request import LoraRequest, LoraResult
from localcollab_convert.model.converter import convert_lora, find_converter
from localcollab_convert.staging.outputs import require_writable
from localcollab_convert.staging.stages import file_sha256

# GGUF architecture -> class in transformers
_CLASSES = {
    "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
    "gemma2": "Gemma2ForCausalLM", "gemma3": "Gemma3ForCausalLM", "phi3": "Phi3ForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
}  # fmt: skip
_FILES = ("adapter_config.json", "adapter_model.safetensors")


def make_lora(request: LoraRequest, on_progress: OnProgress) -> LoraResult:
    """Raises `BadModelFile`, `BadOption`."""
    converter, base, out = find_converter(request.converter), request.base, request.out
    config = _read_config(request.peft)
    require_writable(out)
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        with _base_folder(base) as folder:
            convert_lora(converter, request.peft, folder, partial, on_progress=on_progress)
        if base.is_file():
            on_progress(f"trying the adapter on {base.name}")
            _require_fit(base, partial)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    together = adapted_sha256(file_sha256(base), out) if base.is_file() else None
    return LoraResult(out, file_sha256(out), out.stat().st_size, int(config["r"]), together)


def _read_config(peft: Path) -> dict[str, Any]:
    for name in _FILES:
        if not (peft / name).is_file():
            raise BadModelFile(
                f"{peft}: {name} is missing: give the folder of the adapter, as saved by PEFT"
            )
    path = peft / "adapter_config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind, _rank = config["peft_type"], int(config["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadModelFile(f"{path}: damaged ({error}): save the adapter again") from error
    if kind != "LORA" or config.get("use_dora"):
        kind = "DoRA" if config.get("use_dora") else kind
        raise BadModelFile(
            f"{path}: the adapter is {kind}, and only LoRA can be converted: merge it instead"
        )
    return dict(config)


@contextmanager
def _base_folder(base: Path) -> Iterator[Path]:
    """The base's folder, or a temporary one with the config derived from its GGUF header."""
    if (base / "config.json").is_file():
        yield base
        return
    if not base.is_file():
        raise BadOption(
            f"`base` is {base}, neither a GGUF file, a folder with config.json, nor a model of the "
            "catalogue: give one of these"
        )
    with tempfile.TemporaryDirectory() as folder:
        config = json.dumps(_config_of(read_header(base)))
        Path(folder, "config.json").write_text(config, encoding="utf-8")
        yield Path(folder)


def _config_of(header: Header) -> dict[str, Any]:
    if header.architecture not in _CLASSES:
        raise BadOption(
            f"{header.path}: the config of {header.architecture} cannot be derived from a GGUF file: "
            "give the folder with its config.json as `base`"
        )
    n_heads = header.number("attention.head_count")
    return {
        "architectures": [_CLASSES[header.architecture]],
        "model_type": header.architecture,
        "hidden_size": header.number("embedding_length"),
        "intermediate_size": header.number("feed_forward_length"),
        "num_hidden_layers": header.number("block_count"),
        "num_attention_heads": n_heads,
        "num_key_value_heads": header.number("attention.head_count_kv") or n_heads,
        "max_position_embeddings": header.number("context_length"),
        "vocab_size": header.lengths["tokenizer.ggml.tokens"],
        "rms_norm_eps": header.metadata.get(
            f"{header.architecture}.attention.layer_norm_rms_epsilon", 1e-6
        ),
    }


def _require_fit(base: Path, adapter: Path) -> None:
    """Raises `BadModelFile` where llama.cpp cannot apply it to this base."""
    verdict = probe(base)
    options = Options(n_ctx=64, n_batch=32, n_outputs=1)
    weights = load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)
    set_adapter(LlamaModel(weights, options, name=base.name), adapter)
