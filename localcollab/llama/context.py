"""A `LanguageModel` on llama.cpp: one KV cache on some weights.

Tracks what its cache holds and evaluates only the missing tokens. Knows nothing of teams.
"""

import time
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from localcollab.errors import BadOption, ContextFull, EvaluationFailed
from localcollab.language_model import Float32Array, OnChunk, Reading
from localcollab.llama import library, state
from localcollab.llama.bindings import api
from localcollab.llama.hooks import LayerHook
from localcollab.llama.machine import physical_cores
from localcollab.llama.opening import common_prefix, copy_rows, free_context, open_context
from localcollab.llama.options import Options, threads_for
from localcollab.llama.prompt_cache import KeptStates
from localcollab.llama.report import NEVER, Report
from localcollab.llama.threads import ThreadChoice, candidates
from localcollab.llama.weights import Weights, choose_n_ctx
from localcollab.vocabulary import Vocabulary

_ABORTED = 2
_TILE = 64
"""With fewer tokens the CPU's flash attention handles them singly: 63 take 2.7 times as long as 64."""
_WORTH_A_TILE = 8


class LlamaModel:
    """One reader: `read` is not safe to call from two threads at once.

    `n_evaluated` counts the tokens decoded so far, `n_batches` the decode calls; tests of lazy reading
    and timings use them.
    """

    def __init__(
        self, weights: Weights, options: Options, *, name: str, hook: LayerHook | None = None
    ) -> None:
        """Raises `BadOption` if llama.cpp cannot open the context (memory, flash attention)."""
        self.name = name
        self.weights = weights
        self.vocabulary: Vocabulary = weights.vocabulary
        self.n_embd = weights.n_embd
        self.n_evaluated = 0
        self.n_batches = 0
        self.n_ctx = choose_n_ctx(weights, options)
        self._n_batch = min(options.n_batch, self.n_ctx)
        self._hook = hook
        if hook:
            hook.bind(weights.n_layer, name)
        self._outputs_all = bool(hook and hook.needs_every_output)
        n_outputs = options.outputs_of(self.vocabulary.n_tokens)
        n_outputs = max(n_outputs, _TILE) if self._outputs_all else n_outputs
        self._n_outputs = min(n_outputs, self._n_batch)
        self._context = open_context(
            weights, options, self.n_ctx, self._n_batch, self._n_outputs, hook
        )
        self._options, self._n_chosen = options, options.n_threads
        self._n_threads = threads_for(weights.size_bytes, options)
        self._choice = _thread_choice(self._n_threads, options)
        self._memory = api.llama_get_memory(self._context)
        self._batch = api.llama_batch_init(self._n_batch, 0, 1)
        self._free = weakref.finalize(self, free_context, self._context, self._batch, weights)
        self._cached: list[int] = []
        self._last_reading: Reading | None = None
        self._with_hidden = False
        self._adapter: Path | None = None
        self._is_settled = True
        self.kept: KeptStates | None = None
        """Where states of other days are looked up; None: nothing is kept on disk."""

    @property
    def cached(self) -> Sequence[int]:
        """What the context holds."""
        return self._cached

    def expect(self, tokens: Sequence[int], *, recall: bool = True) -> None:
        """They are read next, perhaps in parts. Not `recall`: they are evaluated here."""
        if self.kept is not None:
            self.kept.expect(tokens, recall=recall)

    def keep_state(self, least_new: float = 0.0) -> None:
        """What the context holds goes to disk, if anything is kept there and so much of it is new."""
        if self.kept is not None and self._free.alive:
            self.kept.keep(self, least_new)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def set_threads(self, n_threads: int | None) -> None:
        """From the next read on; None: as when it was opened. Raises `BadOption`."""
        options = self._options if n_threads is None else Options(n_threads=n_threads)
        if options.n_threads == self._n_chosen:
            return  # what was learned about threads stays
        self._n_chosen = options.n_threads
        self._n_threads = threads_for(self.weights.size_bytes, options)
        self._choice = _thread_choice(self._n_threads, options)
        n_batch = physical_cores() if self._choice else self._n_threads
        api.llama_set_n_threads(self._context, self._n_threads, n_batch)

    def close(self) -> None:
        """Free the context now, not with the last reference. No read may be under way."""
        self._free()
        self._last_reading = None

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. `hidden` is llama.cpp's embedding of an output position."""
        wanted = list(tokens)
        n_shared = common_prefix(self._cached, wanted)
        self._check(wanted, last, n_shared)
        cached = self._cached_rows(wanted, last, hidden)
        if cached is not None:
            return cached
        is_new = n_shared < len(wanted)
        if is_new and self.kept is not None:
            n_held = n_shared if self._can_keep(min(n_shared, len(wanted) - last)) else 0
            if self.kept.before_read(self, wanted, n_held):
                n_shared = common_prefix(self._cached, wanted)
        if not last and n_shared == len(wanted):
            return Reading(np.empty((0, self.vocabulary.n_tokens), np.float32))
        self._rewind_to(min(n_shared, len(wanted) - last))
        self._settle()
        n_start, n_plain = len(self._cached), max(len(self._cached), len(wanted) - last)
        report = Report(on_chunk, len(wanted) - n_start)
        n_joined = self._joined(n_plain - n_start, last, hidden)
        self._evaluate(wanted[n_start : n_plain - n_joined], report)
        logits = np.empty((last, self.vocabulary.n_tokens), np.float32)
        states = np.empty((last, self.n_embd), np.float32) if hidden else None
        for row in range(0, last, self._n_outputs):
            n_rows = min(self._n_outputs, last - row)
            at = n_plain + row
            some = wanted[at - n_joined : at + n_rows]
            n_skip = n_joined if hidden or self._outputs_all else 0
            n_joined = 0
            self._decode(some, report, n_outputs=n_rows, hidden=hidden)
            self._copy_outputs(logits[row : row + n_rows], states, row, n_skip)
        self._last_reading = Reading(logits, states) if last else None
        return self._last_reading or Reading(logits, states)

    def _check(self, tokens: list[int], last: int, n_shared: int) -> None:
        if not self._free.alive:
            raise BadOption(f"{self.name}: its context is closed: open another one")
        if not tokens:
            raise BadOption(f"{self.name}: no tokens to read: give at least one")
        if not 0 <= last <= len(tokens):
            raise BadOption(
                f"{self.name}: last is {last} for {len(tokens)} tokens: give 0 to {len(tokens)}"
            )
        if len(tokens) > self.n_ctx:
            raise ContextFull(
                f"{self.name}: {len(tokens)} tokens do not fit its context of {self.n_ctx}: "
                "shorten the text, or use a larger `n_ctx`"
            )
        new = tokens[n_shared:]
        if new and not (0 <= min(new) and max(new) < self.vocabulary.n_tokens):
            raise BadOption(
                f"{self.name}: token ids {min(new)}..{max(new)} are outside its vocabulary of "
                f"{self.vocabulary.n_tokens}"
            )

    def _joined(self, n_plain: int, last: int, hidden: bool) -> int:
        """How many tokens before the outputs share a batch with the first outputs.

        A batch of k + 1 costs less than one of k and one of 1. If every position of the batch is an
        output, as with hidden states, only as many join as fill a tile.
        """
        n_rest, n_rows = n_plain % self._n_batch, min(last, self._n_outputs)
        if not (hidden or self._outputs_all):
            return n_rest if last and n_rest + n_rows <= self._n_batch else 0
        n_missing = _TILE - n_rows
        worth = n_rows >= _WORTH_A_TILE and self._n_outputs >= _TILE
        return n_missing if worth and 0 < n_missing <= n_rest else 0

    def _cached_rows(self, tokens: list[int], last: int, hidden: bool) -> Reading | None:
        known = self._last_reading
        if known is None or tokens != self._cached or last > len(known.logits) or not last:
            return None
        if hidden and known.hidden is None:
            return None
        states = known.hidden[-last:] if hidden and known.hidden is not None else None
        return Reading(known.logits[-last:], states)

    def _rewind_to(self, n_keep: int) -> None:
        self._last_reading = None
        if n_keep == len(self._cached):
            return
        # False: a recurrent state or a sliding window, which cannot be cut.
        if not (self._can_keep(n_keep) and api.llama_memory_seq_rm(self._memory, 0, n_keep, -1)):
            api.llama_memory_clear(self._memory, False)
            n_keep = 0
        del self._cached[n_keep:]

    def _can_keep(self, n_keep: int) -> bool:
        """Whether its cache can be cut to so many tokens, as far as a sliding window is concerned."""
        return n_keep == len(self._cached) or n_keep >= max(1, self.shortest)

    def _settle(self) -> None:
        """Before tokens are read behind a state that was taken."""
        is_due = not self._is_settled and len(self._cached) >= self.weights.n_window > 0
        self._is_settled = True
        if is_due and not state.settle(self._context):
            self.forget()

    @property
    def shortest(self) -> int:
        """To how many tokens its cache can be cut: where a sliding window has let go of the oldest, what
        stands too near behind them cannot be gone on from."""
        lowest = int(api.llama_memory_seq_pos_min(self._memory, 0))
        return lowest + self.weights.n_window - 1 if lowest > 0 else 0

    def _evaluate(self, tokens: list[int], report: Report) -> None:
        n_most = self._n_outputs if self._outputs_all else self._n_batch
        for at in range(0, len(tokens), n_most):
            self._decode(tokens[at : at + n_most], report, n_outputs=0, hidden=False)

    def _decode(self, tokens: list[int], report: Report, *, n_outputs: int, hidden: bool) -> None:
        # With embeddings on, every position is an output, so they are on only when wanted.
        if hidden != self._with_hidden:
            api.llama_set_embeddings(self._context, hidden)
            self._with_hidden = hidden
        self._fill_batch(tokens, n_outputs)
        if self._hook:
            self._hook.begin(len(self._cached))
        armed = report.on_chunk is not None and len(tokens) > 1
        if armed:
            api.llama_set_abort_callback(self._context, report.abort, None)
        try:
            code = self._timed_decode() if len(tokens) == 1 else self._llama_decode()
        finally:
            if armed:
                api.llama_set_abort_callback(self._context, NEVER, None)
        if code or (self._hook and self._hook.error):
            self._recover(tokens, code, report)
        self._cached.extend(tokens)
        self.n_evaluated += len(tokens)
        self.n_batches += 1
        report.add(len(tokens))

    def _llama_decode(self) -> int:
        return int(api.llama_decode(self._context, self._batch))

    def _timed_decode(self) -> int:
        """One token: threads that wait for a core cost most here."""
        if self._choice is None:
            return self._llama_decode()
        n_threads = self._choice.next()
        if n_threads != self._n_threads:
            api.llama_set_n_threads(self._context, n_threads, physical_cores())
            self._n_threads = n_threads
        started = time.perf_counter()
        code = self._llama_decode()
        self._choice.add(time.perf_counter() - started)
        return code

    def _fill_batch(self, tokens: list[int], n_outputs: int) -> None:
        batch, at = self._batch, len(self._cached)
        batch.n_tokens = n = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = at + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = self._outputs_all or i >= n - n_outputs

    def _recover(self, tokens: list[int], code: int, report: Report) -> None:
        """Take over from the cache what was finished, then raise."""
        if self._hook and self._hook.error:
            self.forget()
            raise self._hook.error
        n_held = int(api.llama_memory_seq_pos_max(self._memory, 0)) + 1
        n_kept = max(0, n_held - len(self._cached))
        self._cached.extend(tokens[:n_kept])
        self.n_evaluated += n_kept
        if code == _ABORTED and report.error is not None:
            raise report.error
        raise EvaluationFailed(
            f"{self.name}: llama.cpp could not evaluate {len(tokens)} tokens at position "
            f"{len(self._cached)} (code {code}: {library.take_errors() or 'no reason given'})"
        )

    def note_adapter(self, path: Path) -> None:
        """`set_adapter` changed what this context computes: its cache is stale."""
        self._adapter = path
        self.forget()

    def forget(self) -> None:
        """Clear the cache: the next read evaluates every token."""
        api.llama_memory_clear(self._memory, False)
        self._cached.clear()
        self._last_reading = None

    @property
    def state_bytes(self) -> int:
        return state.size_bytes(self._context, self.weights.n_window)

    def state(self) -> bytearray:
        """All that the context holds; empty where it is of a kind that `take_state` would refuse."""
        data = state.read_state(self._context, self.weights.n_window)
        is_sound = state.is_sound(self.weights.n_window, data, len(self._cached))
        return data if is_sound else bytearray()

    def take_state(self, tokens: list[int], data: memoryview) -> bool:
        """Go on from a state of `tokens`, from whomever; the context is empty. False: it is refused."""
        n_window = self.weights.n_window
        if len(tokens) > self.n_ctx or not state.is_sound(n_window, data, len(tokens)):
            return False
        if not state.write_state(self._context, n_window, data):
            return False
        n_held = int(api.llama_memory_seq_pos_max(self._memory, 0)) + 1
        if n_held != len(tokens):
            return False
        self._cached.extend(tokens)
        self._is_settled = False
        return True

    def encode_source(self, tokens: Sequence[int]) -> int:
        """For `EncoderDecoder` only, with an empty cache. Returns llama.cpp's code; 0 is success."""
        library.take_errors()
        self._fill_batch(list(tokens), 0)
        return int(api.llama_encode(self._context, self._batch))

    def _copy_outputs(
        self, rows: Float32Array, states: Float32Array | None, row: int, n_skip: int
    ) -> None:
        """The outputs of the last decode, except the first `n_skip`."""
        copy_rows(api.llama_get_logits(self._context), n_skip, rows)
        if states is not None:
            part = states[row : row + len(rows)]
            copy_rows(api.llama_get_embeddings(self._context), n_skip, part)
        # The minimum and maximum show NaN too, without a temporary array.
        if not (np.isfinite(rows.min()) and np.isfinite(rows.max())):
            at = len(self._cached)
            if self.kept is not None:
                self.kept.distrust(self)
            files = self.weights.path.name + (
                f" with {self._adapter.name}" if self._adapter else ""
            )
            raise EvaluationFailed(
                f"{self.name}: {files} produces NaN or infinite values at position {at}: download the "
                "file again"
            )


def _thread_choice(n_threads: int, options: Options) -> ThreadChoice | None:
    """None where the user chose a number, or where there is only one."""
    if options.n_threads is not None or n_threads == 1:
        return None
    return ThreadChoice(candidates(n_threads))
