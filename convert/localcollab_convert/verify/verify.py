"""Is this GGUF file still the model it was made from? Tokenizer, predictions, a head's decisions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from localcollab.errors import BadData, BadModelFile, BadOption
from localcollab.language_model import Float32Array
from localcollab.llama.header import read_header
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.methods.heads import Head, load_head
from localcollab.vocabulary import Vocabulary
from localcollab_convert.model.source import open_source
from localcollab_convert.verify.divergence import (
    Read,
    Scores,
    Summary,
    by_position,
    score,
    summarize,
)
from localcollab_convert.verify.parity import (
    Parity,
    compare_vocabularies,
    compare_with_tokenizer,
    load_tokenizer,
)
from localcollab_convert.verify.readers import gguf_reader, open_gguf, open_torch, torch_reader

DEFAULT_TEXT = Path(__file__).with_name("verify_text.txt")
N_TOKENS, WINDOW = 2048, 512
_ENCODER_DECODERS = ("t5", "t5encoder")

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HeadAgreement:
    """A head's decisions on the original's hidden states, and on this file's."""

    agreement: float
    """Share of positions with the same author."""
    threshold: float
    deferral_rate: float
    deferral_rate_original: float
    recalibrated: float
    """The threshold at which this file defers as often as the original did."""
    agreement_recalibrated: float


@dataclass(frozen=True, slots=True)
class Verification:
    path: Path
    against: Path
    tokenizer: Parity
    total: Summary | None
    """None: no decoder-only model, so its predictions were not compared."""
    positions: dict[str, Summary] = field(default_factory=dict)
    largest_difference: float | None = None
    head: HeadAgreement | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    text: Path = DEFAULT_TEXT
    head: Path | None = None
    n_tokens: int = N_TOKENS
    window: int = WINDOW
    exact: bool = False
    """F32 cache, no flash attention: only the weights differ."""

    def __post_init__(self) -> None:
        if not 2 <= self.window <= self.n_tokens <= 2**20:
            raise BadOption(f"--tokens is {self.n_tokens}: give a number from 2 to {2**20}")


def verify(path: Path, against: Path, asked: Asked, on_progress: OnProgress) -> Verification:
    """Raises `BadModelFile`, `BadOption`, `BadData`, `HeadMismatch`."""
    source = open_source(against)
    head = load_head(asked.head) if asked.head else None
    on_progress(f"comparing the tokenizers of {path.name} and {against.name}")
    vocabulary = load_vocabulary(path)
    if source.is_folder:
        tokenizer = compare_with_tokenizer(path, vocabulary, load_tokenizer(against))
    else:
        tokenizer = compare_vocabularies(vocabulary, load_vocabulary(against))
    if not _is_decoder_only(path):
        if head:
            raise BadOption(f"{path}: is no decoder-only model, so it has no head")
        return Verification(path, against, tokenizer, None)
    scores = _score(path, against, vocabulary, asked, on_progress)
    return Verification(
        path, against, tokenizer, summarize(scores), by_position(scores), scores.largest_difference,
        _compare_head(head, scores) if head else None,
    )  # fmt: skip


def _is_decoder_only(path: Path) -> bool:
    header = read_header(path)
    causal = header.metadata.get(f"{header.architecture}.attention.causal", True)
    return bool(causal) and header.architecture not in _ENCODER_DECODERS


def _score(
    path: Path, against: Path, vocabulary: Vocabulary, asked: Asked, on_progress: OnProgress
) -> Scores:
    n_ctx = read_header(path).number("context_length") or asked.window
    length = min(asked.window, n_ctx)
    windows = windows_of(asked.text, vocabulary, length, asked.n_tokens)
    ours = gguf_reader(open_gguf(path, length, exact=asked.exact))
    theirs = _reader_of(against, length, asked.exact)

    def on_window(done: int) -> None:
        on_progress(f"comparing the predictions of {path.name}: {done} of {len(windows)} windows")

    return score(windows, ours, theirs, on_window)


def _reader_of(against: Path, length: int, exact: bool) -> Read:
    source = open_source(against)
    if source.is_folder:
        return torch_reader(open_torch(against, source.n_parameters))
    return gguf_reader(open_gguf(against, length, exact=exact))


def read_text(path: Path) -> str:
    """Raises `BadData`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read as UTF-8 text ({error}): check it") from error


def windows_of(path: Path, vocabulary: Vocabulary, length: int, n_tokens: int) -> list[list[int]]:
    """The text's tokens, cut; each window begins as the model wants a sequence to begin."""
    text = read_text(path)
    begin = [vocabulary.bos] if vocabulary.adds_bos and vocabulary.bos is not None else []
    tokens = vocabulary.encode(text)[:n_tokens]
    if len(tokens) < 2:
        raise BadData(f"{path}: holds {len(tokens)} tokens: give a longer text")
    step = length - len(begin)
    return [begin + tokens[i : i + step] for i in range(0, len(tokens), step)]


def _compare_head(head: Head, scores: Scores) -> HeadAgreement:
    """Raises `BadModelFile` where the head reads states of another width."""
    if head.n_embd != scores.hidden.shape[1]:
        raise BadModelFile(
            f"the head reads {head.n_embd} values, this base has {scores.hidden.shape[1]}: give the "
            "base the head was trained with"
        )
    threshold = head.metadata.threshold
    ours, theirs = head.p_defer(scores.hidden), head.p_defer(scores.hidden_original)
    rate = float((_p_any(theirs) > threshold).mean())
    matched = _matched_threshold(_p_any(ours), rate, threshold)
    original = _authors(theirs, threshold)
    return HeadAgreement(
        agreement=float((_authors(ours, threshold) == original).mean()),
        threshold=threshold,
        deferral_rate=float((_p_any(ours) > threshold).mean()),
        deferral_rate_original=rate,
        recalibrated=matched,
        agreement_recalibrated=float((_authors(ours, matched) == original).mean()),
    )


def _p_any(p_defer: Float32Array) -> np.ndarray:
    p_any: np.ndarray = np.minimum(p_defer.sum(axis=1), 1)
    return p_any


def _authors(p_defer: Float32Array, threshold: float) -> np.ndarray:
    """(n, K) -> (n,): 0 for the base, k for expert k, as in `deferral`."""
    authors: np.ndarray = np.where(_p_any(p_defer) > threshold, p_defer.argmax(axis=1) + 1, 0)
    return authors


def _matched_threshold(p_any: np.ndarray, rate: float, threshold: float) -> float:
    """At which `p > threshold` for a share `rate`; of those that do, the nearest to `threshold`."""
    ascending = np.sort(p_any)
    n_base = round((1 - rate) * len(p_any))
    lowest = float(ascending[n_base - 1]) if n_base else 0.0
    highest = float(ascending[n_base]) if n_base < len(ascending) else 1.0
    return min(max(threshold, lowest), max(lowest, float(np.nextafter(np.float32(highest), 0))))
