"""Reads and edits the outputs of layers inside llama.cpp's graph while it runs.

llama.cpp calls its evaluation callback for every node; the node `l_out-<i>` is the output of layer i
(counted from 0). After the last layer only output positions remain: it can be read, as `result_norm`
(after the final norm), if every position is an output, and cannot be edited. CPU only; not tested with
a GPU's scheduler.
"""

from collections.abc import Callable, Sequence

import numpy as np

from localcollab.errors import BadOption
from localcollab.language_model import Float32Array
from localcollab.llama.bindings import api, ggml

Edit = Callable[[int, int, Float32Array], Float32Array | None]
"""`edit(layer, position of the first row, rows (n, n_embd))` -> new rows, or None to leave them."""


class LayerHook:
    """Belongs to one context: `begin` tells it the position of the next batch.

    `only_reads`: `edit` always returns None, and `layers` may contain the last layer.
    """

    def __init__(
        self, layers: Sequence[int], n_embd: int, edit: Edit, *, only_reads: bool = False
    ) -> None:
        self.layers = tuple(sorted(set(layers)))
        self.needs_every_output = False
        self.error: Exception | None = None
        self._n_embd, self._edit, self._only_reads = n_embd, edit, only_reads
        self._names: dict[bytes, int] = {}
        self._next: dict[int, int] = {}
        self._ggml = ggml()
        self.callback = api.ggml_backend_sched_eval_callback(self._on_node)

    def bind(self, n_layers: int, owner: str) -> None:
        """Bind to a model's layers. Raises `BadOption` for a missing one, or the last one if edited."""
        last = n_layers - 1
        highest = last if self._only_reads else last - 1
        for layer in self.layers:
            if not 0 <= layer <= highest:
                raise BadOption(
                    f"{owner} has {n_layers} layers, so layer {layer} cannot be hooked: choose 0 to "
                    f"{highest}"
                )
        self._names = {
            b"result_norm" if layer == last else f"l_out-{layer}".encode(): layer
            for layer in self.layers
        }
        self.needs_every_output = last in self.layers

    def begin(self, position: int) -> None:
        self.error = None
        self._next = dict.fromkeys(self.layers, position)

    def _on_node(self, node: int, ask: bool, _data: object) -> bool:
        layer = self._names.get(self._ggml.ggml_get_name(node))
        if ask or layer is None:
            return layer is not None
        try:
            self._pass(node, layer)
        except Exception as error:  # ctypes would print it and continue
            self.error = error
        return self.error is None

    def _pass(self, node: int, layer: int) -> None:
        rows = np.empty(self._ggml.ggml_nelements(node), np.float32)
        self._ggml.ggml_backend_tensor_get(node, rows.ctypes.data, 0, rows.nbytes)
        rows = rows.reshape(-1, self._n_embd)
        edited = self._edit(layer, self._next[layer], rows)
        self._next[layer] += len(rows)
        if edited is not None:
            new = np.ascontiguousarray(edited, np.float32)
            assert new.shape == rows.shape, "an edit keeps its rows' shape"
            self._ggml.ggml_backend_tensor_set(node, new.ctypes.data, 0, new.nbytes)
