"""A binary file that reports how much of it was read or written."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from localcollab.progress import Counted, OnProgress
from localcollab.storage.parts import require_parts

_BYTES_BETWEEN_REPORTS = 2**20
_BLOCK_BYTES = 2**20


class CountedFile:
    """As much of a file as downloads, archives and hashes use. The caller closes `file`."""

    def __init__(self, file: BinaryIO, what: str, n_bytes: int, on_progress: OnProgress) -> None:
        """`n_bytes`: how many it will have at the end."""
        self._file, self._what, self._n_bytes = file, what, n_bytes
        self._on_progress, self._reported = on_progress, file.tell()
        self._report(self._reported)

    def read(self, n: int = -1, /) -> bytes:
        data = self._file.read(n)
        self._moved()
        return data

    def write(self, data: bytes, /) -> int:
        n_written = self._file.write(data)
        self._moved()
        return n_written

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, to: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(to, whence)

    def truncate(self, size: int | None = None, /) -> int:
        return self._file.truncate(size)

    def _moved(self) -> None:
        at = self._file.tell()
        if abs(at - self._reported) >= _BYTES_BETWEEN_REPORTS:
            self._report(at)

    def _report(self, at: int) -> None:
        self._reported = at
        self._on_progress(Counted(self._what, at // 10**6, self._n_bytes // 10**6, "MB"))


def counted_sha256(path: Path, on_progress: OnProgress) -> str:
    """Of a file that may be large, or in parts. Raises `BadModelFile` where one is missing."""
    digest = hashlib.sha256()
    for part in require_parts(path):
        with part.open("rb") as file:
            _add(digest, file, part.name, on_progress)
    return digest.hexdigest()


def digest_of(file: BinaryIO, name: str, on_progress: OnProgress) -> str:
    """sha256 of the rest of an open file."""
    digest = hashlib.sha256()
    _add(digest, file, name, on_progress)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", file: BinaryIO, name: str, on_progress: OnProgress) -> None:
    n_bytes = os.fstat(file.fileno()).st_size
    counted = CountedFile(file, f"hashing {name}", n_bytes, on_progress)
    while block := counted.read(_BLOCK_BYTES):
        digest.update(block)
