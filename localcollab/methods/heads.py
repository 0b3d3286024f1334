"""Head files: load, save, and check that a head belongs to these model files. Runs in NumPy.

A head maps the base's hidden state (after the final norm) to a softmax over {base, expert 1..K},
the base's logit fixed at 0, as in Co-LLM (arXiv:2403.03870). Stored as safetensors: a linear layer
(`weight` (K, n_embd), `bias` (K,)) or a two-layer perceptron with tanh (`hidden_weight`,
`hidden_bias`, `weight`, `bias`); its metadata, as JSON, in the header. A head with a second output,
which says whether a span is right (`right_spans`), has `right_weight` and `right_bias` too, and a
format of its own.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from localcollab.errors import HeadMismatch
from localcollab.language_model import Float32Array
from localcollab.methods.right_spans import N_OF_SPAN
from localcollab.storage import artifact

FORMAT = "localcollab-head-1"
FORMAT_WITH_RIGHT = "localcollab-head-2"
"""With the second output, which readers of the first format do not know."""
HIDDEN_STATE = "after the final norm"
"""Where llama.cpp takes its embeddings; other runtimes export the state before the norm."""
_REMEDY = "train one with localcollab convert head"
_KIND = artifact.Kind("head", FORMAT, HeadMismatch, _REMEDY, (FORMAT_WITH_RIGHT,))
_KIND_WITH_RIGHT = artifact.Kind("head", FORMAT_WITH_RIGHT, HeadMismatch, _REMEDY)
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "base_sha256": str, "vocabulary": str, "data_sha256": str, "hidden_state": str,
    "expert_sha256s": list, "threshold": (int, float), "seed": int, "metrics": dict,
    "versions": dict, "least_right": (int, float),
}  # fmt: skip
"""Of the metadata's fields, as JSON has them."""


@dataclass(frozen=True, slots=True)
class HeadMetadata:
    """What a head was trained on, and its metrics. Every field is in the file."""

    base_sha256: str
    expert_sha256s: tuple[str, ...]
    """In the order of the head's rows."""
    vocabulary: str
    """The fingerprint of the team's vocabulary."""
    data_sha256: str
    threshold: float = 0.5
    hidden_state: str = HIDDEN_STATE
    seed: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """NLL per token in nats on validation data: `base`, `expert 1`.., `mixture`, `head`, `oracle`."""
    versions: Mapping[str, str] = field(default_factory=dict)
    least_right: float = 0.0
    """A span whose probability to be right is below is doubted; 0: none is."""


@dataclass(frozen=True, slots=True)
class Head:
    tensors: Mapping[str, Float32Array]
    metadata: HeadMetadata
    sha256: str = field(default="", compare=False)
    """Of its file; empty if it was not loaded from one."""

    @property
    def n_experts(self) -> int:
        return len(self.tensors["bias"])

    @property
    def n_embd(self) -> int:
        return int(self.tensors.get("hidden_weight", self.tensors["weight"]).shape[1])

    @property
    def judges_spans(self) -> bool:
        """Whether it has the second output."""
        return "right_weight" in self.tensors

    def p_right(self, features: Float32Array) -> float:
        """P(the span is right), from `right_spans.features`, (n_embd + N_OF_SPAN,)."""
        z = float(features @ self.tensors["right_weight"] + self.tensors["right_bias"][0])
        return 1 / (1 + math.exp(-min(max(z, -30.0), 30.0)))

    def logits(self, hidden: Float32Array) -> Float32Array:
        """(n, n_embd) -> (n, K+1), the base's first and always 0."""
        h = hidden
        if "hidden_weight" in self.tensors:
            h = np.tanh(h @ self.tensors["hidden_weight"].T + self.tensors["hidden_bias"])
        d = h @ self.tensors["weight"].T + self.tensors["bias"]  # (n, K)
        return np.concatenate([np.zeros((len(d), 1), np.float32), d], axis=1)

    def p_defer(self, hidden: Float32Array) -> Float32Array:
        """P(z = k | hidden), k = 1..K: (n, n_embd) -> (n, K)."""
        with np.errstate(over="ignore", invalid="ignore"):
            logits = self.logits(hidden)
            e = np.exp(logits - logits.max(axis=1, keepdims=True))
            p: Float32Array = (e / e.sum(axis=1, keepdims=True))[:, 1:]
        if not np.isfinite(p).all():
            raise HeadMismatch("the head produces NaN or infinite values: train it again")
        return p

    def require(self, base: str, experts: Sequence[str], vocabulary: str, n_embd: int) -> None:
        """`base`, `experts`: sha256 of the files in use. Raises `HeadMismatch`."""
        metadata = self.metadata
        if metadata.vocabulary != vocabulary:
            raise HeadMismatch(
                f"the head was trained for another vocabulary ({metadata.vocabulary[:12]}, the base has "
                f"{vocabulary[:12]}): train one with localcollab convert head"
            )
        if n_embd != self.n_embd or len(experts) != self.n_experts:
            raise HeadMismatch(
                f"the head reads {self.n_embd} values for {self.n_experts} experts, the team has "
                f"{n_embd} and {len(experts)}: train one with localcollab convert head"
            )
        given, trained = (base, *experts), (metadata.base_sha256, *metadata.expert_sha256s)
        for i, (mine, theirs) in enumerate(zip(given, trained, strict=True)):
            if mine != theirs:
                who = "the base" if i == 0 else f"expert {i}"
                raise HeadMismatch(
                    f"the head was trained with another file as {who} (sha256 {theirs[:12]}, given "
                    f"{mine[:12]}): use that file, or train a head with localcollab convert head"
                )


def save_head(head: Head, path: Path) -> None:
    kind = _KIND_WITH_RIGHT if head.judges_spans else _KIND
    artifact.save(kind, path, head.tensors, head.metadata)


def load_head(path: Path) -> Head:
    """Raises `HeadMismatch`: missing, damaged, not a head, or NaN or infinite values."""
    found = artifact.read(_KIND, path)
    metadata = artifact.parse(_KIND, path, found.metadata, _parsed)
    _check_metadata(metadata, path)
    _check_shapes(found.tensors, len(metadata.expert_sha256s), path)
    artifact.require_finite(_KIND, path, found.tensors)
    return Head(found.tensors, metadata, hashlib.sha256(path.read_bytes()).hexdigest())


def _parsed(values: dict[str, Any]) -> HeadMetadata:
    metadata = HeadMetadata(**artifact.known(HeadMetadata, values))
    artifact.check_types(metadata, _TYPES)
    if not all(isinstance(sha256, str) for sha256 in metadata.expert_sha256s):
        raise TypeError("expert_sha256s holds a value that is not text")
    return replace(metadata, expert_sha256s=tuple(metadata.expert_sha256s))


def _check_metadata(metadata: HeadMetadata, path: Path) -> None:
    for name in ("threshold", "least_right"):
        if not 0 <= getattr(metadata, name) <= 1:
            raise _KIND.refusal(path, f"{name} {getattr(metadata, name)} is not a probability")
    if metadata.hidden_state != HIDDEN_STATE:
        raise HeadMismatch(
            f"{path}: needs the hidden state {metadata.hidden_state!r}, llama.cpp gives the one "
            f"{HIDDEN_STATE}: train a head with localcollab convert head"
        )


def _check_shapes(tensors: artifact.Tensors, n_experts: int, path: Path) -> None:
    names = set(tensors)
    linear, mlp = {"weight", "bias"}, {"weight", "bias", "hidden_weight", "hidden_bias"}
    second = {"right_weight", "right_bias"}
    if second <= names:
        first = tensors["hidden_weight" if "hidden_weight" in names else "weight"]
        width = first.shape[-1] if first.ndim == 2 else 0
        for name, shape in (("right_weight", (width + N_OF_SPAN,)), ("right_bias", (1,))):
            tensor = tensors[name]
            if tensor.shape != shape or tensor.dtype != np.float32:
                raise _KIND.refusal(path, f"{name} is {tensor.dtype} {tensor.shape}, not {shape}")
        names -= second
        tensors = {name: tensors[name] for name in names if name in tensors}
    if names not in (linear, mlp):
        what = f"holds tensors {sorted(names)}; a head has {sorted(linear)}"
        raise _KIND.refusal(path, what)
    for name, tensor in tensors.items():
        if tensor.ndim != (1 if "bias" in name else 2):
            raise _KIND.refusal(path, f"{name} has {tensor.ndim} dimensions")
    width = tensors["hidden_weight"].shape[0] if names == mlp else tensors["weight"].shape[-1]
    expected = {"weight": (n_experts, width), "bias": (n_experts,)}
    if names == mlp:
        expected["hidden_bias"] = (width,)
        expected["hidden_weight"] = (width, tensors["hidden_weight"].shape[-1])
    for name, tensor in tensors.items():
        if tensor.shape != expected[name] or tensor.dtype != np.float32:
            raise _KIND.refusal(
                path,
                f"{name} is {tensor.dtype} {tensor.shape}, {n_experts} experts need float32 "
                f"{expected[name]}",
            )
