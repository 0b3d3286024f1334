"""CALM: GGUF and NumPy against the PyTorch composition, on random models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from localcollab.errors import BadOption, BridgeMismatch, EvaluationFailed
from localcollab.language_model import Stopped
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights, load_weights
from localcollab.methods.bridges import (
    Bridge,
    BridgeMetadata,
    LayerPair,
    load_bridge,
    save_bridge,
    spread_slopes,
)
from localcollab.methods.calm import CalmModel
from localcollab_convert.calm.composition import Composition
from random_llama import N_VOCAB, random_llama, write_gguf

pytestmark = pytest.mark.weights
EXACT = Options(flash_attention="off", n_ctx=512, kv_type="f32", n_batch=64, n_ubatch=32)
LAYERS = (LayerPair(0, 0, 1), LayerPair(0, 1, 2), LayerPair(1, 2, 2))  # the second one's last layer
SHAPES = ((3, 64), (3, 128))
SLOPES = spread_slopes(4)
CLOSE = 1e-4
"""Of the largest logit: F32 on both sides leaves 2e-6."""
TOKENS: list[int] = np.random.default_rng(1).integers(3, N_VOCAB, 200).tolist()


@pytest.fixture(scope="module")
def composition() -> Composition:
    torch.manual_seed(7)
    augmenting = [random_llama(n, n_layers=d, n_embd=w) for n, (d, w) in enumerate(SHAPES, 1)]
    made = Composition(random_llama(0, n_layers=4), augmenting, LAYERS, 64, 4, SLOPES)
    with torch.no_grad():
        for pair in made.pairs:
            pair.output.weight.normal_(0, 0.1)  # type: ignore[union-attr, operator]
    return made


@pytest.fixture(scope="module")
def bridge(composition: Composition) -> Bridge:
    metadata = BridgeMetadata("anchor", ("a", "b"), "vocabulary", LAYERS, 4, SLOPES)
    return Bridge(tuple(pair.to_pair() for pair in composition.pairs), metadata)  # type: ignore[operator]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Weights]:
    folder = tmp_path_factory.mktemp("calm")
    models = [random_llama(0, n_layers=4)]
    models += [random_llama(n, n_layers=d, n_embd=w) for n, (d, w) in enumerate(SHAPES, 1)]
    paths = [write_gguf(model, folder / f"{i}.gguf") for i, model in enumerate(models)]
    return [load_weights(path, EXACT, extra_buffers=True) for path in paths]


@pytest.fixture(scope="module")
def expected(composition: Composition) -> np.ndarray:
    with torch.no_grad():
        logits: np.ndarray = composition(torch.tensor([TOKENS]))[0].numpy()
    return logits


def open_calm(weights: list[Weights], bridge: Bridge, options: Options = EXACT) -> CalmModel:
    augmenting = {"a": weights[1], "b": weights[2]}
    return CalmModel("calm", weights[0], augmenting, bridge, options)


def test_gguf_and_numpy_equal_the_composition_in_pytorch(
    weights: list[Weights], bridge: Bridge, expected: np.ndarray
) -> None:
    got = open_calm(weights, bridge).read(TOKENS, last=len(TOKENS)).logits
    assert np.abs(got - expected).max() <= CLOSE * np.abs(expected).max()


def test_the_bridge_changes_what_the_anchor_says(
    weights: list[Weights], expected: np.ndarray
) -> None:
    alone = LlamaModel(weights[0], EXACT, name="anchor").read(TOKENS, last=len(TOKENS)).logits
    assert np.abs(alone - expected).max() > 0.1 * np.abs(expected).max()


def test_a_fresh_bridge_changes_nothing() -> None:
    fresh = Composition(random_llama(0), [random_llama(1)], [LayerPair(0, 0, 1)], 32, 2)
    with torch.no_grad():
        logits = fresh(torch.tensor([TOKENS]))
        plain = random_llama(0)(torch.tensor([TOKENS])).logits
    torch.testing.assert_close(logits, plain)


@settings(max_examples=10, deadline=None)
@given(walk=st.lists(st.tuples(st.integers(1, 200), st.integers(0, 4), st.booleans()), max_size=6))
def test_any_split_into_reads_and_rewinds_gives_the_same_logits(
    weights: list[Weights], bridge: Bridge, expected: np.ndarray, walk: list[tuple[int, int, bool]]
) -> None:
    model = open_calm(weights, bridge)
    for n, last, branch in walk:
        if branch:
            model.read([*TOKENS[: n // 2], 9, 9, 9])
        logits = model.read(TOKENS[:n], last=min(last, n)).logits
        want = expected[n - min(last, n) : n]
        assert np.abs(logits - want).max(initial=0) <= CLOSE * np.abs(expected).max()


def test_a_later_token_never_changes_an_earlier_logit(
    weights: list[Weights], bridge: Bridge
) -> None:
    one = open_calm(weights, bridge).read(TOKENS[:64], last=40).logits
    changed = [*TOKENS[:60], *(t % 500 + 5 for t in TOKENS[60:64])]
    other = open_calm(weights, bridge).read(changed, last=40).logits
    np.testing.assert_array_equal(one[:36], other[:36])
    assert (one[36:] != other[36:]).any()


def test_a_stopped_read_leaves_a_valid_cache(
    weights: list[Weights], bridge: Bridge, expected: np.ndarray
) -> None:
    model = open_calm(weights, bridge)

    def stop(done: int, total: int) -> None:
        if done >= 64:
            raise Stopped

    with pytest.raises(Stopped):
        model.read(TOKENS, on_chunk=stop)
    got = model.read(TOKENS).logits[0]
    assert np.abs(got - expected[-1]).max() <= CLOSE * np.abs(expected).max()


def test_a_bridge_file_comes_back_as_it_was(bridge: Bridge, tmp_path: Path) -> None:
    save_bridge(bridge, tmp_path / "b.safetensors")
    loaded = load_bridge(tmp_path / "b.safetensors")
    assert loaded.metadata == bridge.metadata
    for mine, theirs in zip(loaded.pairs, bridge.pairs, strict=True):
        np.testing.assert_array_equal(mine.output, theirs.output)


def test_layers_that_the_models_lack_are_refused(weights: list[Weights], bridge: Bridge) -> None:
    for owner, odd in (("anchor has 4", LayerPair(1, 1, 3)), ("b has 3", LayerPair(1, 3, 2))):
        metadata = replace(bridge.metadata, pairs=(*LAYERS[:2], odd))
        message = f"{owner} layers, so layer 3 cannot be hooked: choose 0 to 2"
        with pytest.raises(BadOption, match=message):
            open_calm(weights, Bridge(bridge.pairs, metadata))


@pytest.mark.parametrize(
    ("anchor", "augmenting", "vocabulary", "widths", "message"),
    [
        ("else", ("a", "b"), "vocabulary", (128, 64, 128), "another file as anchor"),
        ("anchor", ("a", "c"), "vocabulary", (128, 64, 128), "as augmenting model 2"),
        ("anchor", ("b", "a"), "vocabulary", (128, 64, 128), "as augmenting model 1"),
        ("anchor", ("a",), "vocabulary", (128, 64), "has 2 augmenting models, 1 are given"),
        ("anchor", ("a", "b"), "other", (128, 64, 128), "another vocabulary"),
        (
            "anchor",
            ("a", "b"),
            "vocabulary",
            (128, 64, 64),
            "n_embd 128 and 128, these models have 128 and 64",
        ),
    ],
)
def test_a_bridge_of_other_models_is_refused(
    bridge: Bridge, anchor: str, augmenting: tuple[str, ...], vocabulary: str,
    widths: tuple[int, ...], message: str,
) -> None:  # fmt: skip
    bridge.require("anchor", ("a", "b"), "vocabulary", (128, 64, 128))
    with pytest.raises(BridgeMismatch, match=message):
        bridge.require(anchor, augmenting, vocabulary, widths)


@pytest.mark.parametrize("part", ["query", "key", "value", "output"])
def test_a_bridge_whose_numbers_are_too_large_is_blamed_itself(
    weights: list[Weights], bridge: Bridge, part: str
) -> None:
    pair = bridge.pairs[0]
    wild = replace(pair, **{part: np.full_like(getattr(pair, part), 3e38)})
    model = open_calm(weights, Bridge((wild, *bridge.pairs[1:]), bridge.metadata))
    with pytest.raises(
        EvaluationFailed, match=r"calm: the bridge produces NaN or infinite values at layer 1"
    ):
        model.read(TOKENS[:20])


def test_models_of_another_width_are_refused(weights: list[Weights], bridge: Bridge) -> None:
    with pytest.raises(
        BridgeMismatch, match="connects n_embd 128 and 64, these models have 128 and 128"
    ):
        CalmModel("calm", weights[0], {"a": weights[2], "b": weights[1]}, bridge, EXACT)


def test_another_number_of_models_is_refused(weights: list[Weights], bridge: Bridge) -> None:
    with pytest.raises(BadOption, match="has 2 augmenting models, 1 are given"):
        CalmModel("calm", weights[0], {"a": weights[1]}, bridge, EXACT)


def test_switching_the_bridge_off_gives_exactly_the_anchor(
    weights: list[Weights], bridge: Bridge, expected: np.ndarray
) -> None:
    model = open_calm(weights, bridge)
    composed = model.read(TOKENS).logits
    model.switch(False)
    alone = LlamaModel(weights[0], EXACT, name="anchor").read(TOKENS).logits
    np.testing.assert_array_equal(model.read(TOKENS).logits, alone)
    assert model.members["a"].n_evaluated == len(TOKENS)
    model.switch(True)
    np.testing.assert_array_equal(model.read(TOKENS).logits, composed)


def test_half_the_size_keeps_three_digits(bridge: Bridge, tmp_path: Path) -> None:
    save_bridge(bridge, tmp_path / "f32.safetensors")
    save_bridge(bridge, tmp_path / "f16.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("f32", "f16")]
    loaded = load_bridge(tmp_path / "f16.safetensors")
    np.testing.assert_allclose(loaded.pairs[0].query, bridge.pairs[0].query, rtol=1e-3, atol=1e-7)
    assert loaded.pairs[0].query.dtype == np.float32
    assert sizes[1] < 0.6 * sizes[0]


def test_nan_weights_are_refused(bridge: Bridge, tmp_path: Path) -> None:
    pair = bridge.pairs[0]
    broken = replace(pair, norm_anchor=pair.norm_anchor * np.nan)
    broken_bridge = Bridge((broken, *bridge.pairs[1:]), bridge.metadata)
    save_bridge(broken_bridge, tmp_path / "b.safetensors")
    with pytest.raises(BridgeMismatch, match="norm_anchor"):
        load_bridge(tmp_path / "b.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_heads": 0}, "has no heads"),
        ({"n_heads": 7}, "for 7 heads"),
        ({"pairs": ()}, "connects no layers"),
        ({"slopes": (1.0,)}, "has slopes"),
        ({"slopes": (1e300, 0.0, 0.0, 0.0)}, "has slopes"),
        ({"pairs": (LayerPair(2, 0, 1), *LAYERS[1:])}, "connects augmenting model 2 of 2"),
    ],
)
def test_a_card_that_does_not_fit_its_tensors_is_refused(
    bridge: Bridge, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    save_bridge(
        Bridge(bridge.pairs, replace(bridge.metadata, **change)), tmp_path / "b.safetensors"
    )
    with pytest.raises(BridgeMismatch, match=message):
        load_bridge(tmp_path / "b.safetensors")


def test_what_is_no_bridge_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(BridgeMismatch, match="not a bridge file"):
        load_bridge(tmp_path / "b.safetensors")
