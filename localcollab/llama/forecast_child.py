"""The child process of `forecast`: opens a whole team without weights and reports the memory it needs.

llama.cpp's `no_alloc` reads metadata only and plans every buffer without allocating it. The memory of
this process itself (libraries, vocabularies, plans) is the runtime's share. Request and answer are
JSON, on stdin and stdout. Exit 3: refused, the last line of stderr says why.
"""

import ctypes
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

from localcollab.errors import LocalcollabError
from localcollab.llama import library, machine
from localcollab.llama.machine import peak_rss_bytes
from localcollab.llama.opening import close_context, open_context
from localcollab.llama.options import Options
from localcollab.llama.weights import KV_TYPES, Weights, plan_weights

_PLANNED = re.compile(r"(\S+)\s+(compute|output|KV|RS) buffer size\s*=\s*([\d.]+) MiB")
_CACHE = re.compile(r"size\s*=\s*([\d.]+) MiB \(\s*\d+ cells")
_MORE_TOKENS = 2048
_GPU_TYPES = (1, 2)  # ggml-backend.h: GGML_BACKEND_DEVICE_TYPE_GPU, _IGPU
_STATE = re.compile(r"size\s*=\s*([\d.]+) MiB \(\s*\d+ (?:cells|seqs).*(?:R|S) \(")


class _Lines(logging.Handler):
    """llama.cpp reports what it plans only in its log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def take(self) -> str:
        text = "\n".join(self.lines)
        self.lines.clear()
        return text


def planned(text: str) -> dict[str, int]:
    """Bytes of a context by purpose: `cache`, `compute` on the host, `compute_gpu`."""
    found = {"cache": 0, "compute": 0, "compute_gpu": 0}
    for line in text.splitlines():
        cache = _CACHE.search(line) or _STATE.search(line)
        buffer = _PLANNED.search(line)
        if cache:
            found["cache"] += _bytes(cache[1])
        elif buffer and buffer[2] in ("compute", "output"):
            on_host = "CPU" in buffer[1] or "Host" in buffer[1]
            found["compute" if on_host else "compute_gpu"] += _bytes(buffer[3])
    return found


def _bytes(mebibytes: str) -> int:
    return int(float(mebibytes) * 2**20)


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Opens every file once, then every context. Raises `LocalcollabError`."""
    lines = _Lines()
    logger = logging.getLogger("localcollab.llama")
    logger.addHandler(lines)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    library.start()
    options = Options(**request["options"])
    weights = {
        file["path"]: plan_weights(
            Path(file["path"]), options.n_gpu_layers, extra_buffers=file["extra_buffers"]
        )
        for file in request["files"]
    }
    for opened in weights.values():
        _ = opened.vocabulary
    sizes = [context["n_ctx"] for context in request["contexts"]]
    chosen = _as_opened(request, weights, options)
    n_ctxs = [n or default for n, default in zip(sizes, chosen, strict=True)]
    contexts = _open_all(request, weights, options, n_ctxs, lines)
    runtime = peak_rss_bytes()
    more = _open_all(request, weights, options, [n + _MORE_TOKENS for n in n_ctxs], lines)
    for context, longer in zip(contexts, more, strict=True):
        grown = sum(longer[k] - context[k] for k in ("cache", "compute", "compute_gpu"))
        context["per_token"] = max(0, grown) // _MORE_TOKENS
    files = [{"weights": opened.size_bytes} for opened in weights.values()]
    gpus = gpu_memory() if library.supports_gpu() else []
    return {"files": files, "contexts": contexts, "runtime": runtime, "gpus": gpus}


def _as_opened(request: dict[str, Any], weights: dict[str, Weights], options: Options) -> list[int]:
    """The n_ctx that opening the team would choose for each, given what the earlier ones leave free."""
    free = request["free"]
    if free is not None:
        free = max(0, free - sum(opened.size_bytes for opened in weights.values()))
    chosen = []
    for context in request["contexts"]:
        opened = weights[context["path"]]
        a_token = opened.kv_bytes_per_token(KV_TYPES[options.kv_type][1])
        n_ctx = opened.n_ctx_train
        if free is not None and a_token:
            n_ctx = min(n_ctx, max(256, free // 4 // a_token // 256 * 256))
            free = max(0, free - n_ctx * a_token)
        chosen.append(n_ctx)
    return chosen


def _open_all(
    request: dict[str, Any],
    weights: dict[str, Weights],
    options: Options,
    n_ctxs: list[int],
    lines: _Lines,
) -> list[dict[str, int]]:
    """Opens all contexts at once, as in a team, and closes them."""
    pointers, found = [], []
    for context, n_ctx in zip(request["contexts"], n_ctxs, strict=True):
        lines.take()
        n_batch = min(options.n_batch, n_ctx)
        opened = weights[context["path"]]
        n_outputs = min(options.outputs_of(opened.vocabulary.n_tokens), n_batch)
        pointers.append(open_context(opened, options, n_ctx, n_batch, n_outputs, None))
        found.append({"n_ctx": n_ctx, "n_ctx_train": opened.n_ctx_train, **planned(lines.take())})
    for pointer in pointers:
        close_context(pointer)
    return found


def gpu_memory() -> list[dict[str, Any]]:
    """Name, free and total bytes of every GPU of this build."""
    names = {"darwin": "libggml.dylib", "win32": "ggml.dll"}
    ggml = ctypes.CDLL(str(machine.library_dir() / names.get(sys.platform, "libggml.so")))
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    ggml.ggml_backend_dev_name.restype = ctypes.c_char_p
    ggml.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    size = ctypes.POINTER(ctypes.c_size_t)
    ggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    found = []
    for n in range(ggml.ggml_backend_dev_count()):
        device = ggml.ggml_backend_dev_get(n)
        if ggml.ggml_backend_dev_type(device) not in _GPU_TYPES:
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        name = ggml.ggml_backend_dev_name(device).decode("utf-8", "replace")
        found.append({"name": name, "free": free.value, "total": total.value})
    return found


if __name__ == "__main__":
    try:
        print(json.dumps(main(json.load(sys.stdin))))
    except LocalcollabError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
