"""CALM: GGUF and NumPy against the PyTorch composition, on random models."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from localcollab.bridges import Bridge, BridgeCard, load_bridge, save_bridge
from localcollab.calm import Augmenting, CalmModel
from localcollab.errors import BadOption, BridgeMismatch
from localcollab.language_model import Stopped
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights, load_weights
from localcollab_convert.composition import Composition
from random_llama import N_VOCAB, random_llama, write_gguf

pytestmark = pytest.mark.weights
EXACT = Options(flash_attention="off", n_ctx=512, kv_type="f32", n_batch=64, n_ubatch=32)
LAYERS = ((0, 1), (1, 2))
TOKENS: list[int] = np.random.default_rng(1).integers(3, N_VOCAB, 200).tolist()


@pytest.fixture(scope="module")
def composition() -> Composition:
    torch.manual_seed(7)
    made = Composition(random_llama(0, n_layers=4), random_llama(1, n_embd=64), LAYERS, 64, 4)
    with torch.no_grad():
        for pair in made.pairs:
            pair.output.weight.normal_(0, 0.1)  # type: ignore[union-attr, operator]
    return made


@pytest.fixture(scope="module")
def bridge(composition: Composition) -> Bridge:
    card = BridgeCard("anchor", "augmenting", "vocabulary", LAYERS, 4)
    return Bridge(tuple(pair.to_pair() for pair in composition.pairs), card)  # type: ignore[operator]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Weights]:
    folder = tmp_path_factory.mktemp("calm")
    models = [random_llama(0, n_layers=4), random_llama(1, n_embd=64)]
    paths = [write_gguf(model, folder / f"{i}.gguf") for i, model in enumerate(models)]
    return [load_weights(path, EXACT, extra_buffers=True) for path in paths]


@pytest.fixture(scope="module")
def expected(composition: Composition) -> np.ndarray:
    with torch.no_grad():
        logits: np.ndarray = composition(torch.tensor([TOKENS]))[0].numpy()
    return logits


def open_calm(weights: list[Weights], bridge: Bridge, options: Options = EXACT) -> CalmModel:
    return CalmModel("calm", weights[0], [Augmenting("a", weights[1], bridge)], options)


def test_gguf_and_numpy_equal_the_composition_in_pytorch(
    weights: list[Weights], bridge: Bridge, expected: np.ndarray
) -> None:
    got = open_calm(weights, bridge).read(TOKENS, last=len(TOKENS)).logits
    assert np.abs(got - expected).max() <= 0.01 * np.abs(expected).max()


def test_the_bridge_changes_what_the_anchor_says(
    weights: list[Weights], expected: np.ndarray
) -> None:
    alone = LlamaModel(weights[0], EXACT, name="anchor").read(TOKENS, last=len(TOKENS)).logits
    assert np.abs(alone - expected).max() > 0.1 * np.abs(expected).max()


def test_a_fresh_bridge_changes_nothing() -> None:
    fresh = Composition(random_llama(0), random_llama(1), ((0, 1),), 32, 2)
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
        assert np.abs(logits - want).max(initial=0) <= 0.01 * np.abs(expected).max()


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
    assert np.abs(got - expected[-1]).max() <= 0.01 * np.abs(expected).max()


def test_a_bridge_file_comes_back_as_it_was(bridge: Bridge, tmp_path: Path) -> None:
    save_bridge(bridge, tmp_path / "b.safetensors")
    loaded = load_bridge(tmp_path / "b.safetensors")
    assert loaded.card == bridge.card
    for mine, theirs in zip(loaded.pairs, bridge.pairs, strict=True):
        np.testing.assert_array_equal(mine.output, theirs.output)


def test_layers_that_the_models_lack_are_refused(weights: list[Weights], bridge: Bridge) -> None:
    card = BridgeCard("anchor", "augmenting", "vocabulary", ((0, 1), (1, 3)), 4)
    with pytest.raises(BadOption, match="layer 3 cannot be hooked: choose 0 to 2"):
        open_calm(weights, Bridge(bridge.pairs, card))


def test_a_bridge_of_other_files_is_refused(bridge: Bridge) -> None:
    with pytest.raises(BridgeMismatch, match="another file as augmenting model"):
        bridge.require("anchor", "else", "vocabulary", (128, 64))


def test_nan_weights_are_refused(bridge: Bridge, tmp_path: Path) -> None:
    pair = bridge.pairs[0]
    broken = replace(pair, norm_anchor=pair.norm_anchor * np.nan)
    broken_bridge = Bridge((broken, bridge.pairs[1]), bridge.card)
    save_bridge(broken_bridge, tmp_path / "b.safetensors")
    with pytest.raises(BridgeMismatch, match="norm_anchor"):
        load_bridge(tmp_path / "b.safetensors")
