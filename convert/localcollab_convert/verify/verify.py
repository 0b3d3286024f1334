"""Compares a GGUF file with its original: tokenizer, predictions, and the decisions of a head."""

from pathlib import Path

import numpy as np

from localcollab.errors import BadModelFile, BadOption
from localcollab.language_model import Float32Array
from localcollab.llama.header import read_header
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.methods.heads import Head, load_head
from localcollab.progress import Counted, OnProgress
from localcollab.vocabulary import Vocabulary
from localcollab_convert.formats.source import open_source
from localcollab_convert.verify.divergence import Read, Scores, by_position, score, summarize
from localcollab_convert.verify.parity import (
    compare_vocabularies,
    compare_with_tokenizer,
    load_tokenizer,
)
from localcollab_convert.verify.readers import (
    gguf_reader,
    open_gguf,
    open_torch,
    torch_reader,
    windows_of,
)
from localcollab_convert.verify.request import HeadAgreement, Verification, VerifyRequest

_ENCODER_DECODERS = ("t5", "t5encoder")


def verify(request: VerifyRequest, on_progress: OnProgress) -> Verification:
    """Raises `BadModelFile`, `BadOption`, `BadData`, `HeadMismatch`."""
    path, against = request.path, request.against
    source = open_source(against)
    head = load_head(request.head) if request.head else None
    on_progress(f"comparing the tokenizers of {path.name} and {against.name}")
    vocabulary = load_vocabulary(path)
    if source.is_folder:
        tokenizer = compare_with_tokenizer(path, vocabulary, load_tokenizer(against))
    else:
        tokenizer = compare_vocabularies(vocabulary, load_vocabulary(against))
    if not _is_decoder_only(path):
        if head:
            raise BadOption(
                f"{path}: not a decoder-only model, so it has no head: leave out `head`"
            )
        return Verification(path, against, tokenizer, None)
    scores = _score(request, vocabulary, on_progress)
    return Verification(
        path, against, tokenizer, summarize(scores), by_position(scores), scores.largest_difference,
        _compare_head(head, scores) if head else None,
    )  # fmt: skip


def _is_decoder_only(path: Path) -> bool:
    header = read_header(path)
    causal = header.metadata.get(f"{header.architecture}.attention.causal", True)
    return bool(causal) and header.architecture not in _ENCODER_DECODERS


def _score(request: VerifyRequest, vocabulary: Vocabulary, on_progress: OnProgress) -> Scores:
    path = request.path
    n_ctx = read_header(path).number("context_length") or request.window
    length = min(request.window, request.n_tokens, n_ctx)
    windows = windows_of(request.text, vocabulary, length, request.n_tokens)
    ours = gguf_reader(open_gguf(path, length, exact=request.exact))
    theirs = _reader_of(request.against, length, request.exact)

    def on_window(done: int) -> None:
        on_progress(
            Counted(f"comparing the predictions of {path.name}", done, len(windows), "windows")
        )

    return score(windows, ours, theirs, on_window)


def _reader_of(against: Path, length: int, exact: bool) -> Read:
    source = open_source(against)
    if source.is_folder:
        return torch_reader(open_torch(against, source.n_parameters))
    return gguf_reader(open_gguf(against, length, exact=exact))


def _compare_head(head: Head, scores: Scores) -> HeadAgreement:
    """Raises `BadModelFile` where the head has another width."""
    if head.n_embd != scores.hidden.shape[1]:
        raise BadModelFile(
            f"the head has {head.n_embd} inputs, this base {scores.hidden.shape[1]} hidden values: give "
            "the base the head was trained on"
        )
    threshold = head.metadata.threshold
    ours, theirs = head.p_defer(scores.hidden), head.p_defer(scores.hidden_original)
    rate = float((_p_any(theirs) > threshold).mean())
    matching = _matching_threshold(_p_any(ours), rate, threshold)
    original = _authors(theirs, threshold)
    return HeadAgreement(
        agreement=float((_authors(ours, threshold) == original).mean()),
        threshold=threshold,
        deferral_rate=float((_p_any(ours) > threshold).mean()),
        deferral_rate_original=rate,
        recalibrated=matching,
        agreement_recalibrated=float((_authors(ours, matching) == original).mean()),
    )


def _p_any(p_defer: Float32Array) -> np.ndarray:
    p_any: np.ndarray = np.minimum(p_defer.sum(axis=1), 1)
    return p_any


def _authors(p_defer: Float32Array, threshold: float) -> np.ndarray:
    """(n, K) -> (n,): 0 for the base, k for expert k, as in `deferral`."""
    authors: np.ndarray = np.where(_p_any(p_defer) > threshold, p_defer.argmax(axis=1) + 1, 0)
    return authors


def _matching_threshold(p_any: np.ndarray, rate: float, threshold: float) -> float:
    """A threshold with `p > threshold` for a share `rate`; of several, the nearest to `threshold`."""
    ascending = np.sort(p_any)
    n_base = round((1 - rate) * len(p_any))
    lowest = float(ascending[n_base - 1]) if n_base else 0.0
    highest = float(ascending[n_base]) if n_base < len(ascending) else 1.0
    return min(max(threshold, lowest), max(lowest, float(np.nextafter(np.float32(highest), 0))))
