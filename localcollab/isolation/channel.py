"""Messages between the program and an engine: a record as JSON, perhaps with bytes behind it.

A message is the length of the record (4 bytes, little-endian), the record, and as many bytes as its
`n_bytes` says. Rows of logits do not pass here: they lie in a file that both processes map (`Rows`).
"""

import contextlib
import json
import mmap
import os
import selectors
import struct
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from localcollab.language_model import Float32Array

_LENGTH = struct.Struct("<I")
_MOST_BYTES = 64 * 2**20
"""No record and no list of tokens comes near; an engine that went wild may."""
_CAN_WAIT = os.name == "posix"
_SHARED_MEMORY = Path("/dev/shm")


class Message(NamedTuple):
    record: dict[str, Any]
    payload: bytes


class Channel:
    """Two file descriptors. Raises `EOFError` when the other side is gone, or speaks nonsense."""

    def __init__(self, read_from: int, write_to: int) -> None:
        self._in, self._out = read_from, write_to
        self._selector: selectors.BaseSelector | None = None
        if _CAN_WAIT:
            self._selector = selectors.DefaultSelector()
            self._selector.register(read_from, selectors.EVENT_READ)

    def send(self, record: dict[str, Any], payload: bytes = b"") -> None:
        if payload:
            record = record | {"n_bytes": len(payload)}
        text = json.dumps(record).encode()
        data = memoryview(_LENGTH.pack(len(text)) + text + payload)
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError as error:
            raise EOFError from error

    def has_message(self, seconds: float) -> bool:
        """Whether one begins to arrive in time, or never will. Windows cannot tell: True."""
        return self._selector is None or bool(self._selector.select(seconds))

    def receive(self) -> Message:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        try:
            record = json.loads(self._exactly(length))
            payload = self._exactly(int(record.get("n_bytes", 0)))
        except (ValueError, AttributeError, TypeError) as error:
            raise EOFError from error
        return Message(record, payload)

    def close(self) -> None:
        if self._selector is not None:
            self._selector.close()

    def _exactly(self, n: int) -> bytes:
        if not 0 <= n <= _MOST_BYTES:
            raise EOFError
        parts, n_left = [], n
        while n_left:
            try:
                part = os.read(self._in, min(n_left, 2**20))
            except OSError as error:
                raise EOFError from error
            if not part:
                raise EOFError
            parts.append(part)
            n_left -= len(part)
        return b"".join(parts)


class Rows:
    """A block of float32 rows that two processes map: (n_rows, width), by whoever has its path.

    The file has no name any more once both have it open, so nothing of it stays behind.
    """

    def __init__(self, path: Path, n_rows: int, width: int) -> None:
        with path.open("r+b") as file:
            file.truncate(max(1, n_rows * width * 4))
            self._map = mmap.mmap(file.fileno(), 0)
        self.block: Float32Array = np.frombuffer(
            self._map, np.float32, n_rows * width
        ).reshape(n_rows, width)  # fmt: skip

    def close(self) -> None:
        self.block = np.empty((0, 0), np.float32)
        with contextlib.suppress(BufferError):  # a view of it is still held: freed with that
            self._map.close()


def shared_file() -> Path:
    """A new file of this user's alone, in memory where the system has a place for it."""
    usable = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK)
    descriptor, name = tempfile.mkstemp(
        prefix="localcollab-rows-", dir=_SHARED_MEMORY if usable else None
    )
    os.close(descriptor)
    return Path(name)
