"""Head files: what is saved is loaded, the maths is a softmax, and nothing else passes for a head."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import localcollab
from localcollab.errors import HeadMismatch
from localcollab.methods.heads import (
    FORMAT,
    FORMAT_WITH_RIGHT,
    Head,
    HeadMetadata,
    load_head,
    save_head,
)

RNG = np.random.default_rng(0)
METADATA = HeadMetadata(
    base_sha256="b" * 64, expert_sha256s=("e" * 64, "f" * 64), vocabulary="v" * 64,
    data_sha256="d" * 64, threshold=0.3, seed=7, metrics={"head": 1.25}, versions={"numpy": "2"},
)  # fmt: skip


def linear(n_experts: int = 2, n_embd: int = 5) -> Head:
    weight = RNG.normal(size=(n_experts, n_embd)).astype(np.float32)
    return Head({"weight": weight, "bias": np.ones(n_experts, np.float32)}, METADATA)


def perceptron() -> Head:
    shapes = {"hidden_weight": (3, 5), "hidden_bias": (3,), "weight": (2, 3), "bias": (2,)}
    tensors = {n: RNG.normal(size=s).astype(np.float32) for n, s in shapes.items()}
    return Head(tensors, METADATA)


@pytest.mark.parametrize("make", [linear, perceptron])
def test_a_saved_head_is_loaded_whole(make: Callable[[], Head], tmp_path: Path) -> None:
    head = make()
    save_head(head, tmp_path / "head.safetensors")
    loaded = load_head(tmp_path / "head.safetensors")
    assert (loaded.metadata, loaded.n_experts, loaded.n_embd) == (METADATA, 2, 5)
    assert loaded.tensors.keys() == head.tensors.keys()
    for name, tensor in head.tensors.items():
        np.testing.assert_array_equal(loaded.tensors[name], tensor)
    assert [path.name for path in tmp_path.iterdir()] == ["head.safetensors"]


def test_p_defer_is_the_softmax_without_the_base() -> None:
    head, hidden = linear(), RNG.normal(size=(4, 5)).astype(np.float32)
    logits = np.concatenate([np.zeros((4, 1)), hidden @ head.tensors["weight"].T + 1], axis=1)
    want = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(head.p_defer(hidden), want[:, 1:], rtol=1e-5)


def test_the_perceptron_has_one_tanh_layer() -> None:
    head, hidden = perceptron(), RNG.normal(size=(4, 5)).astype(np.float32)
    t = head.tensors
    inner = np.tanh(hidden @ t["hidden_weight"].T + t["hidden_bias"])
    want = inner @ t["weight"].T + t["bias"]
    np.testing.assert_allclose(head.logits(hidden)[:, 1:], want, rtol=1e-5)


def test_large_logits_do_not_overflow() -> None:
    head = linear()
    p = head.p_defer(np.full((1, 5), 1e4, np.float32))
    assert np.isfinite(p).all()
    assert p.sum() <= 1 + 1e-6


def test_nan_values_are_refused_not_read_as_never() -> None:
    huge = Head(
        {"weight": np.full((2, 5), 3e38, np.float32), "bias": np.ones(2, np.float32)}, METADATA
    )
    with pytest.raises(HeadMismatch, match="NaN or infinite values"):
        huge.p_defer(np.array([[1e3, -1e3, 0, 0, 0]], np.float32))


def test_a_head_is_accepted_by_its_own_models_only() -> None:
    head, experts = linear(), ["e" * 64, "f" * 64]
    head.require("b" * 64, experts, "v" * 64, 5)
    wrong = [
        (("x" * 64, experts, "v" * 64, 5), "another file as the base"),
        (("b" * 64, experts[::-1], "v" * 64, 5), "another file as expert 1"),
        (("b" * 64, experts[:1], "v" * 64, 5), "for 2 experts, the team has 5 and 1"),
        (("b" * 64, experts, "w" * 64, 5), "another vocabulary"),
        (("b" * 64, experts, "v" * 64, 6), "reads 5 values"),
    ]
    for arguments, message in wrong:
        with pytest.raises(HeadMismatch, match=message):
            head.require(*arguments)


def refused(path: Path, message: str) -> None:
    with pytest.raises(HeadMismatch, match=message) as caught:
        load_head(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 2.0}, "threshold 2.0 is not a probability"),
        ({"threshold": float("nan")}, "threshold nan is not a probability"),
        ({"hidden_state": "before"}, "needs the hidden state 'before'"),
        ({"expert_sha256s": ()}, "0 experts need"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    head = linear()
    save_head(replace(head, metadata=replace(METADATA, **change)), tmp_path / "h")  # type: ignore[arg-type]
    refused(tmp_path / "h", message)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("", "its metadata is damaged"),
        ("[" * 100_000, "its metadata is damaged"),
        ("[]", "its metadata is damaged"),
        ('{"base_sha256": "b"}', "its metadata is damaged"),
        (json.dumps(asdict(METADATA) | {"vocabulary": 5}), "vocabulary is a int"),
        (json.dumps(asdict(METADATA) | {"expert_sha256s": "ef"}), "expert_sha256s is a str"),
        (
            json.dumps(asdict(METADATA) | {"expert_sha256s": [1, 2]}),
            "holds a value that is not text",
        ),
        (json.dumps(asdict(METADATA) | {"threshold": "0.5"}), "threshold is a str"),
    ],
    ids=range(8),
)
def test_damaged_metadata_is_refused(metadata: str, message: str, tmp_path: Path) -> None:
    tensors = {name: np.asarray(tensor) for name, tensor in linear().tensors.items()}
    save_file(tensors, tmp_path / "h", {"format": FORMAT, "card": metadata})
    refused(tmp_path / "h", message)


def test_a_card_of_a_later_version_with_more_fields_is_read(tmp_path: Path) -> None:
    tensors = {name: np.asarray(tensor) for name, tensor in linear().tensors.items()}
    metadata = json.dumps(asdict(METADATA) | {"colour": "green"})
    save_file(tensors, tmp_path / "h", {"format": FORMAT, "card": metadata})
    assert load_head(tmp_path / "h").metadata == METADATA


W, B = np.ones((2, 5), np.float32), np.ones(2, np.float32)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": W}, "holds tensors"),
        ({"weight": W, "bias": B, "more": B}, "holds tensors"),
        ({"weight": np.array(1, np.float32), "bias": B}, "weight has 0 dimensions"),
        ({"weight": W, "bias": W}, "bias has 2 dimensions"),
        ({"weight": W.astype(np.float64), "bias": B}, "weight is float64"),
        ({"weight": W[:1], "bias": B}, "2 experts need"),
        ({"weight": W * np.float32(np.nan), "bias": B}, "weight holds NaN or infinite values"),
        ({"weight": W, "bias": B, "hidden_weight": W, "hidden_bias": B}, "2 experts need"),
    ],
)
def test_tensors_that_are_no_head_are_refused(
    tensors: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    save_file(tensors, tmp_path / "h", {"format": FORMAT, "card": json.dumps(asdict(METADATA))})
    refused(tmp_path / "h", message)


def test_a_file_that_is_no_head_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "missing", "no such head file")
    refused(tmp_path, "no such head file")
    (tmp_path / "noise").write_bytes(b"\xff" * 64)
    refused(tmp_path / "noise", "not a head file")
    save_file({"weight": W}, tmp_path / "other")
    refused(tmp_path / "other", f"not a head of format {FORMAT}")


def judging(n_embd: int = 5) -> Head:
    head = linear(n_embd=n_embd)
    second = {
        "right_weight": RNG.normal(size=n_embd + 4).astype(np.float32),
        "right_bias": np.array([0.5], np.float32),
    }
    return Head({**head.tensors, **second}, replace(METADATA, least_right=0.4))


def test_a_head_with_a_second_output_has_a_format_of_its_own(tmp_path: Path) -> None:
    head, path = judging(), tmp_path / "head.safetensors"
    save_head(head, path)
    loaded = load_head(path)
    assert (loaded.judges_spans, loaded.metadata.least_right) == (True, 0.4)
    assert FORMAT_WITH_RIGHT.encode() in path.read_bytes()
    save_head(linear(), path)
    assert not load_head(path).judges_spans
    assert f'"{FORMAT}"'.encode() in path.read_bytes()


def test_the_second_output_is_a_logistic_function() -> None:
    head, seen = judging(), RNG.normal(size=9).astype(np.float32)
    z = seen @ head.tensors["right_weight"] + 0.5
    assert head.p_right(seen) == pytest.approx(1 / (1 + np.exp(-z)))
    assert head.p_right(seen * 1e6) in (pytest.approx(0), pytest.approx(1))


def test_the_shipped_head_has_no_second_output() -> None:
    shipped = load_head(Path(localcollab.__file__).parent / "shipped/formulary/head.safetensors")
    assert (shipped.judges_spans, shipped.metadata.least_right) == (False, 0.0)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("right_weight", np.zeros(8, np.float32)),
        ("right_weight", np.zeros((9, 1), np.float32)),
        ("right_weight", np.zeros(9, np.float64)),
        ("right_bias", np.zeros(2, np.float32)),
        ("right_weight", np.full(9, np.nan, np.float32)),
    ],
)
def test_a_damaged_second_output_is_refused(name: str, tensor: np.ndarray, tmp_path: Path) -> None:
    head = judging()
    save_head(Head({**head.tensors, name: tensor}, head.metadata), tmp_path / "head.safetensors")
    with pytest.raises(HeadMismatch, match=name):
        load_head(tmp_path / "head.safetensors")


def test_half_of_a_second_output_is_refused(tmp_path: Path) -> None:
    head = linear()
    odd = Head({**head.tensors, "right_bias": np.zeros(1, np.float32)}, METADATA)
    save_head(odd, tmp_path / "head.safetensors")
    with pytest.raises(HeadMismatch, match="right_bias"):
        load_head(tmp_path / "head.safetensors")
