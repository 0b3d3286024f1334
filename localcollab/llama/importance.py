"""Sums of squared inputs of every weight matrix while text is read: the data of an importance matrix.

llama.cpp calls its evaluation callback for every graph node; the first source of a `mul_mat` is the
weight and the second its input. Does what llama.cpp's own imatrix tool does. CPU only.
"""

import ctypes
from collections.abc import Sequence

import numpy as np

from localcollab.errors import EvaluationFailed
from localcollab.language_model import Float32Array
from localcollab.llama import library
from localcollab.llama.bindings import api, ggml
from localcollab.llama.opening import init_context
from localcollab.llama.options import Options, threads_for
from localcollab.llama.weights import Weights

_MUL_MAT, _MUL_MAT_ID = b"MUL_MAT", b"MUL_MAT_ID"
_F32 = 0
_FEWEST_ROWS = 16
"""Smaller batches are skipped, as in llama.cpp's tool."""


class _Tensor(ctypes.Structure):
    """ggml.h, struct ggml_tensor, up to `src`."""

    _fields_ = [
        ("type", ctypes.c_int), ("buffer", ctypes.c_void_p), ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4), ("op", ctypes.c_int), ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32), ("src", ctypes.c_void_p * 10),
    ]  # fmt: skip


class Importance:
    """Reads windows of tokens and sums. `sums`: weight -> (n_matrices, n_columns)."""

    def __init__(self, weights: Weights, n_ctx: int) -> None:
        """Raises `BadOption` if no context can be opened."""
        self.sums: dict[str, np.ndarray] = {}
        self.counts: dict[str, np.ndarray] = {}
        self._weights = weights
        self._error: Exception | None = None
        self._ggml = ggml()
        self._callback = api.ggml_backend_sched_eval_callback(self._on_node)
        self._batch = api.llama_batch_init(n_ctx, 0, 1)
        self._context = self._open(n_ctx)

    def close(self) -> None:
        api.llama_free(self._context)
        api.llama_batch_free(self._batch)

    def read(self, tokens: Sequence[int]) -> None:
        """Raises `EvaluationFailed`."""
        api.llama_memory_clear(api.llama_get_memory(self._context), True)
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, i
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            # Every position is an output, so that the last layers read all of them.
            batch.logits[i] = True
        code = api.llama_decode(self._context, batch)
        if self._error:
            raise self._error
        if code:
            raise EvaluationFailed(
                f"{self._weights.path.name}: llama.cpp could not read the text (code {code}): "
                f"{library.take_errors() or 'no reason given'}"
            )

    def _open(self, n_ctx: int) -> object:
        params = api.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = params.n_outputs_max = n_ctx
        params.n_seq_max = 1
        threads = threads_for(self._weights.size_bytes, Options())
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        params.cb_eval = self._callback
        return init_context(self._weights, params, remedy="give a smaller `window`")

    def _on_node(self, node: int, ask: bool, _data: object) -> bool:
        tensor = _Tensor.from_address(node)
        name = self._ggml.ggml_op_desc(node)
        if ask:
            return name == _MUL_MAT_ID or (name == _MUL_MAT and self._is_wanted(tensor))
        try:
            self._add_routed(tensor) if name == _MUL_MAT_ID else self._add(tensor)
        except Exception as error:  # ctypes would print it and continue
            self._error = error
        return self._error is None

    def _is_wanted(self, tensor: _Tensor) -> bool:
        source = _Tensor.from_address(tensor.src[1])
        if source.ne[1] < _FEWEST_ROWS or source.type != _F32:
            return False
        return bool(self._name(tensor).startswith("blk."))

    def _name(self, tensor: _Tensor) -> str:
        name: bytes = self._ggml.ggml_get_name(tensor.src[0])
        # A copy for another device is named DEVICE#NAME#NUMBER.
        text = name.decode("utf-8", "replace")
        return text.split("#")[1] if text.count("#") >= 2 else text

    def _rows(self, address: int) -> Float32Array:
        """The input: (ne3, ne2, ne1, ne0)."""
        source = _Tensor.from_address(address)
        n_bytes = self._ggml.ggml_nbytes(address)
        data = np.empty(n_bytes, np.uint8)
        self._ggml.ggml_backend_tensor_get(address, data.ctypes.data, 0, n_bytes)
        shape, strides = tuple(source.ne)[::-1], tuple(source.nb)[::-1]
        return np.ndarray(shape, np.float32, data.data, strides=strides)

    def _add(self, tensor: _Tensor) -> None:
        weight, rows = _Tensor.from_address(tensor.src[0]), self._rows(tensor.src[1])
        n2, n3 = weight.ne[2], weight.ne[3]
        sums, counts = self._entry(self._name(tensor), n2 * n3, rows.shape[-1])
        squares = np.square(rows, dtype=np.float64).sum(axis=2)  # (ne3, ne2, ne0)
        for i3 in range(rows.shape[0]):
            for i2 in range(rows.shape[1]):
                matrix = (i3 % n3) * n2 + i2 % n2
                sums[matrix] += squares[i3, i2]
                counts[matrix] += rows.shape[2]

    def _add_routed(self, tensor: _Tensor) -> None:
        """Experts of a mixture: each reads only the tokens routed to it."""
        weight, rows = _Tensor.from_address(tensor.src[0]), self._rows(tensor.src[1])[0]
        routes = _Tensor.from_address(tensor.src[2])
        n_bytes = self._ggml.ggml_nbytes(tensor.src[2])
        data = np.empty(n_bytes, np.uint8)
        self._ggml.ggml_backend_tensor_get(tensor.src[2], data.ctypes.data, 0, n_bytes)
        shape, strides = (routes.ne[1], routes.ne[0]), (routes.nb[1], routes.nb[0])
        chosen = np.ndarray(shape, np.int32, data.data, strides=strides)  # (tokens, used)
        sums, counts = self._entry(self._name(tensor), weight.ne[2], rows.shape[-1])
        for used in range(chosen.shape[1]):
            inputs = rows[:, used % rows.shape[1]]  # (tokens, columns)
            np.add.at(sums, chosen[:, used], np.square(inputs, dtype=np.float64))
            np.add.at(counts, chosen[:, used], 1)

    def _entry(self, name: str, n_matrices: int, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
        if name not in self.sums:
            self.sums[name] = np.zeros((n_matrices, n_columns))
            self.counts[name] = np.zeros(n_matrices)
        return self.sums[name], self.counts[name]
