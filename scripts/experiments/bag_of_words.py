"""A bag of words as a ranker: what a pair ranker must beat to have read more than single words."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from localcollab.blend.mixinstruct import Record
from localcollab.blend.rankers import by_score
from localcollab.blend.ranking import Compare, Contest
from localcollab.language_model import Float32Array

N_WORDS = 2000
_WORD = re.compile(r"\w+|[^\w\s]|\n")
_STEPS, _BATCH, _RATE, _DECAY = 600, 512, 0.01, 0.05


def train_bag_of_words(records: Sequence[Record], measure: str, seed: int) -> Compare:
    """Logistic regression on the difference of log counts, over pairs that differ (Adam)."""
    words = _commonest([given.text for r in records for given in r.candidates])
    firsts: list[int] = []
    seconds: list[int] = []
    features: list[Float32Array] = []
    for record in records:
        at = len(features)
        scores = [given.scores[measure] for given in record.candidates]
        features += [_features(given.text, words) for given in record.candidates]
        n = len(scores)
        better = [(a, b) for a in range(n) for b in range(n) if scores[a] > scores[b]]
        firsts += [at + a for a, _ in better]
        seconds += [at + b for _, b in better]
    weights = _fit(np.stack(features), np.array(firsts), np.array(seconds), seed)

    def score(contest: Contest) -> Float32Array:
        return np.stack([_features(text, words) for text in contest.candidates]) @ weights

    return by_score(score)


def _commonest(texts: Sequence[str]) -> dict[str, int]:
    counts = Counter(word for text in texts for word in set(_WORD.findall(text.lower())))
    return {word: n for n, (word, _) in enumerate(counts.most_common(N_WORDS))}


def _features(text: str, words: dict[str, int]) -> Float32Array:
    """log(1 + count) of each word, and of all of them: (n_words + 1,)."""
    found = _WORD.findall(text.lower())
    counts = np.zeros(len(words) + 1, np.float32)
    for word in found:
        if word in words:
            counts[words[word]] += 1
    counts[-1] = len(found)
    return np.log1p(counts)


def _fit(
    features: Float32Array, firsts: np.ndarray, seconds: np.ndarray, seed: int
) -> Float32Array:
    """Weights with which the first of each pair scores higher."""
    rng = np.random.default_rng(seed)
    weights = np.zeros(features.shape[1], np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, _STEPS + 1):
        drawn = rng.integers(0, len(firsts), _BATCH)
        x = features[firsts[drawn]] - features[seconds[drawn]]  # (batch, n_words + 1)
        slope = -x.T @ (1 / (1 + np.exp(x @ weights))) / _BATCH
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        rate = _RATE * (1 - step / (_STEPS + 1))
        moved = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        weights -= (rate * (moved + _DECAY * weights)).astype(np.float32)
    return weights
