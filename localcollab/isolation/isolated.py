"""A model that is evaluated in a child process: a `LanguageModel` that a crash does not take along.

When the engine dies, another is started, reads the text again and goes on: a note says so. One that dies
over the same text raises `WorkerLost`, and is then left alone for a while, longer each time.
"""

import contextlib
import logging
import os
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from localcollab import errors
from localcollab.children.ended import Ended
from localcollab.children.launch import Child
from localcollab.children.limits import whole_machine
from localcollab.errors import BadOption, ContextFull, LocalcollabError, WorkerLost
from localcollab.isolation.channel import Channel, Rows, shared_file
from localcollab.language_model import OnChunk, Reading, Stopped, rows_at_once
from localcollab.llama.opening import common_prefix
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights
from localcollab.vocabulary import Vocabulary

logger = logging.getLogger("localcollab.note")

_ENGINE = "localcollab.isolation.engine"
_PATIENCE = 0.05
"""Seconds between two looks at whether to stop, while an engine says nothing."""
_SECONDS_TO_STOP = 2.0
"""An engine that does not heed by then, as one that waits for a network, is ended."""
_LONGEST_SILENCE = 120.0
"""Seconds until a worker that says nothing is lost; a model here may take as long as it takes."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 120.0
"""Seconds that an engine is left alone after its second death in a row."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What an engine is to open. `weights` hold no tensors in this process."""

    name: str
    weights: Weights
    options: Options
    extra_buffers: bool
    """The probe's verdict."""
    adapter: Path | None = None
    worker: str | None = None
    """HOST:PORT of the machine that evaluates it; None: this one."""

    def request(self) -> dict[str, Any]:
        return {
            "do": "open", "name": self.name, "path": os.fspath(self.weights.path),
            "options": asdict(self.options), "extra_buffers": self.extra_buffers, "worker": self.worker,
            "adapter": None if self.adapter is None else os.fspath(self.adapter),
        }  # fmt: skip


class IsolatedModel:
    """One reader, as `LlamaModel`. `n_evaluated` and `n_batches` count over all its engines."""

    def __init__(self, opening: Opening, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts the first engine. Raises `WorkerLost`, and what opening a context raises."""
        self.name, self.weights = opening.name, opening.weights
        self.vocabulary: Vocabulary = opening.weights.vocabulary
        self._opening, self._pauses = opening, _Pauses(clock)
        self._sent: list[int] = []
        self._last: tuple[list[int], bool, Reading] | None = None
        self._before = (0, 0)
        self._counts = (0, 0)
        self._engine: _Engine | None = None
        first = self._started()
        self.n_ctx, self.n_embd = first.n_ctx, first.n_embd

    @property
    def n_evaluated(self) -> int:
        return self._before[0] + self._counts[0]

    @property
    def n_batches(self) -> int:
        return self._before[1] + self._counts[1]

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. Raises also `WorkerLost`."""
        wanted = list(tokens)
        known = self._known(wanted, last, hidden)
        if known is not None:
            return known
        self._check(wanted, last)
        try:
            return self._read(wanted, last, hidden, on_chunk)
        except WorkerLost as error:
            if self._pauses.n_lost > 1:
                raise
            logger.warning("%s", error)
        return self._read(wanted, last, hidden, on_chunk)

    def _read(
        self, wanted: list[int], last: int, hidden: bool, on_chunk: OnChunk | None
    ) -> Reading:
        engine = self._started()
        n_kept = common_prefix(self._sent, wanted)
        self._sent = wanted
        request = {
            "do": "read", "kept": n_kept, "last": last, "hidden": hidden,
            "chunks": on_chunk is not None,
        }  # fmt: skip
        reading = Reading(
            np.empty((last, self.vocabulary.n_tokens), np.float32),
            np.empty((last, self.n_embd), np.float32) if hidden else None,
        )
        with self._losing():
            new = np.asarray(wanted[n_kept:], np.int32).tobytes()
            self._note(engine.ask(request, new, reading, on_chunk))
        self._pauses.reset()
        self._last = (wanted, hidden, reading)
        return reading

    def forget(self) -> None:
        """Clear the cache: the next read evaluates every token."""
        self._last = None
        if self._engine is not None:
            with self._losing():
                self._engine.ask({"do": "forget"})

    def expect(self, tokens: Sequence[int], *, recall: bool = True) -> None:
        """As `LlamaModel`, without effect: the state of an engine stays in its process."""

    def keep_state(self, least_new: float = 0.0) -> None:
        """See `expect`."""

    def set_threads(self, n_threads: int | None) -> None:
        """From the next read on; None: as when it was opened. Raises `BadOption`."""
        with self._losing():
            self._started().ask({"do": "threads", "n_threads": n_threads})

    def close(self) -> None:
        """End the engine. A later read starts another one."""
        self._last, self._sent = None, []
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @property
    def pid(self) -> int | None:
        """Of the engine; None: there is none."""
        return None if self._engine is None else self._engine.pid

    def _check(self, tokens: list[int], last: int) -> None:
        # An engine says the same, but would be started for it.
        if not 0 <= last <= len(tokens) or not tokens:
            raise BadOption(
                f"{self.name}: last is {last} for {len(tokens)} tokens: give at least one token, and "
                "no more rows than tokens"
            )
        if len(tokens) > self.n_ctx:
            raise ContextFull(
                f"{self.name}: {len(tokens)} tokens do not fit its context of {self.n_ctx}: "
                "shorten the text, or use a larger `n_ctx`"
            )
        if not (0 <= min(tokens) and max(tokens) < self.vocabulary.n_tokens):
            raise BadOption(
                f"{self.name}: token ids {min(tokens)}..{max(tokens)} are outside its vocabulary of "
                f"{self.vocabulary.n_tokens}"
            )

    def _known(self, tokens: list[int], last: int, hidden: bool) -> Reading | None:
        """The last reading, or its end, where the same is asked again."""
        if self._last is None or not last:
            return None
        read, with_hidden, reading = self._last
        if read != tokens or last > len(reading.logits) or hidden > with_hidden:
            return None
        states = reading.hidden[-last:] if hidden and reading.hidden is not None else None
        return Reading(reading.logits[-last:], states)

    def _started(self) -> "_Engine":
        if self._engine is None:
            self._pauses.require(self.name)
            self._sent, self._last = [], None
            self._before, self._counts = (self.n_evaluated, self.n_batches), (0, 0)
            with self._losing():
                self._engine = _Engine(self._opening)
        return self._engine

    def _note(self, done: dict[str, Any]) -> None:
        self._counts = (int(done["n_evaluated"]), int(done["n_batches"]))

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        """The death of the engine is `WorkerLost`, and the next read starts another."""
        try:
            yield
        except _Died as death:
            self.close()
            self._pauses.lost()
            raise WorkerLost(
                f"{self.name}: its process {death}; the next question starts it again"
            ) from None
        except WorkerLost:  # as the engine says of its own worker
            self.close()
            self._pauses.lost()
            raise
        except BaseException:
            if self._engine is not None and not self._engine.in_step:
                self.close()
            raise


@dataclass(slots=True)
class _Pauses:
    """How long an engine that keeps dying is left alone."""

    clock: Callable[[], float]
    n_lost: int = 0
    until: float = field(default=0.0)

    def lost(self) -> None:
        self.n_lost += 1
        if self.n_lost > 1:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (self.n_lost - 2))
            self.until = self.clock() + pause

    def reset(self) -> None:
        self.n_lost = 0

    def require(self, name: str) -> None:
        left = self.until - self.clock()
        if left > 0:
            raise WorkerLost(
                f"{name}: its process ended {self.n_lost} times: wait {left:.0f} s, or leave it out"
            )


class _Died(Exception):
    """The engine is gone; the text says how."""


class _Engine:
    """A running child with its channel and its rows. Ended when it is closed or dropped."""

    def __init__(self, opening: Opening) -> None:
        """Raises `_Died`, and what opening a context raises."""
        n_vocab, n_embd = opening.weights.vocabulary.n_tokens, opening.weights.n_embd
        self._n_vocab, path = n_vocab, shared_file()
        self._longest_silence = None if opening.worker is None else _LONGEST_SILENCE
        self.in_step = True
        """Nothing that was asked is unanswered."""
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        files = [opening.weights.path, *([opening.adapter] if opening.adapter else [])]
        try:
            self._rows = Rows(path, rows_at_once(n_vocab), n_vocab + n_embd)
            limits = whole_machine(files, reserves=opening.options.n_gpu_layers != 0)
            self._child = Child(_ENGINE, [os.fspath(path)], limits=limits, stderr=self._said)
            stdin, stdout = self._child.process.stdin, self._child.process.stdout
            assert stdin is not None
            assert stdout is not None
            self._channel = Channel(stdout.fileno(), stdin.fileno())
            self._end = weakref.finalize(
                self, _close, self._child, self._channel, self._rows, self._said
            )
            try:
                done = self.ask(opening.request())
            except BaseException:
                self.close()
                raise
        finally:
            path.unlink(missing_ok=True)
        self.n_ctx, self.n_embd = int(done["n_ctx"]), int(done["n_embd"])

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def close(self) -> None:
        self._end()

    def ask(
        self,
        record: dict[str, Any],
        payload: bytes = b"",
        reading: Reading | None = None,
        on_chunk: OnChunk | None = None,
    ) -> dict[str, Any]:
        """Its last answer; rows are put into `reading`. Raises `_Died`, what the engine or `on_chunk`
        raises."""
        chunks = _Chunks(on_chunk)
        n_done = 0
        try:
            self.in_step = False
            self._channel.send(record, payload)
            while True:
                self._wait(chunks)
                said = self._channel.receive().record
                match said["say"]:
                    case "rows":
                        n_done += self._take(reading, n_done, int(said["n_rows"]))
                        self._channel.send({"go": True})
                    case "chunk":
                        go = chunks.report(int(said["done"]), int(said["total"]))
                        self._channel.send({"go": go})
                    case "done":
                        self.in_step = True
                        return said
                    case _:
                        self.in_step = True
                        raise chunks.error or _error(said)
        except (EOFError, KeyError, ValueError, TypeError):
            raise _Died(self._ending()) from None

    def _wait(self, chunks: "_Chunks") -> None:
        """Until it says something. Ends it where it does not stop in time."""
        asked_at: float | None = None
        began = time.monotonic()
        while not self._channel.has_message(_PATIENCE):
            chunks.look()
            silence = time.monotonic() - began
            if self._longest_silence is not None and silence > self._longest_silence:
                raise _Died(f"heard nothing of its worker for {silence:.0f} s, and was ended")
            if chunks.error is None:
                continue
            asked_at = asked_at or time.monotonic()
            if time.monotonic() - asked_at > _SECONDS_TO_STOP:
                raise chunks.error

    def _take(self, reading: Reading | None, start: int, n_rows: int) -> int:
        if reading is None or not 0 < n_rows <= len(reading.logits) - start:
            raise ValueError(n_rows)
        block = self._rows.block[:n_rows]
        reading.logits[start : start + n_rows] = block[:, : self._n_vocab]
        if reading.hidden is not None:
            reading.hidden[start : start + n_rows] = block[:, self._n_vocab :]
        return n_rows

    def _ending(self) -> str:
        try:
            self._child.process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            return "said what it should not, and was ended"
        self._said.seek(0)
        text = self._said.read()[-10_000:].decode("utf-8", "replace")
        return Ended(self._child.process.returncode, "", text, self._child.limits).words


class _Chunks:
    """Hands an engine's progress to who asked, and keeps what that raised."""

    def __init__(self, on_chunk: OnChunk | None) -> None:
        self._on_chunk = on_chunk
        self._at = (0, 1)
        self.error: BaseException | None = None

    def report(self, done: int, total: int) -> bool:
        """False: stop."""
        self._at = (done, total)
        self.look()
        return self.error is None

    def look(self) -> None:
        """Whether to stop, while nothing is heard."""
        if self._on_chunk is None or self.error is not None:
            return
        try:
            self._on_chunk(*self._at)
        except BaseException as error:
            self.error = error


def _close(child: Child, channel: Channel, rows: Rows, said: IO[bytes]) -> None:
    channel.close()
    child.close()
    rows.close()
    said.close()


def _error(said: dict[str, Any]) -> Exception:
    if said["error"] == Stopped.__name__:
        return Stopped()
    kind = getattr(errors, str(said["error"]), LocalcollabError)
    return kind(str(said["text"])) if issubclass(kind, LocalcollabError) else LocalcollabError()
