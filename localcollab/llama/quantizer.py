"""llama.cpp's own quantization of a GGUF file, or a plan of it: which tensor gets which type.

Call it in a child process: a damaged file may end the process, and only killing it stops the work.
"""

import ctypes
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localcollab.errors import BadModelFile
from localcollab.language_model import Float32Array
from localcollab.llama import library
from localcollab.llama.bindings import api

# llama.h, enum llama_ftype
FILE_TYPES = {
    "F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7, "Q6_K": 18, "Q5_K_M": 17, "Q5_K_S": 16, "Q5_1": 9,
    "Q5_0": 8, "Q4_K_M": 15, "Q4_K_S": 14, "Q4_1": 3, "Q4_0": 2, "IQ4_NL": 25, "IQ4_XS": 30,
    "Q3_K_L": 13, "Q3_K_M": 12, "Q3_K_S": 11, "IQ3_M": 27, "IQ3_S": 26, "IQ3_XS": 22,
    "IQ3_XXS": 23, "Q2_K": 10, "Q2_K_S": 21, "IQ2_M": 29, "IQ2_S": 28, "IQ2_XS": 20,
    "IQ2_XXS": 19, "IQ1_M": 31, "IQ1_S": 24, "TQ2_0": 37, "TQ1_0": 36, "MXFP4_MOE": 38,
    "Q2_0": 41, "Q1_0": 40,
}  # fmt: skip

_TENSOR = re.compile(r"\[\s*(\d+)/\s*(\d+)\]\s+(\S+)\s+- \[.*?\], type =\s*(\w+)")
_PLANNED = re.compile(r"MiB \((\w+)\)$")
_FALLBACK = re.compile(r"warning: (\S+)\s+- ncols\s+(\d+) .*falling back to\s+(\w+)")
_STRING_VALUE = 3  # llama.h, LLAMA_KV_OVERRIDE_TYPE_STR
_MAX_STRING = 127

OnTensor = Callable[[int, int, str], None]
"""`on_tensor(number, total, name)`"""


@dataclass(frozen=True, slots=True)
class Fallback:
    """A tensor whose row length is not a multiple of the block size of the requested type."""

    tensor: str
    n_columns: int
    type: str


@dataclass(frozen=True, slots=True)
class Quantized:
    types: Mapping[str, str]
    """Tensor -> type; only with `dry_run`."""
    fallbacks: tuple[Fallback, ...]
    needs_imatrix: bool


class _Log(logging.Handler):
    """Collects what the quantizer reports only in its log. Lines about tensors are DEBUG."""

    def __init__(self, on_tensor: OnTensor | None) -> None:
        super().__init__(logging.DEBUG)
        self.types: dict[str, str] = {}
        self.fallbacks: list[Fallback] = []
        self.needs_imatrix = False
        self._on_tensor = on_tensor

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if fallback := _FALLBACK.search(text):
            name, n_columns, kind = fallback.groups()
            self.fallbacks.append(Fallback(name, int(n_columns), kind.upper()))
        elif tensor := _TENSOR.search(text):
            number, total, name, old = tensor.groups()
            new = _PLANNED.search(text)
            self.types[name] = (new[1] if new else old).upper()
            if self._on_tensor:
                self._on_tensor(int(number), int(total), name)
        self.needs_imatrix |= "will require an imatrix" in text


def quantize(
    source: Path,
    out: Path,
    file_type: str,
    *,
    imatrix: Mapping[str, Float32Array] | None = None,
    provenance: Mapping[str, str] | None = None,
    n_threads: int = 0,
    dry_run: bool = False,
    again: bool = False,
    on_tensor: OnTensor | None = None,
) -> Quantized:
    """Write `out`; nothing with `dry_run`. `provenance` becomes metadata.

    `again`: the source may be quantized itself. `imatrix`: tensor -> mean square of each input column.
    Raises `BadModelFile`.
    """
    library.start()
    params = api.llama_model_quantize_default_params()
    params.ftype, params.nthread, params.dry_run = FILE_TYPES[file_type], n_threads, dry_run
    params.allow_requantize = again
    params.max_buf_size = 2**30
    alive = _set_imatrix(params, imatrix or {}), _set_provenance(params, provenance or {})
    log = _Log(on_tensor)
    old_level = library.logger.level
    library.logger.setLevel(logging.DEBUG)
    library.logger.addHandler(log)
    library.take_errors()
    try:
        code = api.llama_model_quantize(os.fsencode(source), os.fsencode(out), params)
    finally:
        library.logger.removeHandler(log)
        library.logger.setLevel(old_level)
    del alive
    if code:
        reason = " ".join(library.take_errors().replace("=", "").split())
        raise BadModelFile(
            f"{source}: cannot be quantized to {file_type} ({reason or 'no reason given'})"
        )
    return Quantized(log.types, tuple(log.fallbacks), log.needs_imatrix)


def _set_imatrix(params: object, imatrix: Mapping[str, Float32Array]) -> object:
    """Returns objects that must live as long as `params`."""
    if not imatrix:
        return None
    columns = {name: np.ascontiguousarray(data, np.float32) for name, data in imatrix.items()}
    entries = (api.llama_model_imatrix_data * (len(columns) + 1))()
    for entry, (name, data) in zip(entries, columns.items(), strict=False):
        entry.name, entry.size = name.encode(), data.size
        entry.data = data.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    params.imatrix = entries  # type: ignore[attr-defined]
    return entries, columns


def _set_provenance(params: object, values: Mapping[str, str]) -> object:
    if not values:
        return None
    overrides = (api.llama_model_kv_override * (len(values) + 1))()
    for override, (key, value) in zip(overrides, values.items(), strict=False):
        override.tag, override.key = _STRING_VALUE, key.encode()
        cut = value.encode()[:_MAX_STRING].decode("utf-8", "ignore")
        override.value.val_str = cut.encode()
    params.kv_overrides = overrides  # type: ignore[attr-defined]
    return overrides
