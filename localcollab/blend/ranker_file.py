"""Files of trained pair rankers: the form of a pair, the perceptron's weights, what they belong to.

Stored as safetensors, float32: `hidden_weight` (d, 2d), `hidden_bias` (d,), `weight` (n_Q, d), `bias`
(n_Q,); the card, as JSON, in the metadata. Loaded and checked like a head; runs in NumPy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from localcollab.errors import RankerMismatch
from localcollab.language_model import Float32Array
from localcollab.storage import artifact

FORMAT = "localcollab-ranker-1"
_AGAIN = "train one with localcollab convert ranker"
_KIND = artifact.Kind("ranker", FORMAT, RankerMismatch, _AGAIN)
_TYPES = {"encoder_sha256": str, "data_sha256": str, "seed": int, "metrics": dict, "versions": dict}
"""Of the card's fields, as JSON has them."""
_MOST_TOKENS = 2**20


class Written(NamedTuple):
    """A pair as the encoder reads it."""

    tokens: list[int]
    marks: tuple[int, int, int]
    """Where the marks of the source and of both candidates stand in `tokens`."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a source and two candidates become one sequence; ids of the encoder's vocabulary."""

    source: int
    candidate1: int
    candidate2: int
    separator: int
    begin: int | None
    """Stands before everything, where the encoder was trained so."""
    n_source: int
    """At most so many tokens of the source are read, its mark and separator not counted."""
    n_candidate: int

    @property
    def n_tokens_most(self) -> int:
        return self.n_source + 2 * self.n_candidate + 6 + (self.begin is not None)

    def write(self, source: Sequence[int], first: Sequence[int], second: Sequence[int]) -> Written:
        tokens = [] if self.begin is None else [self.begin]
        marks = []
        for mark, text, most in (
            (self.source, source, self.n_source),
            (self.candidate1, first, self.n_candidate),
            (self.candidate2, second, self.n_candidate),
        ):
            marks.append(len(tokens))
            tokens += [mark, *text[:most], self.separator]
        return Written(tokens, (marks[0], marks[1], marks[2]))

    def require_vocabulary(self, n_tokens: int) -> None:
        """Raises `RankerMismatch`."""
        ids = (self.source, self.candidate1, self.candidate2, self.separator, self.begin or 0)
        if max(ids) >= n_tokens:
            raise RankerMismatch(
                f"the ranker's marks are none of its encoder's {n_tokens} tokens: {_AGAIN}"
            )


@dataclass(frozen=True, slots=True)
class RankerCard:
    """What a ranker was made from, and how good it is. Every field is in the file."""

    encoder_sha256: str
    form: Form
    measures: tuple[str, ...]
    """Of the scores in the training data, in the order of the rows of `weight`."""
    data_sha256: str = ""
    seed: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """`accuracy`: of validation pairs that differ; `n_pairs`; `parity`: largest difference of a logit
    between the trained module and this file with its encoder."""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RankerFile:
    tensors: Mapping[str, Float32Array]
    card: RankerCard

    def logit(self, marked: Float32Array) -> np.float32:
        """States at the three marks, (3, d) -> the mean over the measures of s_a - s_b."""
        source, first, second = marked
        difference = self.scores(source, first) - self.scores(source, second)
        return np.float32(difference.mean())

    def scores(self, source: Float32Array, candidate: Float32Array) -> Float32Array:
        """(d,), (d,) -> (n_Q,)."""
        t = self.tensors
        h = np.concatenate([source, candidate])  # (2d,)
        h = np.tanh(t["hidden_weight"] @ h + t["hidden_bias"])
        scores: Float32Array = t["weight"] @ h + t["bias"]
        return scores

    def require_encoder(self, sha256: str) -> None:
        """Raises `RankerMismatch`."""
        if sha256 != self.card.encoder_sha256:
            raise RankerMismatch(
                f"the ranker was trained with another encoder (sha256 {self.card.encoder_sha256[:12]}, "
                f"given {sha256[:12]}): use that file, or {_AGAIN}"
            )

    def require_width(self, n_embd: int) -> None:
        """Raises `RankerMismatch`."""
        if len(self.tensors["hidden_bias"]) != n_embd:
            raise RankerMismatch(
                f"the ranker reads states of {len(self.tensors['hidden_bias'])} values, its encoder "
                f"gives {n_embd}: {_AGAIN}"
            )


def save_ranker_file(ranker: RankerFile, path: Path) -> None:
    artifact.save(_KIND, path, ranker.tensors, ranker.card)


def load_ranker_file(path: Path) -> RankerFile:
    """Raises `RankerMismatch`: missing, damaged, no ranker, or with values that are no numbers."""
    found = artifact.read(_KIND, path)
    card = artifact.parse(_KIND, path, found.metadata, _parsed)
    _check_shapes(found.tensors, len(card.measures), path)
    artifact.require_finite(_KIND, path, found.tensors)
    return RankerFile(found.tensors, card)


def _parsed(values: dict[str, Any]) -> RankerCard:
    if not isinstance(values["measures"], list):
        raise TypeError("measures is no list")
    form = Form(**values["form"])
    _check_form(form)
    measures = tuple(values["measures"])
    card = RankerCard(**artifact.known(RankerCard, values) | {"form": form, "measures": measures})
    artifact.check_types(card, _TYPES)
    if not measures or not all(isinstance(name, str) for name in measures):
        raise TypeError("measures names none")
    return card


def _check_form(form: Form) -> None:
    """JSON holds anything. Raises `ValueError`."""
    for name, value in asdict(form).items():
        if name == "begin" and value is None:
            continue
        least = 1 if name.startswith("n_") else 0
        if type(value) is not int or not least <= value < _MOST_TOKENS:
            raise ValueError(f"{name} is {value!r}")


def _check_shapes(tensors: artifact.Tensors, n_measures: int, path: Path) -> None:
    width = tensors["hidden_bias"].size if "hidden_bias" in tensors else 0
    expected = {
        "hidden_weight": (width, 2 * width), "hidden_bias": (width,),
        "weight": (n_measures, width), "bias": (n_measures,),
    }  # fmt: skip
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        raise _KIND.refusal(path, f"holds {found}, a ranker {expected}")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32:
            raise _KIND.refusal(path, f"{name} is {tensor.dtype}, not float32")
