"""Encoder-decoders such as T5 under llama.cpp: a `LanguageModel` once it has its source.

llama.cpp ends the process when such a model decodes before it has encoded. So nothing can be read
without a source: only what `with_source` returns has a `read`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localcollab.errors import BadOption, ContextFull, EvaluationFailed
from localcollab.language_model import OnChunk, Reading
from localcollab.llama import library
from localcollab.llama.bindings import api
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import Weights, load_weights
from localcollab.vocabulary import Vocabulary

DEFAULT_N_CTX = 2048
"""Tokens of the source, and of the answer. Positions are relative, so the file gives no limit."""


class EncoderDecoder:
    """One context on the weights: one source at a time, and one reader."""

    def __init__(self, weights: Weights, options: Options, *, name: str) -> None:
        """`options.n_ctx` limits the source and the answer each. Raises `BadOption`."""
        self._decoder = LlamaModel(weights, context_options(options), name=name)
        self._source: tuple[int, ...] | None = None
        self.name = name
        self.vocabulary: Vocabulary = weights.vocabulary
        self.start = _start_token(weights)
        """The token that begins every answer, as in training; it is not part of the text."""

    @property
    def n_embd(self) -> int:
        return self._decoder.n_embd

    @property
    def n_ctx(self) -> int:
        return self._decoder.n_ctx

    def with_source(self, source: Sequence[int]) -> "SourcedModel":
        """A `LanguageModel` of the answer to `source`. Raises `BadOption`, `ContextFull`."""
        if not source:
            raise BadOption(f"{self.name}: the source is empty: give at least one token")
        if len(source) > self.n_ctx:
            raise ContextFull(
                f"{self.name}: a source of {len(source)} tokens does not fit its context of "
                f"{self.n_ctx}: shorten it, or use a larger `n_ctx`"
            )
        if not 0 <= min(source) <= max(source) < self.vocabulary.n_tokens:
            raise BadOption(
                f"{self.name}: token ids {min(source)}..{max(source)} of the source are outside its "
                f"vocabulary of {self.vocabulary.n_tokens}"
            )
        return SourcedModel(self, tuple(source))

    def read_behind(
        self,
        source: tuple[int, ...],
        tokens: Sequence[int],
        *,
        last: int,
        hidden: bool,
        on_chunk: OnChunk | None,
    ) -> Reading:
        """Encodes `source` first, unless it was the last one encoded."""
        if source != self._source:
            self._encode(source)
        return self._decoder.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)

    def _encode(self, source: tuple[int, ...]) -> None:
        # llama.cpp refuses to encode while the cache holds an answer.
        self._decoder.forget()
        self._source = None
        if code := self._decoder.encode_source(source):
            raise EvaluationFailed(
                f"{self.name}: llama.cpp could not encode a source of {len(source)} tokens (code "
                f"{code}: {library.take_errors() or 'no reason given'})"
            )
        self._source = source


class SourcedModel:
    """A `LanguageModel` of the answer to one source; its sequences begin with `start`.

    Several on one `EncoderDecoder` may be read in turn; each switch encodes the source again.
    """

    def __init__(self, model: EncoderDecoder, source: tuple[int, ...]) -> None:
        self._model, self._source = model, source
        self.name = model.name
        self.vocabulary = model.vocabulary
        self.n_embd, self.n_ctx = model.n_embd, model.n_ctx
        self.start = model.start

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`."""
        return self._model.read_behind(
            self._source, tokens, last=last, hidden=hidden, on_chunk=on_chunk
        )

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name


def context_options(options: Options) -> Options:
    """One micro-batch for the whole source: llama.cpp ends the process otherwise."""
    n_ctx = options.n_ctx or DEFAULT_N_CTX
    return replace(options, n_ctx=n_ctx, n_batch=n_ctx, n_ubatch=n_ctx)


def load_encoder_decoder(
    path: Path, options: Options | None = None, *, name: str | None = None
) -> EncoderDecoder:
    """Probed first, as every model file. `name`: the author of its answers; None: the file's name.

    Raises `BadModelFile` for a file of another kind.
    """
    verdict = probe(path, kind="encoder-decoder")
    options = options or Options()
    weights = load_weights(
        path, options, extra_buffers=verdict.extra_buffers, kind="encoder-decoder"
    )  # fmt: skip
    return EncoderDecoder(weights, options, name=name or path.stem)


def _start_token(weights: Weights) -> int:
    start = int(api.llama_model_decoder_start_token(weights.pointer))
    return start if start >= 0 else weights.vocabulary.bos or 0
