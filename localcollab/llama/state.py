"""The state of a context: keys and values of what it has read, as llama.cpp serializes them.

The bytes are walked through before llama.cpp gets them. It compares types and sizes with its own and
reads nothing beyond their end, but trusts positions. Only caches of keys and values are walked; recurrent
states, and caches whose cells hold more than a position, are refused.

`context`: a llama_context *; `n_window`: positions that its layers with a sliding window see, or 0.
"""

import ctypes

import numpy as np

from localcollab.llama.bindings import api

_MAGIC = 0xAF143CD8
_MOST_LAYERS, _LONGEST_NAME = 4096, 256
_CELL = np.dtype([("position", "<i4"), ("n_sequences", "<u4"), ("sequence", "<i4")])


class _Refused(Exception):
    pass


def size_bytes(context: object, n_window: int) -> int:
    if _has_window(n_window):
        return int(api.llama_state_get_size(context))
    return int(api.llama_state_seq_get_size(context, 0))


def read_state(context: object, n_window: int) -> bytearray:
    """A copy of all that the context has read; empty where llama.cpp fails."""
    n_bytes = size_bytes(context, n_window)
    data = bytearray(n_bytes)
    if not n_bytes:
        return data
    target = (ctypes.c_uint8 * n_bytes).from_buffer(data)
    if _has_window(n_window):
        n_written = api.llama_state_get_data(context, target, n_bytes)
    else:
        n_written = api.llama_state_seq_get_data(context, target, n_bytes, 0)
    return data if n_written == n_bytes else bytearray()


def settle(context: object) -> bool:
    """Make room behind what was restored as a whole context. False: what it held is lost.

    llama.cpp would put new tokens over the oldest ones of a sliding window, and rewinding the new ones
    would then reach into what is gone.
    """
    n_bytes = int(api.llama_state_seq_get_size(context, 0))
    buffer = (ctypes.c_uint8 * n_bytes)()
    n_written = api.llama_state_seq_get_data(context, buffer, n_bytes, 0)
    return bool(api.llama_state_seq_set_data(context, buffer, n_written, 0) == n_bytes)


def write_state(context: object, n_window: int, data: memoryview) -> bool:
    """Into an empty context. False: llama.cpp refuses it. `data` is sound, by `is_sound`."""
    source = np.frombuffer(data, np.uint8)
    pointer = source.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
    if _has_window(n_window):
        n_read = api.llama_state_set_data(context, pointer, len(data))
    else:
        n_read = api.llama_state_seq_set_data(context, pointer, len(data), 0)
    return bool(n_read == len(data))


def is_sound(n_window: int, data: memoryview | bytearray, n_tokens: int) -> bool:
    """Whether it is a state of exactly the positions 0 to `n_tokens` - 1, complete to the last byte; of
    layers with a window, of those from some position on."""
    reader = _Reader(memoryview(data))
    try:
        _skip_name(reader) if _has_window(n_window) else _skip_start(reader)
        _skip_cache(reader, n_tokens, least=n_tokens)
        while not reader.is_at_end:  # layers with a window have a cache of their own
            _skip_cache(reader, n_tokens, least=1)
    except _Refused:
        return False
    return True


def _has_window(n_window: int) -> bool:
    """The state of a sequence then lacks what has left the sliding window, and could not be rewound: that
    of the whole context is taken, which has only this sequence."""
    return n_window > 0


def _skip_start(reader: "_Reader") -> None:
    if reader.number("<u4") != _MAGIC:
        raise _Refused
    reader.number("<i4")  # the sequence it was of, which llama.cpp ignores


def _skip_name(reader: "_Reader") -> None:
    n_name = reader.number("<u4")
    if n_name > _LONGEST_NAME:
        raise _Refused
    reader.skip(n_name)  # of the architecture, which llama.cpp compares


def _skip_cache(reader: "_Reader", n_tokens: int, *, least: int) -> None:
    n_streams, n_cells = reader.number("<u4"), reader.number("<u4")
    if n_streams != 1 or not least <= n_cells <= n_tokens:
        raise _Refused
    cells = reader.cells(n_cells)
    expected = np.arange(n_tokens - n_cells, n_tokens, dtype=np.int32)
    if not np.array_equal(np.sort(cells["position"]), expected):
        raise _Refused
    if (cells["n_sequences"] != 1).any() or (cells["sequence"] != 0).any():
        raise _Refused
    is_transposed, n_layers = reader.number("<u4"), reader.number("<u4")
    if is_transposed > 1 or not 0 < n_layers <= _MOST_LAYERS:
        raise _Refused
    for _ in range(n_layers):
        reader.skip_rows(n_cells)
    for _ in range(n_layers):
        reader.skip_columns(n_cells) if is_transposed else reader.skip_rows(n_cells)


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def number(self, kind: str) -> int:
        size = np.dtype(kind).itemsize
        return int(np.frombuffer(self._take(size), kind)[0])

    def cells(self, n: int) -> np.ndarray:
        return np.frombuffer(self._take(n * _CELL.itemsize), _CELL)

    def skip_rows(self, n: int) -> None:
        self.number("<i4")  # the type
        self.skip(n * self.number("<u8"))

    def skip_columns(self, n: int) -> None:
        self.number("<i4")
        n_bytes, n_columns = self.number("<u4"), self.number("<u4")
        self.skip(n * n_bytes * n_columns)

    def skip(self, n: int) -> None:
        self._take(n)

    def _take(self, n: int) -> memoryview:
        if n > len(self._data) - self._at:
            raise _Refused
        part = self._data[self._at : self._at + n]
        self._at += n
        return part
