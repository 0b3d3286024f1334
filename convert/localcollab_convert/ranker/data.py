"""Records in MixInstruct's format -> token ids and scores, and the pairs that a ranker is trained on.

llama.cpp tokenizes with the encoder's GGUF file, in training as in use.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from localcollab.blend.mixinstruct import Record, read_records
from localcollab.blend.ranker_file import Form, Written
from localcollab.errors import BadData
from localcollab.language_model import Float32Array
from localcollab.vocabulary import Encode

PAIRS_PER_EXAMPLE = 5
"""Random, drawn again each epoch, as in the paper."""


@dataclass(frozen=True, slots=True)
class Example:
    """One instruction with its scored candidates."""

    source: list[int]
    candidates: list[list[int]]
    scores: Float32Array
    """(n_candidates, n_Q)."""


class TrainingPair(NamedTuple):
    example: Example
    first: int
    second: int

    @property
    def signs(self) -> Float32Array:
        """(n_Q,): 1 where the first is better, -1 where the second is, 0 where they are equal."""
        signs: Float32Array = np.sign(
            self.example.scores[self.first] - self.example.scores[self.second]
        )
        return signs

    def written(self, form: Form) -> Written:
        example = self.example
        return form.write(
            example.source, example.candidates[self.first], example.candidates[self.second]
        )


def load_records(path: Path) -> list[Record]:
    """Those with at least two candidates. Raises `BadData`."""
    records = [record for record in read_records(path) if len(record.candidates) > 1]
    if not records:
        raise BadData(f"{path}: no record with two candidates: give JSONL in MixInstruct's format")
    return records


def measures_of(records: Sequence[Record], path: Path) -> tuple[str, ...]:
    """The measures that score every candidate. Raises `BadData`."""
    scored = [set(given.scores) for record in records for given in record.candidates]
    shared = set.intersection(*scored)
    if not shared:
        raise BadData(
            f'{path}: no measure scores every candidate: add "scores" to the candidates, or remove those '
            "without"
        )
    return tuple(sorted(shared))


def split_records(
    records: Sequence[Record], seed: int, share: float = 0.1
) -> tuple[list[Record], list[Record]]:
    """(training, validation), by instruction: equal ones stay together. Raises `BadData`."""
    instructions = sorted({record.prompt for record in records})
    order = np.random.default_rng(seed).permutation(len(instructions))
    n_valid = max(1, round(share * len(instructions)))
    held_out = {instructions[i] for i in order[:n_valid]}
    train = [record for record in records if record.prompt not in held_out]
    if not train:
        raise BadData("the data has only one instruction: give more data, or `valid`")
    return train, [record for record in records if record.prompt in held_out]


def encode_records(
    records: Iterable[Record], measures: Sequence[str], encode: Encode
) -> list[Example]:
    """Raises `UnknownCharacter`."""
    return [
        Example(
            encode(record.prompt),
            [encode(given.text) for given in record.candidates],
            np.array([[c.scores[m] for m in measures] for c in record.candidates], np.float32),
        )
        for record in records
    ]


def draw_pairs(
    examples: Sequence[Example], rng: np.random.Generator, n: int = PAIRS_PER_EXAMPLE
) -> list[TrainingPair]:
    """At most `n` random pairs an example that differ in some measure, in random order and with random
    sides."""
    pairs: list[TrainingPair] = []
    for example in examples:
        differ = _pairs_that_differ(example)
        drawn = rng.choice(len(differ), min(n, len(differ)), replace=False) if differ else ()
        for i, is_swapped in zip(drawn, rng.random(len(drawn)) < 0.5, strict=True):
            a, b = differ[i]
            pairs.append(TrainingPair(example, *((b, a) if is_swapped else (a, b))))
    return [pairs[i] for i in rng.permutation(len(pairs))]


def all_pairs(examples: Iterable[Example]) -> list[TrainingPair]:
    return [
        TrainingPair(example, a, b)
        for example in examples
        for a in range(len(example.candidates))
        for b in range(a + 1, len(example.candidates))
    ]


def _pairs_that_differ(example: Example) -> list[tuple[int, int]]:
    n, scores = len(example.candidates), example.scores
    return [(a, b) for a in range(n) for b in range(a + 1, n) if (scores[a] != scores[b]).any()]


def batches_of(
    pairs: Sequence[TrainingPair], n: int, rng: np.random.Generator, n_mixed: int = 16
) -> list[list[TrainingPair]]:
    """Batches of pairs of similar length, for little padding, in random order."""
    batches = []
    for at in range(0, len(pairs), n * n_mixed):
        part = sorted(pairs[at : at + n * n_mixed], key=_length)
        batches += [part[i : i + n] for i in range(0, len(part), n)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _length(pair: TrainingPair) -> int:
    texts = (pair.example.candidates[pair.first], pair.example.candidates[pair.second])
    return sum(map(len, texts))
