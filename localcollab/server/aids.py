"""What is served beside teams, if it was named at the start: an encoder, a ranker, collections."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from localcollab.api.load import catalog_of, find_model
from localcollab.blend.open import reside
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import rank
from localcollab.catalog.ranker_names import parse_ranker
from localcollab.documents.collection import Collection, open_collection
from localcollab.documents.search.vectors import embed
from localcollab.language_model import Float32Array
from localcollab.llama.encoder import Encoder, load_encoder
from localcollab.llama.options import Options
from localcollab.progress import OnProgress
from localcollab.server.request import ServeRequest

Rank = Callable[[str, Sequence[str]], list[float]]
"""`rank(query, texts)` -> how good each is, 0 to 1."""


class Embedder(Protocol):
    """Texts -> vectors. Called from several threads."""

    @property
    def name(self) -> str: ...
    @property
    def n_embd(self) -> int: ...
    def embed(self, text: str) -> Float32Array:
        """(n_embd,), of length 1."""
        ...

    def count(self, text: str) -> int:
        """Tokens."""
        ...


class OneAtATime:
    """An encoder that threads share."""

    def __init__(self, encoder: Encoder, name: str) -> None:
        self._encoder, self.name, self.n_embd = encoder, name, encoder.n_embd
        self._lock = threading.Lock()

    def embed(self, text: str) -> Float32Array:
        with self._lock:
            return embed(self._encoder, text)

    def count(self, text: str) -> int:
        return len(self._encoder.write(text))


@dataclass(frozen=True, slots=True)
class Aids:
    embedder: Embedder | None = None
    ranker: Rank | None = None
    collections: Mapping[str, Collection] = field(default_factory=dict)


def open_aids(request: ServeRequest, stack: ExitStack, on_progress: OnProgress) -> Aids:
    """Closed with `stack`. Raises `BadOption`, `BadCatalog`, `BadModelFile`, `BadCollection`."""
    embedder = _embedder(request, stack)
    ranker = _ranker(request, stack, on_progress)
    if ranker is None and embedder is not None:
        ranker = by_similarity(embedder)
    collections = {name: stack.enter_context(open_collection(name)) for name in request.documents}
    return Aids(embedder, ranker, collections)


def _embedder(request: ServeRequest, stack: ExitStack) -> Embedder | None:
    if request.embedder is None:
        return None
    path = find_model(request.embedder, request.catalogs)
    encoder, _ = load_encoder(path, Options(n_threads=request.options.n_threads))
    stack.callback(encoder.close)
    return OneAtATime(
        encoder, path.stem if request.embedder.endswith(".gguf") else request.embedder
    )


def _ranker(request: ServeRequest, stack: ExitStack, on_progress: OnProgress) -> Rank | None:
    if request.ranker is None:
        return None
    spec = parse_ranker(request.ranker)
    residence = reside(catalog_of(request.catalogs), spec.models, request.options, on_progress)
    stack.callback(residence.close)
    compare, lock = open_ranker(spec, residence.open), threading.Lock()

    def scores(query: str, texts: Sequence[str]) -> list[float]:
        with lock:
            ranking = rank(query, texts, compare)
        means = ranking.logits.sum(axis=1) / max(1, len(ranking.logits) - 1)
        return [float(1 / (1 + np.exp(-means[place]))) for place in ranking.contest.places]

    return scores


def by_similarity(embedder: Embedder) -> Rank:
    """The cosine of query and text, from -1..1 to 0..1."""

    def scores(query: str, texts: Sequence[str]) -> list[float]:
        vector = embedder.embed(query)
        return [float((1 + vector @ embedder.embed(text)) / 2) for text in texts]

    return scores
