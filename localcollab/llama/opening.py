"""Contexts of llama.cpp: opened, freed, and what is copied out of them."""

import ctypes
from typing import Any

from localcollab.errors import BadOption
from localcollab.language_model import Float32Array
from localcollab.llama import library
from localcollab.llama.bindings import api
from localcollab.llama.hooks import LayerHook
from localcollab.llama.options import Options, threads_for
from localcollab.llama.weights import KV_TYPES, Weights

_FLASH = {
    "auto": api.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": api.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": api.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}


def copy_rows(source: Any, n_skip: int, rows: Float32Array) -> None:
    """From a buffer of llama.cpp's, behind its first `n_skip` rows."""
    # llama.cpp reuses its buffers on the next decode.
    start = ctypes.addressof(source.contents) + n_skip * rows.shape[1] * rows.itemsize
    ctypes.memmove(rows.ctypes.data, start, rows.nbytes)


def common_prefix(cached: list[int], wanted: list[int]) -> int:
    """How many tokens both begin with."""
    n = min(len(cached), len(wanted))
    if cached[:n] == wanted[:n]:
        return n
    return next(i for i in range(n) if cached[i] != wanted[i])


def open_context(
    weights: Weights,
    options: Options,
    n_ctx: int,
    n_batch: int,
    n_outputs: int,
    hook: LayerHook | None,
    *,
    n_sequences: int = 1,
) -> object:
    """A llama_context *, whose `n_ctx` tokens are those of all sequences. Raises `BadOption`."""
    params = api.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch = n_batch
    params.n_ubatch = min(options.n_ubatch, n_batch)
    params.n_outputs_max = n_outputs
    params.n_seq_max, params.kv_unified = n_sequences, False
    params.n_threads = params.n_threads_batch = threads_for(weights.size_bytes, options)
    params.flash_attn_type = _FLASH[options.flash_attention]
    params.type_k = params.type_v = KV_TYPES[options.kv_type][0]
    params.pooling_type = api.LLAMA_POOLING_TYPE_NONE
    params.embeddings = False
    params.no_perf = True
    if hook:
        params.cb_eval = hook.callback
    return init_context(weights, params)


def init_context(weights: Weights, params: Any, *, remedy: str = "try a smaller `n_ctx`") -> object:
    """Raises `BadOption` if llama.cpp cannot open it."""
    library.take_errors()
    context = api.llama_init_from_model(weights.pointer, params)
    if not context:
        raise BadOption(
            f"{weights.path.name}: llama.cpp cannot open a context of {params.n_ctx} tokens "
            f"({library.take_errors() or 'no reason given'}): {remedy}"
        )
    return context


def close_context(context: object) -> None:
    api.llama_free(context)


def free_context(context: object, batch: object, _weights: Weights) -> None:
    # The weights are an argument so that they outlive the context.
    api.llama_batch_free(batch)
    close_context(context)
