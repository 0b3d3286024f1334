"""What models computed for the beginnings of texts, kept on disk: one file for each, in a private folder.

A file holds the token ids, bytes that this module does not interpret, and in its head what they were made
from. An HMAC over the whole file with a key of this folder is checked before the bytes are handed out: a
damaged, cut or foreign file is deleted and nothing else happens. So nothing needs to reach the disk at
once, and no write waits for it. Files that were not used for longest go first when the limit is reached.

`forget` deletes what was made from a conversation or a collection, and leaves a mark by which another
process, or a writer that is still at work, does not bring it back.
"""

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import platformdirs

from localcollab.storage.locking import one_at_a_time

Tokens = npt.NDArray[np.int32]
Part = bytes | bytearray | memoryview

_MAGIC, _SUFFIX, _PARTIAL = b"LCSTATE1", ".state", ".partial"
_MAC_BYTES, _KEY_BYTES = 32, 32
_MOST_HEAD, _MOST_TOKENS = 2**16, 2**24
_LEAST_FREE_BYTES = 2**29
_SECONDS_MARKED = 30 * 86_400
"""A conversation that was deleted so long ago is held by no process."""
_SAME = 7 / 8
"""A state of the same origin that shares so much with a new one is replaced by it."""


def states_folder() -> Path:
    return platformdirs.user_cache_path("localcollab") / "states"


def conversation(id_: str) -> str:
    """The origin that `forget` knows a conversation's states by."""
    return f"conversation:{id_}"


SERVED = "server"
"""The origin of what clients of a server asked, whose conversations may be in the history."""


def collection(path: Path | None) -> str:
    """The origin of what was computed from passages of a collection."""
    return f"collection:{path}"


@dataclass(frozen=True, slots=True)
class Entry:
    """The head of a file, unchecked; of one that is yet to be written, without the last three."""

    key: str
    """Equal keys: states can stand for each other."""
    model: str
    """For people."""
    tokens: Tokens
    origins: frozenset[str]
    shortest: int = 0
    """To how many tokens it can be cut."""
    path: Path = Path()
    n_bytes: int = 0
    used: float = 0.0

    def n_usable(self, wanted: Tokens) -> int:
        """How many tokens of `wanted` it spares; the last one is always read."""
        n = n_shared(self.tokens, wanted)
        return n if min(n, len(wanted) - 1) >= self.shortest else 0


def n_shared(one: Tokens, other: Tokens) -> int:
    """The length of the common beginning."""
    n = min(len(one), len(other))
    differ = np.flatnonzero(one[:n] != other[:n])
    return int(differ[0]) if len(differ) else n


class StateFiles:
    """Any thread and process may use the same folder. What cannot be read or written is not there;
    only `prepare`, `entries` and `clear` raise `OSError`."""

    def __init__(self, folder: Path | None = None, limit_bytes: int = 2 * 10**9) -> None:
        """A missing folder is created by `prepare`, or with the first state."""
        self.folder = folder or states_folder()
        self.limit_bytes = limit_bytes

    def prepare(self) -> None:
        """From now on `forget` leaves marks. Raises `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.folder.stat().st_mode & 0o077:
            self.folder.chmod(0o700)

    def find(
        self, key: str, wanted: Sequence[int], n_held: int, *, least: int, most: int
    ) -> Entry | None:
        """The state of up to `most` tokens that spares most of `wanted`: at least `least` more than the
        `n_held` that the reader has, and a sixteenth of its own, because a state is read whole."""
        ids = np.asarray(wanted, np.int32)
        best, n_best = None, n_held
        for entry in self._entries(key):
            n = entry.n_usable(ids)
            worth = max(least, len(entry.tokens) // 16)
            if n > n_best and n - n_held >= worth and len(entry.tokens) <= most:
                best, n_best = entry, n
        return best

    def load(self, entry: Entry) -> memoryview | None:
        """Its bytes, once they are known to be what this folder's owner stored; else it is deleted."""
        with contextlib.suppress(OSError):
            data = _read(entry.path)
            key = self._key()
            tag = data[len(_MAGIC) : len(_MAGIC) + _MAC_BYTES]
            signed = memoryview(data)[len(_MAGIC) + _MAC_BYTES :]
            if key and hmac.compare_digest(hmac.digest(key, signed, "sha256"), tag):
                os.utime(entry.path)
                return signed[_body_offset(signed, entry) :]
        self.drop(entry)
        return None

    def drop(self, entry: Entry) -> None:
        with contextlib.suppress(OSError):
            entry.path.unlink()

    def put(self, entry: Entry, parts: Sequence[Part], since: float) -> bool:
        """Store `parts` as one state. False: it was not stored, because of its size or of the disk, or
        because one of its origins was forgotten after `since`."""
        head = _head_of(entry)
        n_bytes = len(_MAGIC) + _MAC_BYTES + len(head) + sum(len(part) for part in parts)
        try:
            self.prepare()
            if n_bytes > self.limit_bytes or not self._has_room(n_bytes):
                return False
            with one_at_a_time(self.folder / "lock"):
                key = self._key() or self._new_key()
            partial = self._write(entry.key, key, [head, *parts])
            with one_at_a_time(self.folder / "lock"):
                if self._is_forgotten(entry.origins, since):
                    partial.unlink()
                    return False
                self._replace_like(entry)
                os.replace(partial, partial.with_suffix(_SUFFIX))
                self._shrink(self.limit_bytes)
        except OSError:
            return False
        return True

    def entries(self) -> list[Entry]:
        """Most recently used first. Raises `OSError` where the folder cannot be read."""
        return sorted(self._entries(""), key=lambda entry: -entry.used)

    def clear(self) -> tuple[int, int]:
        """How many states were deleted, and their bytes. Raises `OSError`."""
        n_bytes, found = 0, sorted(self.folder.glob("*" + _SUFFIX))
        for path in (*found, *self.folder.glob("*" + _PARTIAL)):
            n_bytes += path.stat().st_size
            path.unlink()
        return len(found), n_bytes

    def forget(self, *origins: str) -> None:
        """Delete what was made from any of them, now and where it is still being written."""
        if not self.folder.is_dir():
            return  # nobody has prepared to write
        with contextlib.suppress(OSError), one_at_a_time(self.folder / "lock"):
            self._mark(origins)
            for entry in self._entries(""):
                if entry.origins & set(origins):
                    self.drop(entry)

    # Files

    def _entries(self, key: str) -> Iterator[Entry]:
        try:
            paths = sorted(self.folder.glob(f"{key[:16]}*{_SUFFIX}"))
        except OSError:
            return
        for path in paths:
            entry = _read_head(path)
            if entry is None:
                with contextlib.suppress(OSError):
                    path.unlink()
            elif not key or entry.key == key:
                yield entry

    def _has_room(self, n_bytes: int) -> bool:
        return shutil.disk_usage(self.folder).free >= n_bytes + _LEAST_FREE_BYTES

    def _write(self, key: str, secret: bytes, parts: Sequence[Part]) -> Path:
        mac = hmac.new(secret, digestmod="sha256")
        for part in parts:
            mac.update(part)
        path = self.folder / f"{key[:16]}-{secrets.token_hex(8)}{_PARTIAL}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                for part in (_MAGIC, mac.digest(), *parts):
                    file.write(part)
        except BaseException:
            path.unlink()
            raise
        return path

    def _replace_like(self, new: Entry) -> None:
        for old in self._entries(new.key):
            if old.shortest < new.shortest:
                continue  # it serves other texts, too
            shared = n_shared(old.tokens, new.tokens)
            is_same = old.origins == new.origins and shared >= _SAME * len(old.tokens)
            if is_same or (shared == len(old.tokens) and old.origins <= new.origins):
                self.drop(old)

    def _shrink(self, limit_bytes: int) -> None:
        found = [(path.stat(), path) for path in self.folder.glob("*" + _SUFFIX)]
        total = sum(about.st_size for about, _ in found)
        for about, path in sorted(found, key=lambda each: each[0].st_mtime_ns):
            if total <= limit_bytes:
                break
            path.unlink()
            total -= about.st_size
        an_hour_ago = time.time() - 3600
        for path in self.folder.glob("*" + _PARTIAL):  # of a process that was killed
            if path.stat().st_mtime < an_hour_ago:
                path.unlink()

    # The key, and marks of what was forgotten

    def _key(self) -> bytes | None:
        try:
            key = (self.folder / "key").read_bytes()
        except OSError:
            return None
        return key if len(key) == _KEY_BYTES else None

    def _new_key(self) -> bytes:
        """What another key signed is worth nothing any more."""
        path, key = self.folder / "key", secrets.token_bytes(_KEY_BYTES)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(key)
        return key

    def _mark_of(self, origin: str) -> Path:
        return self.folder / "forgotten" / hashlib.sha256(origin.encode()).hexdigest()[:32]

    def _mark(self, origins: Collection[str]) -> None:
        (self.folder / "forgotten").mkdir(exist_ok=True, mode=0o700)
        now = time.time()
        for old in (self.folder / "forgotten").iterdir():
            if old.stat().st_mtime < now - _SECONDS_MARKED:
                old.unlink()
        for origin in origins:
            mark = self._mark_of(origin)
            mark.touch(0o600)
            os.utime(mark, (now, now))

    def _is_forgotten(self, origins: Collection[str], since: float) -> bool:
        for origin in origins:
            with contextlib.suppress(FileNotFoundError):
                if self._mark_of(origin).stat().st_mtime >= since:
                    return True
        return False


def _head_of(entry: Entry) -> bytes:
    about = {
        "key": entry.key, "model": entry.model, "n_tokens": len(entry.tokens),
        "origins": sorted(entry.origins), "shortest": entry.shortest,
    }  # fmt: skip
    text = json.dumps(about).encode()
    return len(text).to_bytes(4, "little") + text + entry.tokens.astype("<i4").tobytes()


def _body_offset(signed: memoryview, entry: Entry) -> int:
    return 4 + int.from_bytes(signed[:4], "little") + 4 * len(entry.tokens)


def _read_head(path: Path) -> Entry | None:
    """None: not a file of this format, or one that was cut."""
    try:
        with _opened(path) as file:
            about = os.fstat(file.fileno())
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
            file.seek(_MAC_BYTES, os.SEEK_CUR)
            n_head = int.from_bytes(file.read(4), "little")
            if n_head > _MOST_HEAD:
                return None
            head = json.loads(file.read(n_head))
            n_tokens = head["n_tokens"]
            if not isinstance(n_tokens, int) or not 0 < n_tokens <= _MOST_TOKENS:
                return None
            ids = file.read(4 * n_tokens)
            if len(ids) != 4 * n_tokens:
                return None
            origins = frozenset(str(origin) for origin in head["origins"])
            return Entry(
                str(head["key"]), str(head["model"]), np.frombuffer(ids, "<i4"), origins,
                int(head["shortest"]), path, about.st_size, about.st_mtime,
            )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _opened(path: Path) -> BinaryIO:
    """Raises `OSError` for what is not a regular file of its own: a link, a FIFO that would wait."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    file = os.fdopen(fd, "rb")
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        file.close()
        raise OSError(f"{path} is not a file")
    return file


def _read(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()
