"""Texts -> vectors, by an encoder under llama.cpp."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from localcollab.api.load import find_model
from localcollab.documents.search.vectors import embed
from localcollab.language_model import Float32Array
from localcollab.llama.encoder import Encoder
from localcollab.llama.encoder import load_encoder as load
from localcollab.llama.options import Options


def load_encoder(
    model: str | Path,
    *,
    n_ctx: int | None = None,
    n_threads: int | None = None,
    n_gpu_layers: int | None = None,
    models: str | Path | Sequence[str | Path] = (),
) -> "TextEncoder":
    """A GGUF file of an encoder such as BERT, or a model of the catalogue. Raises `BadModelFile`."""
    options = Options(n_ctx=n_ctx, n_threads=n_threads, n_gpu_layers=n_gpu_layers)
    return TextEncoder(load(find_model(model, models), options)[0])


class TextEncoder:
    """Made by `load_encoder`; a context manager. For one thread at a time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.n_embd, self.n_ctx = encoder.name, encoder.n_embd, encoder.n_ctx

    def embed(self, texts: str | Iterable[str], *, before: str = "") -> Float32Array:
        """(n_texts, n_embd), rows of length 1: their products are cosine similarities.

        A text longer than the encoder reads is the mean of its parts. `before` stands before every
        text: some encoders want `query: ` or `passage: `. Raises `BadOption` after `close`."""
        several = [texts] if isinstance(texts, str) else list(texts)
        found = np.empty((len(several), self.n_embd), np.float32)
        for row, text in zip(found, several, strict=True):
            row[:] = embed(self._encoder, before + text)
        return found

    def close(self) -> None:
        self._encoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
