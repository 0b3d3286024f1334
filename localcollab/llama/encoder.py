"""Encoders such as BERT under llama.cpp: token ids in, one hidden state per token out.

An encoder has no cache and predicts no next token, so it is not a `LanguageModel`. What the states are
used for is left to the caller.
"""

import ctypes
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from localcollab.errors import BadOption, ContextFull, EvaluationFailed
from localcollab.language_model import Float32Array
from localcollab.llama import library
from localcollab.llama.bindings import api
from localcollab.llama.opening import free_context, init_context
from localcollab.llama.options import Options, threads_for
from localcollab.llama.probe import Verdict, probe
from localcollab.llama.tokenizer import tokenize
from localcollab.llama.weights import Weights, load_weights
from localcollab.vocabulary import Vocabulary

_POOLING: dict[int, Literal["mean", "first", "last"]] = {
    api.LLAMA_POOLING_TYPE_MEAN: "mean",
    api.LLAMA_POOLING_TYPE_CLS: "first",
    api.LLAMA_POOLING_TYPE_LAST: "last",
}


class Encoder:
    """One context on an encoder's weights. Not safe to use from two threads at once."""

    def __init__(self, weights: Weights, options: Options, *, name: str) -> None:
        """Raises `BadOption` if the context cannot be opened."""
        self.name = name
        self.weights = weights
        self.vocabulary: Vocabulary = weights.vocabulary
        self.n_embd = weights.n_embd
        self.n_ctx = _choose_n_ctx(weights, options)
        self._context = _open(weights, options, self.n_ctx)
        self._batch = api.llama_batch_init(self.n_ctx, 0, 1)
        self._tokens = _fill_places(self._batch, self.n_ctx)
        self._free = weakref.finalize(self, free_context, self._context, self._batch, weights)

    def close(self) -> None:
        """Free the context now, not with the last reference."""
        self._free()

    def encode(self, tokens: Sequence[int]) -> Float32Array:
        """The states after the last layer, (n_tokens, n_embd).

        A pure function of the tokens: texts never share a batch, which would change the last bits.
        Raises `ContextFull`, `BadOption` (an empty sequence, an unknown id), `EvaluationFailed`.
        """
        self._check(tokens)
        self._batch.n_tokens = len(tokens)
        self._tokens[: len(tokens)] = tokens
        library.take_errors()
        if code := api.llama_encode(self._context, self._batch):
            raise EvaluationFailed(
                f"{self.name}: llama.cpp could not encode {len(tokens)} tokens (code {code}: "
                f"{library.take_errors() or 'no reason given'})"
            )
        return self._copy_states(len(tokens))

    @property
    def pooling(self) -> Literal["mean", "first", "last"]:
        """Which states represent a whole text, as the file says; the mean if it does not say."""
        kind = self.weights.header.number("pooling_type")
        return _POOLING.get(kind or api.LLAMA_POOLING_TYPE_MEAN, "mean")

    def write(self, text: str) -> list[int]:
        """Token ids, with the special tokens the model expects around a text; names of others are text.

        Raises `UnknownCharacter`.
        """
        self.vocabulary.encode(text)  # raises for what would end the process
        return tokenize(self.weights.model, text, self.name, special=False, around=True)

    def _check(self, tokens: Sequence[int]) -> None:
        if not self._free.alive:
            raise BadOption(f"{self.name}: its context is closed: open another one")
        if not tokens:
            raise BadOption(f"{self.name}: no tokens to encode: give at least one")
        if len(tokens) > self.n_ctx:
            raise ContextFull(
                f"{self.name}: {len(tokens)} tokens do not fit its context of {self.n_ctx}: shorten "
                "the text, or use a larger `n_ctx`"
            )
        if not 0 <= min(tokens) <= max(tokens) < self.vocabulary.n_tokens:
            raise BadOption(
                f"{self.name}: token ids {min(tokens)}..{max(tokens)} are outside its vocabulary of "
                f"{self.vocabulary.n_tokens}"
            )

    def _copy_states(self, n: int) -> Float32Array:
        states = np.empty((n, self.n_embd), np.float32)
        # llama.cpp reuses its buffer on the next encode.
        source = ctypes.addressof(api.llama_get_embeddings(self._context).contents)
        ctypes.memmove(states.ctypes.data, source, states.nbytes)
        if not np.isfinite(states).all():
            raise EvaluationFailed(
                f"{self.name}: {self.weights.path.name} produces NaN or infinite hidden states: "
                "download the file again"
            )
        return states


def _fill_places(batch: Any, n: int) -> npt.NDArray[np.int32]:
    """Set up every position of one sequence, once. Returns the batch's token ids, to be filled in."""
    for i in range(n):
        batch.pos[i], batch.logits[i] = i, True
        batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
    return np.ctypeslib.as_array(batch.token, (n,))


def load_encoder(path: Path, options: Options | None = None) -> tuple[Encoder, Verdict]:
    """Probed first, as every model file. Raises `BadModelFile` for a file that is not an encoder."""
    verdict = probe(path, kind="encoder")
    options = options or Options()
    weights = load_weights(
        path, options, extra_buffers=verdict.extra_buffers, kind="encoder"
    )  # fmt: skip
    return Encoder(weights, options, name=path.stem), verdict


def _choose_n_ctx(weights: Weights, options: Options) -> int:
    """The requested context, or the trained one, which is also the maximum."""
    trained = weights.n_ctx_train
    if options.n_ctx is not None and options.n_ctx > trained:
        raise BadOption(
            f"{weights.path.name}: `n_ctx` is {options.n_ctx}, more than the {trained} positions it "
            f"has: give at most {trained}"
        )
    return options.n_ctx or trained


def _open(weights: Weights, options: Options, n_ctx: int) -> object:
    params = api.llama_context_default_params()
    # llama.cpp ends the process unless the micro-batch holds the whole batch.
    params.n_ctx = params.n_batch = params.n_ubatch = params.n_outputs_max = n_ctx
    params.n_seq_max = 1
    params.n_threads = params.n_threads_batch = threads_for(weights.size_bytes, options)
    params.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.pooling_type = api.LLAMA_POOLING_TYPE_NONE
    params.embeddings = True
    params.no_perf = True
    return init_context(weights, params)
