"""`convert lora`: a PEFT adapter -> GGUF, by llama.cpp's own converter, and proof that it fits.

The converter wants the base's config.json. Where the base is a GGUF file, its header says the same.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.adapter import adapted_sha256, set_adapter
from localcollab.llama.context import LlamaModel
from localcollab.llama.header import Header, read_header
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab_convert.model.converter import Converter, convert_lora
from localcollab_convert.staging.outputs import require_writable
from localcollab_convert.staging.stages import file_sha256

# GGUF architecture -> the class whose converter makes it
_CLASSES = {
    "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
    "gemma2": "Gemma2ForCausalLM", "gemma3": "Gemma3ForCausalLM", "phi3": "Phi3ForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
}  # fmt: skip
_FILES = ("adapter_config.json", "adapter_model.safetensors")

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Adapter:
    path: Path
    sha256: str
    size_bytes: int
    rank: int
    adapted_sha256: str | None
    """Identifies base and adapter together; None where the base was given as a folder."""


def make_adapter(
    converter: Converter, peft: Path, base: Path, out: Path, on_progress: OnProgress
) -> Adapter:
    """Raises `BadModelFile`, `BadOption`."""
    config = _read_config(peft)
    require_writable(out)
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        with _base_folder(base) as folder:
            convert_lora(converter, peft, folder, partial, on_progress=on_progress)
        if base.is_file():
            on_progress(f"setting it on {base.name}")
            _require_fit(base, partial)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    together = adapted_sha256(file_sha256(base), out) if base.is_file() else None
    return Adapter(out, file_sha256(out), out.stat().st_size, int(config["r"]), together)


def _read_config(peft: Path) -> dict[str, Any]:
    for name in _FILES:
        if not (peft / name).is_file():
            raise BadModelFile(f"{peft}: lacks {name}: give the folder PEFT saved the adapter in")
    path = peft / "adapter_config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind, _rank = config["peft_type"], int(config["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadModelFile(f"{path}: is damaged ({error}): save the adapter again") from error
    if kind != "LORA" or config.get("use_dora"):
        kind = "DoRA" if config.get("use_dora") else kind
        raise BadModelFile(f"{path}: is {kind}, only LoRA can be converted: merge it instead")
    return dict(config)


@contextmanager
def _base_folder(base: Path) -> Iterator[Path]:
    """The base's folder, or one with the config that its GGUF header amounts to."""
    if (base / "config.json").is_file():
        yield base
        return
    if not base.is_file():
        raise BadOption(
            f"--base {base}: is no GGUF file, folder with config.json, or model of the catalogue: "
            "check it"
        )
    with tempfile.TemporaryDirectory() as folder:
        config = json.dumps(_config_of(read_header(base)))
        Path(folder, "config.json").write_text(config, encoding="utf-8")
        yield Path(folder)


def _config_of(header: Header) -> dict[str, Any]:
    if header.architecture not in _CLASSES:
        raise BadOption(
            f"{header.path}: the config of a {header.architecture} cannot be read from a GGUF file: "
            "give --base the folder with its config.json"
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
    """Raises `BadModelFile` where llama.cpp cannot set it on this base."""
    verdict = probe(base)
    options = Options(n_ctx=64, n_batch=32, n_outputs=1)
    weights = load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)
    set_adapter(LlamaModel(weights, options, name=base.name), adapter)
