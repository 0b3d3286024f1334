"""Files of trained pair rankers: the form of a pair, the perceptron's weights, what they belong to.

Stored as safetensors, float32: `hidden_weight` (d, 2d), `hidden_bias` (d,), `weight` (n_Q, d), `bias`
(n_Q,); the card, as JSON, in the metadata. Loaded and checked like a head; runs in NumPy.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from localcollab.errors import RankerMismatch
from localcollab.heads import with_sorted_header
from localcollab.language_model import Float32Array

FORMAT = "localcollab-ranker-1"
_AGAIN = "train one with localcollab convert ranker"
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
    """Written beside its final name, then renamed. Equal rankers are equal bytes."""
    from safetensors.numpy import save

    metadata = {"format": FORMAT, "card": json.dumps(asdict(ranker.card), sort_keys=True)}
    partial = path.with_name(path.name + ".partial")
    data = save({k: np.ascontiguousarray(v) for k, v in ranker.tensors.items()}, metadata)
    partial.write_bytes(with_sorted_header(data))
    os.replace(partial, path)


def load_ranker_file(path: Path) -> RankerFile:
    """Raises `RankerMismatch`: missing, damaged, no ranker, or with values that are no numbers."""
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise RankerMismatch(f"{path}: no such ranker file: check the path, or {_AGAIN}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise RankerMismatch(f"{path}: is no ranker file ({error}): {_AGAIN}") from error
    if metadata.get("format") != FORMAT:
        raise RankerMismatch(
            f"{path}: is a safetensors file but no ranker of format {FORMAT}: {_AGAIN}"
        )
    card = _parse_card(metadata.get("card", ""), path)
    _check_tensors(tensors, len(card.measures), path)
    return RankerFile(tensors, card)


def _parse_card(text: str, path: Path) -> RankerCard:
    try:
        values = json.loads(text)
        if not isinstance(values["measures"], list):
            raise TypeError("measures is no list")
        form = Form(**values["form"])
        _check_form(form)
        known = {f.name for f in fields(RankerCard)}
        kept = {key: value for key, value in values.items() if key in known}
        card = RankerCard(**kept | {"form": form, "measures": tuple(values["measures"])})
        _check_types(card)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RankerMismatch(f"{path}: its card is damaged ({error}): {_AGAIN}") from error
    return card


def _check_form(form: Form) -> None:
    """JSON holds anything. Raises `ValueError`."""
    for name, value in asdict(form).items():
        if name == "begin" and value is None:
            continue
        least = 1 if name.startswith("n_") else 0
        if type(value) is not int or not least <= value < _MOST_TOKENS:
            raise ValueError(f"{name} is {value!r}")


def _check_types(card: RankerCard) -> None:
    """Raises `TypeError`."""
    of_type: dict[str, type] = {
        "encoder_sha256": str, "data_sha256": str, "seed": int, "metrics": dict, "versions": dict,
    }  # fmt: skip
    for name, wanted in of_type.items():
        if not isinstance(getattr(card, name), wanted):
            raise TypeError(f"{name} is a {type(getattr(card, name)).__name__}")
    if not card.measures or not all(isinstance(name, str) for name in card.measures):
        raise TypeError("measures names none")


def _check_tensors(
    tensors: Mapping[str, np.ndarray[Any, Any]], n_measures: int, path: Path
) -> None:
    width = tensors["hidden_bias"].size if "hidden_bias" in tensors else 0
    expected = {
        "hidden_weight": (width, 2 * width), "hidden_bias": (width,),
        "weight": (n_measures, width), "bias": (n_measures,),
    }  # fmt: skip
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        raise RankerMismatch(f"{path}: holds {found}, a ranker {expected}: {_AGAIN}")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            raise RankerMismatch(f"{path}: {name} holds values that are no numbers: {_AGAIN}")
