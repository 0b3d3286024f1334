"""Vocabularies of a few pieces, and random models on them that write canonical tokens only."""

from collections.abc import Sequence

import numpy as np

from localcollab.errors import UnknownCharacter
from localcollab.language_model import Float32Array, OnChunk, Reading, log_softmax
from localcollab.vocabularies.words import Beginners, kind_at_end
from localcollab.vocabulary import Vocabulary


def piece_vocabulary(*pieces: str | bytes, bos: bool = False) -> Vocabulary:
    """The given pieces, then an end token and perhaps BOS; the longest match first."""
    written = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    ids = {piece: token for token, piece in reversed(list(enumerate(written)))}
    end, start = len(written), len(written) + 1
    longest = max(map(len, written))

    def encode(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        data, tokens, at = text.encode(), [start] if bos and has_bos else [], 0
        while at < len(data):
            n = next((n for n in range(longest, 0, -1) if data[at : at + n] in ids), 0)
            if not n:
                raise UnknownCharacter(f"no piece for {data[at : at + 1]!r}")
            tokens.append(ids[data[at : at + n]])
            at += n
        return tokens

    has_bos = bos
    control = frozenset({end, start} if bos else {end})
    strings = [piece.decode("utf-8", "surrogateescape") for piece in written]
    strings += ["<end>", "<bos>"] if bos else ["<end>"]
    return Vocabulary(
        tuple(strings), control, frozenset({end}), start if bos else None, end, bos, encode,
        lambda token: written[token] if token < len(written) else b"",
    )  # fmt: skip


class CanonicalModel:
    """Random logits at every prefix, -inf for tokens that its tokenizer would not write there.

    `n_evaluated` counts tokens, with a cache of one sequence.
    """

    n_embd, n_ctx = 4, 4096

    def __init__(self, vocabulary: Vocabulary, seed: int = 0, name: str = "base") -> None:
        self.vocabulary, self.seed, self.name = vocabulary, seed, name
        self.n_evaluated = 0
        self._cached: list[int] = []
        self._known: dict[tuple[int, ...], Float32Array] = {}

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        assert tokens
        assert last <= len(tokens)
        shared = next(
            (n for n, (a, b) in enumerate(zip(self._cached, tokens, strict=False)) if a != b),
            min(len(self._cached), len(tokens)),
        )
        self.n_evaluated += len(tokens) - min(shared, len(tokens) - last)
        self._cached = list(tokens)
        rows = [self.row(tokens[:n]) for n in range(len(tokens) - last + 1, len(tokens) + 1)]
        logits = np.array(rows, np.float32).reshape(last, self.vocabulary.n_tokens)
        states = np.tile(np.arange(4, dtype=np.float32), (last, 1)) if hidden else None
        return Reading(logits, states)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def row(self, tokens: Sequence[int]) -> Float32Array:
        vocabulary, key = self.vocabulary, tuple(tokens)
        if key not in self._known:
            rng = np.random.default_rng((self.seed, *key))
            row = rng.normal(size=vocabulary.n_tokens).astype(np.float32)
            row[sorted(vocabulary.control - vocabulary.end)] = -np.inf
            said = [token for token in tokens if token not in vocabulary.control]
            text = b"".join(map(vocabulary.piece, said))
            for token in range(vocabulary.n_tokens):
                longer = text + vocabulary.piece(token)
                is_text = token not in vocabulary.control
                if is_text and vocabulary.encode_bytes(longer) != [*said, token]:
                    row[token] = -np.inf
            self._known[key] = row
        return self._known[key]


def sampled(model: CanonicalModel, n_tokens: int, seed: int = 0) -> list[int]:
    """A text of the model's own, without the end."""
    rng, tokens = np.random.default_rng(seed), list[int]()
    start = model.vocabulary.encode("", bos=True)
    while len(tokens) < n_tokens:
        p = np.exp(model.row([*start, *tokens]).astype(np.float64))
        p[sorted(model.vocabulary.end)] = 0
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return tokens


def own_tokens(vocabulary: Vocabulary, text: bytes) -> list[int]:
    return [*vocabulary.encode("", bos=True), *vocabulary.encode_bytes(text)]


def masses(model: CanonicalModel, text: bytes) -> tuple[np.ndarray, float, float]:
    """(probabilities, of what begins a word here, of the end) after a text."""
    vocabulary = model.vocabulary
    p = np.exp(log_softmax(model.row(own_tokens(vocabulary, text))).astype(np.float64))
    begins = p[Beginners(vocabulary).after(kind_at_end(text))].sum()
    return p, float(begins), float(p[vocabulary.eos])


def word_probability(model: CanonicalModel, before: bytes, word: bytes) -> float:
    """P(first token | it begins a word and is no end) .. P(the word ends here)."""
    _, begins, end = masses(model, before)
    tokens, n = (
        own_tokens(model.vocabulary, before + word),
        len(own_tokens(model.vocabulary, before)),
    )
    p = [np.exp(log_softmax(model.row(tokens[:k]))[tokens[k]]) for k in range(n, len(tokens))]
    return float(np.prod(p, dtype=np.float64)) / (begins - end) * masses(model, before + word)[1]
