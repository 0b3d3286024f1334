"""PairRanker (LLM-Blender, arXiv:2306.02561): an encoder reads both candidates side by side.

`[CLS] <|source|> x [SEP] <|candidate1|> a [SEP] <|candidate2|> b [SEP]` goes through an encoder under
llama.cpp; a perceptron in NumPy makes a score of the states at `<|source|>` and at a candidate's mark.
A ranker is a folder: the encoder as GGUF and `ranker.safetensors`, made by localcollab convert ranker.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from localcollab.blend.ranker_file import RankerFile, load_ranker_file
from localcollab.blend.ranking import Compare, Contest, Pair
from localcollab.errors import RankerMismatch
from localcollab.language_model import Float32Array
from localcollab.llama.encoder import Encoder, load_encoder
from localcollab.llama.options import Options

logger = logging.getLogger("localcollab.note")

FILE = "ranker.safetensors"
ENCODER = "encoder.gguf"


class PairRanker:
    """`compare` is a `Compare`. One reader: its encoder has one context."""

    def __init__(self, encoder: Encoder, ranker: RankerFile) -> None:
        """Raises `RankerMismatch` where the marks are none of the encoder's tokens."""
        ranker.card.form.require_vocabulary(encoder.vocabulary.n_tokens)
        ranker.require_width(encoder.n_embd)
        self.encoder, self.ranker = encoder, ranker
        self._has_told = False

    def compare(self, contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        """(n_pairs,): the mean over the measures of the difference of the scores."""
        encode = self.encoder.vocabulary.encode
        source = encode(contest.prompt)
        candidates = [encode(text) for text in contest.candidates]
        self._tell_what_is_cut(source, candidates)
        return self.compare_tokens([(source, candidates[a], candidates[b]) for a, b in pairs])

    def compare_tokens(
        self, texts: Sequence[tuple[Sequence[int], Sequence[int], Sequence[int]]]
    ) -> Float32Array:
        """(source, first candidate, second) as token ids -> (n,): logits that the first is better."""
        written = [self.ranker.card.form.write(*three) for three in texts]
        marked = [self.encoder.encode(pair.tokens)[list(pair.marks)] for pair in written]
        return np.array([self.ranker.logit(states) for states in marked], np.float32)

    def _tell_what_is_cut(self, source: Sequence[int], candidates: Sequence[Sequence[int]]) -> None:
        form, longest = self.ranker.card.form, max(map(len, candidates))
        if self._has_told or (len(source) <= form.n_source and longest <= form.n_candidate):
            return
        self._has_told = True
        logger.warning(
            "the ranker reads the first %d tokens of a request and %d of an answer, as it was "
            "trained; here are longer ones (%d and %d)",
            form.n_source, form.n_candidate, len(source), longest,
        )  # fmt: skip


def open_pairranker(path: Path, options: Options | None = None) -> PairRanker:
    """`path`: the folder of a ranker. Raises `RankerMismatch`, `BadModelFile`."""
    ranker = load_ranker_file(path / FILE)
    form = ranker.card.form
    options = options or Options(n_ctx=form.n_tokens_most)
    if not (path / ENCODER).is_file():
        raise RankerMismatch(
            f"{path}: holds no {ENCODER}: give a folder of localcollab convert ranker"
        )
    encoder, verdict = load_encoder(path / ENCODER, options)
    ranker.require_encoder(verdict.sha256)
    return PairRanker(encoder, ranker)


def load_pairranker(path: Path) -> Compare:
    """A trained ranker as one function, see `open_pairranker`."""
    return open_pairranker(path).compare
