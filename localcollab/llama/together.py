"""Several conversations in one llama.cpp context: what they need next is evaluated in one batch.

A batch of four tokens of four sequences costs as much as two or three of one. Each `Sequence` is a
`LanguageModel` with one reader, as a context of its own is; a thread collects what their readers ask for.
Logits depend in their last digits on what else is in a batch. Of models whose cache can be cut only.
"""

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np

from localcollab.errors import BadOption, ContextFull, EvaluationFailed, LocalcollabError
from localcollab.language_model import Float32Array, OnChunk, Reading
from localcollab.llama import library
from localcollab.llama.bindings import api
from localcollab.llama.opening import common_prefix, copy_rows, free_context, open_context
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights

_SHARE_OF_A_ROUND, _MOST_SECONDS = 0.5, 0.02
"""How long a round waits for those who took part in the last one and are sampling."""


@dataclass(slots=True, eq=False)
class _Part:
    """What one sequence wants evaluated: tokens, and the logits of the last `n_rows`."""

    number: int
    tokens: list[int]
    at: int
    """The position of the first."""
    n_rows: int
    logits: Float32Array | None = None
    error: LocalcollabError | None = None
    done: threading.Event = field(default_factory=threading.Event)


class SharedContext:
    """`sequences` are used by a thread each. `exclusive` is held while the processor is busy."""

    def __init__(
        self,
        weights: Weights,
        options: Options,
        n_sequences: int,
        *,
        name: str,
        n_ctx: int,
        exclusive: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`n_ctx`: of each. Raises `BadOption` where a cache cannot be cut, or memory is short."""
        if weights.keeps_state or weights.n_window:
            raise BadOption(f"{weights.path.name}: its cache cannot be cut: evaluate it alone")
        self._n_vocab, self._exclusive = weights.vocabulary.n_tokens, exclusive
        self._n_batch = max(n_sequences, min(options.n_batch, n_ctx))
        n_outputs = max(n_sequences, options.outputs_of(self._n_vocab))
        self._most_rows = min(n_outputs, self._n_batch)
        self._context = open_context(
            weights, replace(options, n_ubatch=min(options.n_ubatch, self._n_batch)),
            n_ctx * n_sequences, self._n_batch, self._most_rows, None, n_sequences=n_sequences,
        )  # fmt: skip
        self._memory = api.llama_get_memory(self._context)
        self._batch = api.llama_batch_init(self._n_batch, 0, 1)
        self._free = weakref.finalize(self, free_context, self._context, self._batch, weights)
        self._busy = threading.Lock()
        """Held by whoever calls llama.cpp."""
        self._waiting: list[_Part] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._last: set[int] = set()
        self._seconds = 0.0
        self.n_rounds = 0
        self.sequences = tuple(
            SharedSequence(self, n, weights, name, n_ctx) for n in range(n_sequences)
        )
        self._thread = threading.Thread(target=self._run, name="together", daemon=True)
        self._thread.start()

    @property
    def n_batch(self) -> int:
        return self._n_batch

    @property
    def most_rows(self) -> int:
        """Of logits in one batch."""
        return self._most_rows

    def close(self) -> None:
        """No read may be under way."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()
        self._free()

    def evaluate(self, part: _Part) -> Float32Array:
        """(n_rows, n_vocab). Raises `EvaluationFailed`, `BadOption`."""
        with self._changed:
            self._require_open()
            self._waiting.append(part)
            self._changed.notify_all()
        part.done.wait()
        if part.error is not None:
            raise part.error
        assert part.logits is not None
        return part.logits

    def cut(self, number: int, n_keep: int) -> int:
        """To the first `n_keep` tokens of a sequence, or to none. Returns how many are left."""
        with self._busy:
            self._require_open()
            if api.llama_memory_seq_rm(self._memory, number, n_keep, -1):
                return n_keep
            api.llama_memory_seq_rm(self._memory, number, -1, -1)
            return 0

    def _require_open(self) -> None:
        if self._is_closed:
            raise BadOption("the context is closed: open another one")

    def _run(self) -> None:
        while parts := self._collected():
            started = time.perf_counter()
            try:
                with self._exclusive(), self._busy:
                    self._decode(parts)
            except LocalcollabError as error:
                for part in parts:
                    part.error = error
            self._seconds = time.perf_counter() - started
            self.n_rounds += 1
            for part in parts:
                part.done.set()

    def _collected(self) -> list[_Part]:
        """Of the next round; empty: closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if self._is_closed:
                return []
            patience = min(_SHARE_OF_A_ROUND * self._seconds, _MOST_SECONDS)
            self._changed.wait_for(
                lambda: self._last <= {part.number for part in self._waiting}, patience
            )
            parts = self._fitting()
            self._last = {part.number for part in parts}
            return parts

    def _fitting(self) -> list[_Part]:
        """Single tokens first: a long prompt waits less for them than they for it."""
        self._waiting.sort(key=lambda part: len(part.tokens) > 1)
        parts, n_left, n_rows_left = list[_Part](), self._n_batch, self._most_rows
        for part in list(self._waiting):
            is_second_prompt = len(part.tokens) > 1 and any(len(p.tokens) > 1 for p in parts)
            has_room = len(part.tokens) <= n_left and part.n_rows <= n_rows_left
            if has_room and not is_second_prompt:
                parts.append(part)
                self._waiting.remove(part)
                n_left -= len(part.tokens)
                n_rows_left -= part.n_rows
        return parts

    def _decode(self, parts: Sequence[_Part]) -> None:
        library.take_errors()
        batch, n = self._batch, 0
        for part in parts:
            n_silent = len(part.tokens) - part.n_rows
            for i, token in enumerate(part.tokens):
                batch.token[n], batch.pos[n] = token, part.at + i
                batch.n_seq_id[n], batch.seq_id[n][0] = 1, part.number
                batch.logits[n] = i >= n_silent
                n += 1
        batch.n_tokens = n
        code = int(api.llama_decode(self._context, batch))
        if code:
            raise EvaluationFailed(
                f"llama.cpp could not evaluate {n} tokens of {len(parts)} conversations (code {code}: "
                f"{library.take_errors() or 'no reason given'})"
            )
        rows = np.empty((sum(part.n_rows for part in parts), self._n_vocab), np.float32)
        if len(rows):
            copy_rows(api.llama_get_logits(self._context), 0, rows)
        at = 0
        for part in parts:
            part.logits = rows[at : at + part.n_rows].copy()
            at += part.n_rows


class SharedSequence:
    """See `LanguageModel`. Hidden states are not available."""

    def __init__(
        self, shared: SharedContext, number: int, weights: Weights, name: str, n_ctx: int
    ) -> None:
        self.name, self.n_ctx = name, n_ctx
        self.vocabulary, self.n_embd = weights.vocabulary, weights.n_embd
        self._shared, self._number, self._file = shared, number, weights.path.name
        self._cached: list[int] = []
        self._last_reading: Reading | None = None

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def forget(self) -> None:
        """The next read evaluates every token."""
        self._last_reading = None
        self._shared.cut(self._number, 0)
        self._cached.clear()

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        wanted = list(tokens)
        n_shared = common_prefix(self._cached, wanted)
        self._check(wanted, last, n_shared, hidden=hidden)
        known = self._last_reading
        if known is not None and wanted == self._cached and 0 < last <= len(known.logits):
            return Reading(known.logits[-last:])
        if not last and n_shared == len(wanted):
            return Reading(np.empty((0, self.vocabulary.n_tokens), np.float32))
        self._last_reading = None
        n_keep = min(n_shared, len(wanted) - last)
        if n_keep < len(self._cached):
            del self._cached[self._shared.cut(self._number, n_keep) :]
        reading = Reading(self._evaluated(wanted, last, on_chunk))
        self._last_reading = reading if last else None
        return reading

    def _check(self, tokens: list[int], last: int, n_shared: int, *, hidden: bool) -> None:
        if hidden:
            raise BadOption(f"{self.name}: a shared context has no hidden states: open one alone")
        if not tokens or not 0 <= last <= len(tokens):
            raise BadOption(
                f"{self.name}: last is {last} for {len(tokens)} tokens: give 0 to {len(tokens)}, and at "
                "least one token"
            )
        if len(tokens) > self.n_ctx:
            raise ContextFull(
                f"{self.name}: {len(tokens)} tokens do not fit its context of {self.n_ctx}: shorten the "
                "text, or use a larger `n_ctx`"
            )
        new, n_vocab = tokens[n_shared:], self.vocabulary.n_tokens
        if new and not (0 <= min(new) and max(new) < n_vocab):
            raise BadOption(
                f"{self.name}: token ids {min(new)}..{max(new)} are outside its vocabulary of {n_vocab}"
            )

    def _evaluated(self, wanted: list[int], last: int, on_chunk: OnChunk | None) -> Float32Array:
        """(last, n_vocab); what the cache lacks is evaluated in chunks."""
        n_start, n_silent = len(self._cached), len(wanted) - last
        rows = list[Float32Array]()
        while len(self._cached) < len(wanted):
            at = len(self._cached)
            n_most = max(0, n_silent - at) + self._shared.most_rows
            tokens = wanted[at : at + min(self._shared.n_batch, n_most)]
            n_rows = min(len(tokens), max(0, at + len(tokens) - n_silent))
            try:
                logits = self._shared.evaluate(_Part(self._number, tokens, at, n_rows))
            except EvaluationFailed:
                self.forget()  # how far it came is not known
                raise
            self._require_finite(logits, at)
            self._cached += tokens
            rows.append(logits)
            if on_chunk is not None:
                on_chunk(len(self._cached) - n_start, len(wanted) - n_start)
        empty = np.empty((0, self.vocabulary.n_tokens), np.float32)
        return rows[0] if len(rows) == 1 else np.concatenate([empty, *rows])

    def _require_finite(self, logits: Float32Array, at: int) -> None:
        if logits.size and not (np.isfinite(logits.min()) and np.isfinite(logits.max())):
            raise EvaluationFailed(
                f"{self.name}: {self._file} produces NaN or infinite values behind position {at}: "
                "download the file again"
            )
