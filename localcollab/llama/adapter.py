"""A LoRA adapter on one context: the base and the adapted model share one copy of the weights."""

import ctypes
import hashlib
import os
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile
from localcollab.llama import library
from localcollab.llama.adapter_file import require_gguf
from localcollab.llama.adapter_probe import probe_adapter
from localcollab.llama.bindings import api
from localcollab.llama.context import LlamaModel
from localcollab.llama.weights import Weights


def set_adapter(model: LlamaModel, path: Path, *, scale: float = 1.0) -> None:
    """`model` reads with the adapter from now on; other contexts on its weights do not.

    Raises `BadModelFile`: damaged, not an adapter, or one for another base.
    """
    probe_adapter(model.weights.path, path)
    apply_adapter(model, path, scale=scale)


def apply_adapter(model: LlamaModel, path: Path, *, scale: float = 1.0) -> None:
    """As `set_adapter`, of a file that was never tried: for the child that tries it."""
    adapter = _load(model.weights, path)
    adapters = (api.llama_adapter_lora_p_ctypes * 1)(
        ctypes.cast(adapter, api.llama_adapter_lora_p_ctypes)
    )
    scales = (ctypes.c_float * 1)(scale)
    if api.llama_set_adapters_lora(model._context, adapters, 1, scales):
        raise BadModelFile(f"{path}: llama.cpp cannot apply this adapter: convert it again")
    model.note_adapter(path)


def _load(weights: Weights, path: Path) -> Any:
    """llama_adapter_lora *; llama.cpp frees it with the weights, so all contexts share one."""
    at = path.stat()
    key = (path, at.st_size, at.st_mtime_ns)
    if key not in weights.adapters:
        library.take_errors()
        adapter = api.llama_adapter_lora_init(weights.pointer, os.fsencode(path))
        if not adapter:
            raise BadModelFile(
                f"{path}: does not fit {weights.path.name} "
                f"({library.take_errors() or 'no reason given'}): use the base it was trained on"
            )
        weights.adapters[key] = adapter
    return weights.adapters[key]


def adapted_sha256(weights_sha256: str, adapter: Path) -> str:
    """Identifies weights with an adapter: a hash over both files."""
    require_gguf(adapter)
    digest = hashlib.sha256(weights_sha256.encode())
    with adapter.open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
