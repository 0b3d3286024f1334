"""A LoRA adapter on one context: the base and the adapted model share one copy of the weights."""

import ctypes
import hashlib
import os
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile
from localcollab.llama import library
from localcollab.llama.bindings import api
from localcollab.llama.context import LlamaModel
from localcollab.llama.weights import Weights

_MAGIC = b"GGUF"


def set_adapter(model: LlamaModel, path: Path, *, scale: float = 1.0) -> None:
    """`model` reads with the adapter from now on; other contexts on its weights do not.

    Raises `BadModelFile`: not an adapter, or one for another base.
    """
    _check(path)
    adapter = _load(model.weights, path)
    adapters = (api.llama_adapter_lora_p_ctypes * 1)(
        ctypes.cast(adapter, api.llama_adapter_lora_p_ctypes)
    )
    scales = (ctypes.c_float * 1)(scale)
    if api.llama_set_adapters_lora(model._context, adapters, 1, scales):
        raise BadModelFile(f"{path}: llama.cpp cannot apply this adapter: convert it again")
    model.forget()


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
    _check(adapter)
    digest = hashlib.sha256(weights_sha256.encode())
    with adapter.open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _check(path: Path) -> None:
    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise BadModelFile(f"{path}: no such adapter file: check the path")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != _MAGIC:
        raise BadModelFile(
            f"{path}: starts with {magic!r}, not with 'GGUF': create it with localcollab convert lora"
        )
