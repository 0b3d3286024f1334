"""Progress of a read: calls `on_chunk` between batches and, by llama.cpp's abort callback, inside one."""

import time

from localcollab.language_model import OnChunk
from localcollab.llama.bindings import api

_SECONDS_BETWEEN_CALLS = 0.02

NEVER = api.ggml_abort_callback()
"""A null function pointer: no abort callback."""


class Report:
    """Calls `on_chunk` between chunks and, rarely, inside one; `error` holds what it raised."""

    def __init__(self, on_chunk: OnChunk | None, total: int) -> None:
        self.on_chunk = on_chunk
        self.done, self.total = 0, total
        self.error: BaseException | None = None
        self._next = time.monotonic() + _SECONDS_BETWEEN_CALLS
        # Creating a callback costs more than a short read: only when it can be used.
        self.abort = api.ggml_abort_callback(self._should_abort) if on_chunk else NEVER

    def add(self, n_tokens: int) -> None:
        self.done += n_tokens
        if self.on_chunk is not None:
            self.on_chunk(self.done, self.total)

    def _should_abort(self, _data: object) -> bool:
        now = time.monotonic()
        if now < self._next or self.on_chunk is None:
            return self.error is not None
        self._next = now + _SECONDS_BETWEEN_CALLS
        try:
            self.on_chunk(self.done, self.total)
        except BaseException as error:  # ctypes would print and discard it
            self.error = error
        return self.error is not None
