"""Contexts go on where an earlier one was, perhaps of another day: their states lie in `state_files`.

A context asks here before it evaluates a long text, and whoever runs a conversation says when a state is
worth keeping (`keep`): after an answer, with time to spare, or before the context reads something else.
Files are written by a thread. What a state was made from is said with each question (`begin`); without
that nothing is kept. A state of a composition holds what its bridge stored, too (`Beside`).
"""

import contextlib
import hashlib
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from localcollab.llama import library
from localcollab.llama.machine import available_bytes, build_id
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights
from localcollab.storage.state_files import Entry, StateFiles, Tokens, n_shared

WORTH_KEEPING = 128
"""Tokens: fewer are read again, and their logits keep the bits of a single reading."""
_SHARE_OF_MEMORY = 4
_N_WAITING = 8
_LENGTH_BYTES = 8


DEFAULT_GB = 2.0


def open_prompt_cache(most_gb: float | None = None) -> "PromptCache | None":
    """In the user's folder. None: `most_gb` is 0."""
    limit = DEFAULT_GB if most_gb is None else most_gb
    return PromptCache(StateFiles(limit_bytes=round(limit * 1e9))) if limit else None


class Context(Protocol):
    """As much of a `LlamaModel` as is needed here."""

    weights: Weights
    n_ctx: int

    @property
    def cached(self) -> Sequence[int]: ...
    @property
    def shortest(self) -> int: ...
    @property
    def state_bytes(self) -> int: ...
    def state(self) -> bytearray: ...
    def take_state(self, tokens: list[int], data: memoryview) -> bool: ...
    def forget(self) -> None: ...


class Beside(Protocol):
    """What stands beside a context's cache and follows it, position by position."""

    @property
    def key(self) -> str:
        """Identifies what is computed besides the model."""
        ...

    def dump(self, n_tokens: int) -> bytes: ...
    def fill(self, n_tokens: int, data: memoryview) -> bool:
        """False: not of this shape."""
        ...


@dataclass(frozen=True, slots=True)
class _Made:
    """From what, and since when."""

    origins: frozenset[str] = frozenset()
    since: float = 0.0


class PromptCache:
    """One process's use of the states on disk. Contexts that share it are read by one thread, or in turn;
    any thread may say `begin`."""

    def __init__(self, files: StateFiles) -> None:
        self.files = files
        with contextlib.suppress(OSError):  # then nothing is kept
            files.prepare()
        self._made = _Made()
        self._waiting: queue.Queue[tuple[Entry, list[bytes | bytearray], float]] = queue.Queue(
            _N_WAITING
        )
        self._writer: threading.Thread | None = None

    @property
    def made(self) -> _Made:
        return self._made

    def begin(self, *origins: str) -> None:
        """What is read from now on is made from these; none: it is not kept."""
        self._made = _Made(frozenset(origins), time.time())

    def begin_again(self) -> None:
        """From the same, as it is now."""
        self._made = replace(self._made, since=time.time())

    def context(
        self, model: Context, sha256: str, options: Options, beside: Beside | None = None
    ) -> "KeptStates":
        """`sha256`: of the weights, with their adapter."""
        key = _key(model, sha256, options, beside)
        return KeptStates(self, model, key, beside)

    def write(self, entry: Entry, parts: list[bytes | bytearray], since: float) -> None:
        """Soon; not at all if many are waiting, as on a disk that hardly answers."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="states", daemon=True)
            self._writer.start()
        try:
            self._waiting.put_nowait((entry, parts, since))
        except queue.Full:
            return

    def flush(self) -> None:
        """Wait until everything is written."""
        self._waiting.join()

    def _write(self) -> None:
        while True:
            entry, parts, since = self._waiting.get()
            try:
                with contextlib.suppress(MemoryError):  # then it is not kept
                    self.files.put(entry, parts, since)
            finally:
                del entry, parts
                self._waiting.task_done()


class KeptStates:
    """The states of one context. Used by whoever reads it."""

    def __init__(self, cache: PromptCache, model: Context, key: str, beside: Beside | None) -> None:
        self._cache, self._key, self._beside = cache, key, beside
        self._name = model.weights.path.name
        self._expected: list[int] = []
        self._is_searched, self._recalls = False, True
        self._made = _Made()
        self._kept: Tokens = np.empty(0, np.int32)
        self._recalled: Entry | None = None
        self.n_recalled = 0
        """Tokens that were not evaluated thanks to states from disk."""

    def expect(self, tokens: Sequence[int], *, recall: bool) -> None:
        """The text that will be read next, perhaps in parts; not `recall`: without a look at the disk."""
        self._expected, self._is_searched, self._recalls = list(tokens), False, recall

    def before_read(self, model: Context, wanted: list[int], n_held: int) -> bool:
        """Called before tokens are evaluated. True: the context now holds another beginning."""
        self._made = self._cache.made
        if not self._recalls:
            return False
        n_expected = 0 if self._is_searched else len(self._expected)
        if max(len(wanted), n_expected) - n_held < WORTH_KEEPING:
            return False
        is_expected = self._expected[: len(wanted)] == wanted
        target = self._expected if is_expected else wanted
        if len(target) - n_held < WORTH_KEEPING or (is_expected and self._is_searched):
            return False
        self._is_searched = is_expected
        entry = self._cache.files.find(
            self._key, target, n_held, least=WORTH_KEEPING, most=model.n_ctx
        )
        if entry is None or not _fits_memory(entry.n_bytes):
            return False
        return self._recall(model, entry, n_shared(entry.tokens, np.asarray(target)) - n_held)

    def keep(self, model: Context, least_new: float) -> None:
        """Write what the context holds, if at least this share of it is not on disk yet."""
        tokens = np.asarray(model.cached, np.int32)
        n_new = len(tokens) - n_shared(self._kept, tokens)
        if len(tokens) < WORTH_KEEPING or not self._made.origins:
            return
        if not n_new or n_new < least_new * len(tokens):
            return
        data = model.state() if _fits_memory(model.state_bytes) else bytearray()
        if not data:
            return
        beside = self._beside.dump(len(tokens)) if self._beside else b""
        length = len(beside).to_bytes(_LENGTH_BYTES, "little")
        entry = Entry(self._key, self._name, tokens, self._made.origins, model.shortest)
        self._kept = tokens
        self._cache.write(entry, [length, beside, data], self._made.since)

    def distrust(self, model: Context) -> None:
        """The context computes no numbers: what it went on from, if from a state, is deleted."""
        if self._recalled is not None:
            self._cache.files.drop(self._recalled)
            self._recalled = None
            model.forget()

    def _recall(self, model: Context, entry: Entry, n_spared: int) -> bool:
        body = self._cache.files.load(entry)
        if body is None:
            return False
        model.forget()
        if self._filled(model, entry, body):
            self._kept, self._recalled = entry.tokens, entry
            self.n_recalled += n_spared
        else:
            model.forget()
            self._cache.files.drop(entry)
        return True

    def _filled(self, model: Context, entry: Entry, body: memoryview) -> bool:
        n_tokens = len(entry.tokens)
        n_beside = int.from_bytes(body[:_LENGTH_BYTES], "little")
        beside, data = body[_LENGTH_BYTES:][:n_beside], body[_LENGTH_BYTES + n_beside :]
        if self._beside is None:
            is_sound = not n_beside
        else:
            is_sound = self._beside.fill(n_tokens, beside)
        return is_sound and model.take_state(entry.tokens.tolist(), data)


def _key(model: Context, sha256: str, options: Options, beside: Beside | None) -> str:
    """Over everything that decides the numbers in a state, but the tokens."""
    weights = model.weights
    trained = weights.header.number("rope.scaling.original_context_length")
    parts = (
        sha256, build_id(), options.kv_type, options.flash_attention, options.n_batch,
        options.n_ubatch, options.extra_buffers,
        options.n_gpu_layers if library.supports_gpu() else 0,
        # Some models rotate by other angles in a context longer than they were first trained for.
        trained is not None and model.n_ctx > trained,
        beside.key if beside else "",
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _fits_memory(n_bytes: int) -> bool:
    free = available_bytes()
    return free is None or n_bytes * _SHARE_OF_MEMORY <= free
