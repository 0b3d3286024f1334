"""Head files: load, save, and check that a head belongs to these model files. Runs in NumPy.

A head maps the base's hidden state (after the final norm) to a softmax over {base, expert 1..K},
the base's logit fixed at 0, as in Co-LLM (arXiv:2403.03870). Stored as safetensors: a linear layer
(`weight` (K, n_embd), `bias` (K,)) or a two-layer perceptron with tanh (`hidden_weight`,
`hidden_bias`, `weight`, `bias`); its card, as JSON, in the metadata.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from localcollab.errors import HeadMismatch
from localcollab.language_model import Float32Array

FORMAT = "localcollab-head-1"
HIDDEN_STATE = "after the final norm"
"""Where llama.cpp takes its embedding; other runtimes export the state before the norm."""


@dataclass(frozen=True, slots=True)
class HeadCard:
    """What a head was made from, and how good it is. Every field is in the file."""

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
    """NLL a token in nats on the validation data: `base`, `expert 1`.., `mixture`, `head`, `oracle`."""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    tensors: Mapping[str, Float32Array]
    card: HeadCard
    sha256: str = field(default="", compare=False)
    """Of its file; empty: it was made here and is in none."""

    @property
    def n_experts(self) -> int:
        return len(self.tensors["bias"])

    @property
    def n_embd(self) -> int:
        return int(self.tensors.get("hidden_weight", self.tensors["weight"]).shape[1])

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
            raise HeadMismatch("the head gives values that are no numbers: train it anew")
        return p

    def require(self, base: str, experts: Sequence[str], vocabulary: str, n_embd: int) -> None:
        """`base`, `experts`: sha256 of the files in use. Raises `HeadMismatch`."""
        card = self.card
        if card.vocabulary != vocabulary:
            raise HeadMismatch(
                f"the head was trained for another vocabulary ({card.vocabulary[:12]}, the base has "
                f"{vocabulary[:12]}): train one with localcollab convert head"
            )
        if n_embd != self.n_embd or len(experts) != self.n_experts:
            raise HeadMismatch(
                f"the head reads {self.n_embd} values for {self.n_experts} experts, the team has "
                f"{n_embd} and {len(experts)}: train one with localcollab convert head"
            )
        given, trained = (base, *experts), (card.base_sha256, *card.expert_sha256s)
        for i, (mine, theirs) in enumerate(zip(given, trained, strict=True)):
            if mine != theirs:
                who = "the base" if i == 0 else f"expert {i}"
                raise HeadMismatch(
                    f"the head was trained with another file as {who} (sha256 {theirs[:12]}, given "
                    f"{mine[:12]}): use that file, or train a head with localcollab convert head"
                )


def save_head(head: Head, path: Path) -> None:
    """Written beside its final name, then renamed. Equal heads are equal bytes."""
    from safetensors.numpy import save

    metadata = {"format": FORMAT, "card": json.dumps(asdict(head.card), sort_keys=True)}
    partial = path.with_name(path.name + ".partial")
    data = save({k: np.ascontiguousarray(v) for k, v in head.tensors.items()}, metadata)
    partial.write_bytes(with_sorted_header(data))
    os.replace(partial, path)


def with_sorted_header(data: bytes) -> bytes:
    """safetensors writes the keys of the metadata in an order that changes from run to run."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[end:]


def load_head(path: Path) -> Head:
    """Raises `HeadMismatch`: missing, damaged, not a head, or with values that are no numbers."""
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise HeadMismatch(f"{path}: no such head file: check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise HeadMismatch(f"{path}: is no head file ({error}): train one anew") from error
    if metadata.get("format") != FORMAT:
        raise HeadMismatch(
            f"{path}: is a safetensors file but no head of format {FORMAT}: give one made by "
            "localcollab convert head"
        )
    card = _parse_card(metadata.get("card", ""), path)
    _check_shapes(tensors, card, path)
    return Head(tensors, card, hashlib.sha256(path.read_bytes()).hexdigest())


def _parse_card(text: str, path: Path) -> HeadCard:
    try:
        values = json.loads(text)
        known = {f.name for f in fields(HeadCard)}
        card = HeadCard(**{k: v for k, v in values.items() if k in known})
        _check_types(card)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise HeadMismatch(f"{path}: its card is damaged ({error}): train the head anew") from error
    if not 0 <= card.threshold <= 1:
        raise HeadMismatch(f"{path}: threshold {card.threshold} is no probability: train it anew")
    if card.hidden_state != HIDDEN_STATE:
        raise HeadMismatch(
            f"{path}: reads the hidden state {card.hidden_state!r}, llama.cpp gives it "
            f"{HIDDEN_STATE}: export the states with localcollab convert head"
        )
    return replace(card, expert_sha256s=tuple(card.expert_sha256s))


def _check_types(card: HeadCard) -> None:
    """JSON holds anything. Raises `TypeError`."""
    of_type: dict[str, type | tuple[type, ...]] = {
        "base_sha256": str, "vocabulary": str, "data_sha256": str, "hidden_state": str,
        "expert_sha256s": list, "threshold": (int, float), "seed": int, "metrics": dict,
        "versions": dict,
    }  # fmt: skip
    for name, wanted in of_type.items():
        if not isinstance(getattr(card, name), wanted):
            raise TypeError(f"{name} is a {type(getattr(card, name)).__name__}")
    if not all(isinstance(sha256, str) for sha256 in card.expert_sha256s):
        raise TypeError("expert_sha256s holds what is no text")


def _check_shapes(tensors: Mapping[str, np.ndarray], card: HeadCard, path: Path) -> None:
    names = set(tensors)
    linear, mlp = {"weight", "bias"}, {"weight", "bias", "hidden_weight", "hidden_bias"}
    if names not in (linear, mlp):
        raise HeadMismatch(
            f"{path}: holds tensors {sorted(names)}, a head has {sorted(linear)}: train one anew"
        )
    n_experts = len(card.expert_sha256s)
    for name, tensor in tensors.items():
        if tensor.ndim != (1 if "bias" in name else 2):
            raise HeadMismatch(f"{path}: {name} has {tensor.ndim} dimensions: train the head anew")
    width = tensors["hidden_weight"].shape[0] if names == mlp else tensors["weight"].shape[-1]
    expected = {"weight": (n_experts, width), "bias": (n_experts,)}
    if names == mlp:
        expected["hidden_bias"] = (width,)
        expected["hidden_weight"] = (width, tensors["hidden_weight"].shape[-1])
    for name, tensor in tensors.items():
        if tensor.shape != expected[name] or tensor.dtype != np.float32:
            raise HeadMismatch(
                f"{path}: {name} is {tensor.dtype} {tensor.shape}, {n_experts} experts need float32 "
                f"{expected[name]}: train the head anew"
            )
        if not np.isfinite(tensor).all():
            raise HeadMismatch(f"{path}: {name} holds values that are no numbers: train it anew")
